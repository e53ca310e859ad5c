"""The framework's documented first example: one task, one seed, one fit, in a fresh process."""

from __future__ import annotations

import math
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from samenet.adapter import discovery, source_files
from samenet.adapter.arrays import Array, QuickStartData
from samenet.adapter.dataset import Dataset, network_of
from samenet.machine import clock
from samenet.runs import adapter_source
from samenet.runs.records import FailureRecord, QualityRecord, Record, TimingRecord
from samenet.runs.work_order import WorkOrder, outputs_path
from samenet.spec.metrics import main_metric
from samenet.spec.network import Family, TaskKind
from samenet.spec.task import Task
from samenet.spec.training import TrainSpec
from samenet.worker.metrics import scores


def run(order: WorkOrder) -> None:
    """Fit the task once with this seed and keep the raw predictions.

    What the example's file imports on top of the framework is part of what it takes: one example
    imports before it trains what another one imports as it trains.
    """
    path = Path(order.arm.path).parent / order.arm.header.quickstart
    source_files.shipped_folder()
    made: list[ModuleType] = []
    try:
        load_seconds = clock.time_call(lambda: made.append(discovery.load(path)))
    except ModuleNotFoundError as error:
        order.emit([_not_installed(order, task, error) for task in order.tasks])
        return
    for task in order.tasks:
        pages = adapter_source.read_pages(order.arm, task.example)
        if not pages and task.model.family != "dense":
            order.emit([_not_shown(order, task)])
            continue
        try:
            order.emit(_fitted(order, made[0], load_seconds, task))
        except Exception as error:  # noqa: BLE001 - the example is not ours; the other tasks go on
            order.emit([_failure(order, task, error)])


def _fitted(order: WorkOrder, example: ModuleType, load_seconds: float, task: Task) -> list[Record]:
    dataset = order.dataset(task)
    rows = dataset.card.train_rows
    network, seed = network_of(task, dataset), order.job.repeat
    inputs = dataset.rows(network)
    data = QuickStartData(inputs=inputs[:rows], targets=dataset.targets[:rows], kind=task.kind)
    pages = adapter_source.read_pages(order.arm, task.example)
    training = as_on_page(task.training, pages, rows)
    losses: list[float] = []

    def fit() -> None:
        made = example.quickstart(network, training, data, seed=seed)
        losses.extend(float(loss) for loss in made.fit(training.epochs))
        trained.append(made)

    trained: list[object] = []
    seconds = clock.time_call(fit)
    if not np.isfinite(losses).all():
        raise FloatingPointError("the training diverged: its loss is not a number any more")
    outputs = np.asarray(trained[0].predict(inputs))  # type: ignore[attr-defined]
    _save(order, task, outputs, training.epochs)
    return [
        _timing(order, task, load_seconds + seconds),
        _curve(order, task, losses),
        _guess(order, task, dataset),
    ]


def as_on_page(training: TrainSpec, page: Mapping[str, str], rows: int) -> TrainSpec:
    """Return a training with the batch size and at least the number of updates of a followed page.

    Both are the page's choice as much as its learning rate is, which was made for them. What a
    page's entry does not say stays as the task has it.
    """
    batch = page.get("batch_size", str(training.batch_size))
    batch_size = rows if batch == ALL_ROWS else min(int(batch), rows)
    epochs = training.epochs
    if "updates" in page:
        epochs = max(1, math.ceil(int(page["updates"]) / math.ceil(rows / batch_size)))
    return training.model_copy(update={"batch_size": batch_size, "epochs": epochs})


ALL_ROWS = "all"


def _save(order: WorkOrder, task: Task, outputs: Array, epochs: int) -> None:
    path = outputs_path(order.folder, "quickstart", task.name, order.job.arm, order.job.repeat)
    np.savez(path, epochs=np.array([epochs]), outputs=outputs[None].astype(np.float32))


def _timing(order: WorkOrder, task: Task, seconds: float) -> TimingRecord:
    return TimingRecord(
        **_about(order, task),
        phase="fit",
        steps=0,
        seconds=(seconds,),
    )


def _curve(order: WorkOrder, task: Task, losses: list[float]) -> QualityRecord:
    return QualityRecord(
        **_about(order, task),
        split="train",
        metric="reported_loss",
        epochs=tuple(range(1, len(losses) + 1)),
        values=tuple(losses),
    )


def _guess(order: WorkOrder, task: Task, dataset: Dataset) -> QualityRecord:
    """Return the main test score of an answer that looks at no inputs.

    It is the most frequent class of the training rows, or their mean: what an example does not beat
    it has not learnt.
    """
    rows, tests = dataset.card.train_rows, len(dataset.targets) - dataset.card.train_rows
    known = dataset.targets[:rows]
    answer = known.reshape(rows, -1).mean(axis=0)
    if task.kind == TaskKind.MULTICLASS:
        answer = np.bincount(known.astype(np.int64), minlength=dataset.card.outputs) / rows
    found = scores(
        dataset,
        slice(rows, None),
        np.tile(answer, (tests, 1)),
        loss=task.training.loss,
        link="values" if task.kind == TaskKind.REGRESSION else "probabilities",
        complete=False,
    )
    return QualityRecord(
        **_about(order, task),
        split="test",
        metric="guess",
        epochs=(0,),
        values=(found[main_metric(task.kind).name],),
    )


def _not_shown(order: WorkOrder, task: Task) -> FailureRecord:
    """Return the record of an example that shows no network of this family."""
    shown = FAMILY_NAMES[task.model.family]
    reason = f"no first example of its documentation is followed for {shown}"
    return FailureRecord(**_about(order, task), mark="unsupported", reason=reason, detail="")


FAMILY_NAMES: dict[Family, str] = {
    "dense": "rows of numbers",
    "convolution": "convolutions",
    "recurrent": "recurrent layers",
    "attention": "attention",
}


def _not_installed(order: WorkOrder, task: Task, error: ModuleNotFoundError) -> FailureRecord:
    """Return the record of an example that needs more than the framework itself."""
    extra = order.arm.header.extra
    hint = f": pip install 'samenet[{extra}]'" if extra else ""
    reason = f"its first example needs {error.name}{hint}"
    return FailureRecord(
        **_about(order, task), mark="not installed", reason=reason, detail=traceback.format_exc()
    )


def _failure(order: WorkOrder, task: Task, error: Exception) -> FailureRecord:
    reason = f"{type(error).__name__}: {error}".splitlines()[0]
    return FailureRecord(
        **_about(order, task), mark="failed", reason=reason, detail=traceback.format_exc()
    )


def _about(order: WorkOrder, task: Task) -> dict[str, Any]:
    """Return what every record of a quick start says of where it comes from."""
    return {
        "job": order.job.id,
        "track": "quickstart",
        "task": task.name,
        "arm": order.job.arm,
        "repeat": order.job.repeat,
    }

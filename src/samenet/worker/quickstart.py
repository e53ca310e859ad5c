"""The framework's documented first example on every task: one fit, one seed, one process."""

from __future__ import annotations

import traceback
from pathlib import Path

import numpy as np

from samenet.adapter import discovery
from samenet.adapter.arrays import Array, QuickStartData
from samenet.adapter.dataset import network_of
from samenet.machine import clock
from samenet.runs.records import FailureRecord, QualityRecord, Record, TimingRecord
from samenet.runs.work_order import WorkOrder, outputs_path
from samenet.spec.task import Task


def run(order: WorkOrder) -> None:
    """Fit each task once with this seed and keep the raw predictions."""
    folder = Path(order.arm.path).parent
    example = discovery.load(folder / order.arm.header.quickstart)
    for task in order.tasks:
        try:
            order.emit(_fitted(order, example, task))
        except Exception as error:  # noqa: BLE001 - the example is not ours; the other tasks go on
            order.emit([_failure(order, task, error)])


def _fitted(order: WorkOrder, example: object, task: Task) -> list[Record]:
    dataset = order.dataset(task)
    rows = dataset.card.train_rows
    data = QuickStartData(
        inputs=dataset.inputs[:rows], targets=dataset.targets[:rows], kind=task.kind
    )
    network, seed = network_of(task, dataset), order.job.repeat
    losses: list[float] = []

    def fit() -> None:
        made = example.quickstart(network, task.training, data, seed=seed)  # type: ignore[attr-defined]
        losses.extend(float(loss) for loss in made.fit(task.training.epochs))
        trained.append(made)

    trained: list[object] = []
    seconds = clock.seconds(fit)
    if not np.isfinite(losses).all():
        raise FloatingPointError("the training diverged: its loss is not a number any more")
    outputs = np.asarray(trained[0].predict(dataset.inputs))  # type: ignore[attr-defined]
    _save(order, task, outputs)
    return [_timing(order, task, seconds), _curve(order, task, losses)]


def _save(order: WorkOrder, task: Task, outputs: Array) -> None:
    path = outputs_path(order.folder, "quickstart", task.name, order.job.arm, order.job.repeat)
    epochs = np.array([task.training.epochs])
    np.savez(path, epochs=epochs, outputs=outputs[None].astype(np.float32))


def _timing(order: WorkOrder, task: Task, seconds: float) -> TimingRecord:
    return TimingRecord(
        job=order.job.id,
        track="quickstart",
        task=task.name,
        arm=order.job.arm,
        repeat=order.job.repeat,
        phase="fit",
        steps=0,
        seconds=(seconds,),
    )


def _curve(order: WorkOrder, task: Task, losses: list[float]) -> QualityRecord:
    return QualityRecord(
        job=order.job.id,
        track="quickstart",
        task=task.name,
        arm=order.job.arm,
        repeat=order.job.repeat,
        split="train",
        metric="reported_loss",
        epochs=tuple(range(1, len(losses) + 1)),
        values=tuple(losses),
    )


def _failure(order: WorkOrder, task: Task, error: Exception) -> FailureRecord:
    return FailureRecord(
        job=order.job.id,
        track="quickstart",
        task=task.name,
        arm=order.job.arm,
        repeat=order.job.repeat,
        mark="failed",
        reason=f"{type(error).__name__}: {error}".splitlines()[0],
        detail=traceback.format_exc(),
    )

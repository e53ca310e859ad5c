"""Score every training from its raw outputs: one worker, one library, the same for everybody."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from samenet.adapter.arrays import Array
from samenet.adapter.dataset import Dataset
from samenet.machine import clock
from samenet.runs.records import FailureRecord, OutputsKept, QualityRecord, Record, Track
from samenet.runs.work_order import WorkOrder, outputs_path
from samenet.spec.metrics import main_metric
from samenet.spec.network import TaskKind
from samenet.spec.task import Task
from samenet.worker.curves import REPEATS
from samenet.worker.metrics import COSTLY, scores

Link = Literal["logits", "probabilities", "values"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RawOutputs:
    """One file of raw outputs and where it belongs."""

    track: Track
    task: Task
    arm: str
    repeat: int
    path: Path

    @property
    def link(self) -> Link:
        """Return what the outputs are."""
        if self.task.kind == TaskKind.REGRESSION:
            return "values"
        return "logits" if self.track == "same" else "probabilities"


def run(order: WorkOrder) -> None:
    """Score what is there; a training that left no outputs has its own failure record."""
    for task in order.tasks:
        dataset = order.dataset(task)
        for training in find_raw_outputs(order, task):
            order.emit(_scored(order, dataset, training))


def find_raw_outputs(order: WorkOrder, task: Task) -> list[RawOutputs]:
    """Return every training of a task that left raw outputs."""
    wanted: list[tuple[Track, int]] = [("same", r) for r in range(REPEATS)]
    wanted += [("quickstart", seed) for seed in range(order.plan.seeds)]
    found = [
        RawOutputs(
            track=track,
            task=task,
            arm=arm.name,
            repeat=repeat,
            path=outputs_path(order.folder, track, task.name, arm.name, repeat),
        )
        for arm in order.plan.arms
        for track, repeat in wanted
    ]
    return [training for training in found if training.path.exists()]


def _scored(order: WorkOrder, dataset: Dataset, training: RawOutputs) -> list[Record]:
    with np.load(training.path, allow_pickle=False) as stored:
        epochs, outputs = stored["epochs"], stored["outputs"]
    try:
        records = _records(order, dataset, training, epochs, outputs)
    except ValueError as error:
        return [_failure(order, training, str(error))]
    keep_last(training.path, epochs, outputs)
    return [*records, _kept(order, training)]


def score_again(order: WorkOrder, dataset: Dataset, training: RawOutputs) -> list[Record]:
    """Return the scores of the outputs that were kept."""
    with np.load(training.path, allow_pickle=False) as stored:
        return _records(order, dataset, training, stored["epochs"], stored["outputs"])


def _records(
    order: WorkOrder, dataset: Dataset, training: RawOutputs, epochs: Array, outputs: Array
) -> list[Record]:
    rows = {
        "train": slice(0, dataset.card.train_rows),
        "test": slice(dataset.card.train_rows, None),
    }
    records: list[Record] = []
    for split, part in rows.items():
        curve = _curve(dataset, training, part, outputs)
        records += [
            QualityRecord(
                job=order.job.id,
                track=training.track,
                task=training.task.name,
                arm=training.arm,
                repeat=training.repeat,
                split=split,  # type: ignore[arg-type]
                metric=metric,
                epochs=tuple(int(e) for e in epochs[-len(values) :]),
                values=tuple(values),
            )
            for metric, values in curve.items()
        ]
    return records


def _curve(
    dataset: Dataset, training: RawOutputs, rows: slice, outputs: Array
) -> dict[str, list[float]]:
    """Return every metric after the last epoch; the loss and the shown metric after each."""
    along = {"loss", main_metric(training.task.kind).name}
    if training.task.goal:
        along.add(training.task.goal.metric)
    costly = bool(along & COSTLY)
    last = len(outputs) - 1
    found = [
        scores(
            dataset,
            rows,
            each[rows],
            loss=training.task.training.loss,
            link=training.link,
            complete=costly or place == last,
        )
        for place, each in enumerate(outputs)
    ]
    return {
        metric: [each[metric] for each in found] if metric in along else [value]
        for metric, value in found[-1].items()
    }


def keep_last(path: Path, epochs: Array, outputs: Array) -> None:
    """Replace the file by one with the outputs of the last epoch only."""
    np.savez(path, epochs=epochs[-1:], outputs=outputs[-1:])


def outputs_digest(path: Path) -> str:
    """Return the SHA-256 of the raw outputs in a file."""
    with np.load(path, allow_pickle=False) as stored:
        return hashlib.sha256(np.ascontiguousarray(stored["outputs"]).tobytes()).hexdigest()


def _kept(order: WorkOrder, training: RawOutputs) -> OutputsKept:
    return OutputsKept(
        job=order.job.id,
        when=clock.utc(),
        file=training.path.name,
        sha256=outputs_digest(training.path),
    )


def _failure(order: WorkOrder, training: RawOutputs, reason: str) -> FailureRecord:
    return FailureRecord(
        job=order.job.id,
        track=training.track,
        task=training.task.name,
        arm=training.arm,
        repeat=training.repeat,
        mark="failed",
        reason=reason,
    )

"""The reference lines of every task: what a linear model and boosted trees reach, and how fast."""

from __future__ import annotations

from samenet.runs.records import QualityRecord, Record, Split, TimingRecord
from samenet.runs.work_order import WorkOrder
from samenet.spec.task import Task
from samenet.worker.baseline_models import ReferenceLine, fit_reference_models


def run(order: WorkOrder) -> None:
    """Fit and score the reference models."""
    for task in order.tasks:
        for line in fit_reference_models(task):
            order.emit(_records(order, task, line))


def _records(order: WorkOrder, task: Task, line: ReferenceLine) -> list[Record]:
    timing = TimingRecord(
        job=order.job.id,
        track="reference",
        task=task.name,
        arm=line.name,
        repeat=0,
        phase="fit",
        steps=0,
        seconds=line.fit_seconds,
    )
    return [timing, *_scores(order, task, line)]


def _scores(order: WorkOrder, task: Task, line: ReferenceLine) -> list[Record]:
    parts: tuple[tuple[Split, dict[str, float]], ...] = (("train", line.train), ("test", line.test))
    return [
        QualityRecord(
            job=order.job.id,
            track="reference",
            task=task.name,
            arm=line.name,
            repeat=0,
            split=split,
            metric=metric,
            epochs=(0,),
            values=(value,),
        )
        for split, scores in parts
        for metric, value in scores.items()
    ]

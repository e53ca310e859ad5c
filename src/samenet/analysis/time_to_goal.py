"""When a training reaches the task's goal: from the scores after each epoch and the times."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

import pandas as pd

from samenet.analysis import totals
from samenet.analysis.frames import Frames
from samenet.analysis.memo import once
from samenet.analysis.quantities import seconds_of
from samenet.spec.metrics import main_of
from samenet.spec.task import Task
from samenet.stats.intervals import geometric


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """When one framework reaches the goal."""

    epoch: float
    """The middle one of the trainings' first epochs at the goal."""
    seconds: float


def metric_of(task: Task) -> str:
    """Return the score that is followed: the goal's, else the task's first."""
    return task.goal.metric if task.goal else main_of(task.kind).name


@once
def curve(frames: Frames, task: Task) -> pd.DataFrame:
    """Return the followed score on the test rows: arm, repeat, epoch, value."""
    rows = frames.scores
    rows = rows[(rows.track == "same") & (rows.task == task.name) & (rows.split == "test")]
    timed = [total.arm for total in totals.totals(frames, task)]
    return rows[(rows.metric == metric_of(task)) & rows.arm.isin(timed)]


@once
def seconds(frames: Frames, task: Task, arm: str) -> tuple[float, float]:
    """Return the typical start-up and epoch of one result."""
    start, epoch = (
        geometric([*seconds_of(frames, task, arm, quantity).values()]).value
        for quantity in ("start_up", "epoch")
    )
    return start, epoch


@once
def reached(frames: Frames, task: Task, arm: str) -> Reached | None:
    """Return when an arm reaches the goal, or None if a training of it does not."""
    rows = curve(frames, task)
    first = []
    for _, own in rows[rows.arm == arm].groupby("repeat"):
        good = [
            e
            for e, v in zip(own.epoch, own.value, strict=True)
            if task.goal and task.goal.reached(v)
        ]
        if not good:
            return None
        first.append(min(good))
    if not first:
        return None
    start, epoch = seconds(frames, task, arm)
    return Reached(epoch=float(median(first)), seconds=start + float(median(first)) * epoch)

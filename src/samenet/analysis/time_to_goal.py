"""When a training reaches the task's goal: from the scores after each epoch and the times."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

import pandas as pd

from samenet.analysis import totals
from samenet.analysis.frames import ArmResult, Frames
from samenet.analysis.memo import remember
from samenet.analysis.quantities import Quantity
from samenet.spec.metrics import main_metric
from samenet.spec.task import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class GoalReached:
    """When one framework reaches the goal."""

    epoch: float
    """The median over the trainings of the first epoch at the goal."""
    seconds: float


def metric_of(task: Task) -> str:
    """Return the score that is followed: the goal's, else the task's first."""
    return task.goal.metric if task.goal else main_metric(task.kind).name


@remember
def curve(frames: Frames, task: Task) -> pd.DataFrame:
    """Return the followed score on the test rows: arm, repeat, epoch, value."""
    rows = frames.scores
    rows = rows[(rows.track == "same") & (rows.task == task.name) & (rows.split == "test")]
    timed = [total.arm for total in totals.totals(frames, task)]
    return rows[(rows.metric == metric_of(task)) & rows.arm.isin(timed)]


def seconds_after(result: ArmResult, epochs: float) -> float:
    """Return the typical seconds from an empty interpreter to the end of so many epochs."""
    start_up = result.typical(Quantity.START_UP).value
    return start_up + epochs * result.typical(Quantity.EPOCH).value


def when_reached(result: ArmResult) -> GoalReached | None:
    """Return when an arm reaches the goal, or None if a training of it does not."""
    goal = result.task.goal
    if goal is None:
        return None
    rows = curve(result.frames, result.task)
    first_epochs = []
    for _, training in rows[rows.arm == result.arm].groupby("repeat"):
        at_goal = [
            epoch
            for epoch, value in zip(training.epoch, training.value, strict=True)
            if goal.reached(value)
        ]
        if not at_goal:
            return None
        first_epochs.append(min(at_goal))
    if not first_epochs:
        return None
    epoch = float(median(first_epochs))
    return GoalReached(epoch=epoch, seconds=seconds_after(result, epoch))

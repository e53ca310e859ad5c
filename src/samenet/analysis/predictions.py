"""What the run says about predicting: seconds by batch size, of a framework's two ways."""

from __future__ import annotations

import pandas as pd

from samenet.analysis.frames import Frames
from samenet.analysis.memo import once
from samenet.spec.task import Task
from samenet.stats.intervals import Interval, geometric

WAYS = {"usual": "as its users write it", "fast": "as its experts write it"}
START = ("interpreter", "import", "adapter", "wake", "build", "first_prediction")
"""From an empty interpreter to the first predicted row, in order."""

NEWER = {"adapter"}
"""Phases that older runs do not have."""


def arms(frames: Frames, task: Task) -> list[str]:
    """Return the arm that stands for each framework with a time of predicting, in plan order."""
    timed = set(_samples(frames, task.name).arm)
    return [arm.name for arm in frames.plan.arms if arm.name in timed]


def seconds(frames: Frames, task: Task, arm: str, way: str) -> dict[int, Interval]:
    """Return the seconds of one prediction by its number of rows, over the processes."""
    found = by_repeat(frames, task, arm, way)
    return {rows: geometric(list(each.values())) for rows, each in found.items()}


def by_repeat(frames: Frames, task: Task, arm: str, way: str) -> dict[int, dict[int, float]]:
    """Return the median seconds of one prediction, {rows: {repeat: seconds}}."""
    rows = _samples(frames, task.name)
    rows = rows[(rows.arm == arm) & (rows.phase == f"predict_{way}")]
    found: dict[int, dict[int, float]] = {}
    middle = rows.groupby(["steps", "repeat"]).seconds.median().reset_index()
    for count, repeat, value in middle.itertuples(index=False, name=None):
        found.setdefault(count, {})[repeat] = value
    return found


def right(frames: Frames, task: Task, arm: str) -> bool:
    """Return whether the predictions of an arm were compared with the oracle, and all agreed."""
    rows = frames.predicted[(frames.predicted.task == task.name) & (frames.predicted.arm == arm)]
    return len(rows) > 0 and bool(rows.passed.astype(bool).all())


def throughput(times: dict[int, Interval]) -> float | None:
    """Return the most rows per second that one batch size reaches."""
    return max((count / each.value for count, each in times.items()), default=None)


def first_prediction(frames: Frames, framework: str) -> dict[str, float]:
    """Return the seconds of each phase up to a framework's first prediction, if all are known."""
    names = [arm.name for arm in frames.plan.arms if arm.header.name == framework]
    rows = frames.samples[(frames.samples.track == "inference") & frames.samples.arm.isin(names)]
    found = {phase: rows[rows.phase == phase].seconds.tolist() for phase in START}
    if not all(each or phase in NEWER for phase, each in found.items()):
        return {}
    return {phase: geometric(each).value for phase, each in found.items() if each}


@once
def _samples(frames: Frames, task: str) -> pd.DataFrame:
    rows = frames.samples
    rows = rows[(rows.track == "inference") & (rows.task == task)]
    return rows[rows.phase.str.startswith("predict_")]

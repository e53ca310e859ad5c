"""How well a task was solved, by networks and by models that are none."""

from __future__ import annotations

from samenet.analysis.frames import Frames
from samenet.spec.task import Task


def slack(frames: Frames, task: Task, metric: str) -> float:
    """Return what is no clear difference: the spread between trainings, or one test row."""
    rows = frames.scores
    rows = rows[(rows.track == "same") & (rows.task == task.name) & (rows.split == "test")]
    rows = rows[(rows.metric == metric) & (rows.epoch == rows.epoch.max())]
    spread = float(rows.value.std()) if len(rows) > 1 else 0.0
    prepared = frames.data.get(task.name)
    test_rows = prepared.test_rows if prepared else 0
    one_row = 1 / test_rows if metric == "accuracy" and test_rows else 0.0
    return max(spread, one_row)


def score(frames: Frames, task: Task, *, track: str, arm: str | None, metric: str) -> float | None:
    """Return the mean test score after the last epoch over repeats, or None if there is none."""
    rows = frames.scores
    rows = rows[(rows.track == track) & (rows.task == task.name) & (rows.split == "test")]
    rows = rows[rows.metric == metric]
    if arm is not None:
        rows = rows[rows.arm == arm]
    if rows.empty:
        return None
    return float(rows[rows.epoch == rows.epoch.max()].value.mean())

"""How well a task was solved by its networks, beside which models that are none are judged."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from samenet.analysis.frames import Frames
from samenet.spec.task import Task


def network_score(
    frames: Frames, task: Task, metric: str, arms: Sequence[str] | None = None
) -> float | None:
    """Return the mean test score of all networks after the last epoch, None if there is none.

    A network that failed a check is another network: its score is not among them, unless the arms
    are named.
    """
    rows = _last_test_scores(frames, task, metric, arms)
    return None if rows.empty else float(rows.value.mean())


def slack(frames: Frames, task: Task, metric: str) -> float:
    """Return what is no clear difference: the spread between trainings, or one test row."""
    rows = _last_test_scores(frames, task, metric, None)
    spread = float(rows.value.std()) if len(rows) > 1 else 0.0
    prepared = frames.data.get(task.name)
    test_rows = prepared.test_rows if prepared else 0
    one_row = 1 / test_rows if metric == "accuracy" and test_rows else 0.0
    return max(spread, one_row)


def _last_test_scores(
    frames: Frames, task: Task, metric: str, arms: Sequence[str] | None
) -> pd.DataFrame:
    arms = frames.compared(task) if arms is None else arms
    rows = frames.scores
    rows = rows[(rows.track == "same") & (rows.task == task.name) & (rows.split == "test")]
    rows = rows[(rows.metric == metric) & rows.arm.isin(arms)]
    return rows[rows.epoch == rows.epoch.max()]

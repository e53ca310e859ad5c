"""How well a task was solved, by networks and by models that are none."""

from __future__ import annotations

from samenet.frames import Frames
from samenet.task import HIGHER_IS_BETTER, METRICS, Task
from samenet.wording import digits


def network_needed(frames: Frames, task: Task) -> list[str]:
    """Say whether a model that is not a network does as well, to within what the test rows tell."""
    metric = METRICS[task.kind][0]
    network = score(frames, task, track="same", arm=None, metric=metric)
    trees = score(frames, task, track="reference", arm="boosted_trees", metric=metric)
    linear = score(frames, task, track="reference", arm="linear", metric=metric)
    if network is None or trees is None or linear is None:
        return []
    slack = _slack(frames, task, metric)
    sign = 1 if HIGHER_IS_BETTER[metric] else -1
    named = (("boosted trees", trees), ("a linear model", linear))
    good = [name for name, value in named if sign * (value - network) >= -slack]
    shown = (
        f"test {metric.replace('_', ' ')}: the network {digits(network)}, "
        f"boosted trees {digits(trees)}, a linear model {digits(linear)}"
    )
    does = "does" if good == ["a linear model"] else "do"
    perhaps = f"Perhaps not: {' and '.join(good)} {does} about as well or better"
    answer = perhaps if good else "On this split it does better"
    return [f"Do you need a network here? {answer} ({shown})."]


def _slack(frames: Frames, task: Task, metric: str) -> float:
    """Return what is no clear difference: the spread between trainings, or one test row."""
    rows = frames.scores
    rows = rows[(rows.track == "same") & (rows.task == task.name) & (rows.split == "test")]
    rows = rows[(rows.metric == metric) & (rows.epoch == rows.epoch.max())]
    spread = float(rows.value.std()) if len(rows) > 1 else 0.0
    test_rows = frames.data.get(task.name, {}).get("test_rows", 0)
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

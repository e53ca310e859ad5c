"""What a process took, by name: phases, a step, an epoch, a training, a prediction; and memory."""

from __future__ import annotations

from statistics import median

from samenet.analysis import predictions
from samenet.analysis.frames import Frames
from samenet.analysis.memo import once
from samenet.runs.plan import Arm
from samenet.spec.task import Task
from samenet.stats.intervals import Interval, geometric

PREDICTING = ("latency", "throughput")
"""Seconds of one predicted row alone, and per row in the batch size that is best for it."""


def seconds_of(frames: Frames, task: Task, arm: str, quantity: str) -> dict[int, float]:
    """Return {repeat: seconds}; "total" is start-up plus every epoch of the task.

    Of predicting, the quicker of a framework's usual way and its experts' one counts.
    """
    if quantity in PREDICTING:
        return _predicting(frames, task, arm, quantity)
    if quantity != "total":
        return frames.per_repeat(task.name, arm, quantity)
    start, epoch = (frames.per_repeat(task.name, arm, q) for q in ("start_up", "epoch"))
    return whole(task, start, epoch)


def whole(task: Task, start: dict[int, float], epoch: dict[int, float]) -> dict[int, float]:
    """Return the seconds of the whole training of each repeat that has both parts."""
    epochs = task.training.epochs
    return {r: start[r] + epochs * epoch[r] for r in start.keys() & epoch.keys()}


@once
def peaks(frames: Frames) -> dict[tuple[str, str], tuple[float, float, float]]:
    """Return {(task, arm): bytes at the peak, after import, and at the peak on a GPU or 0}."""
    names = ["bytes_peak", "bytes_after_import", "device_bytes_peak"]
    most = frames.footprints.groupby(["task", "arm"])[names].max().astype(float).fillna(0.0)
    return dict(zip(most.index.tolist(), most.itertuples(index=False, name=None), strict=True))


@once
def reference_seconds(frames: Frames) -> dict[tuple[str, str], list[float]]:
    """Return the fits of the models that are no networks: {(task, which): seconds}."""
    own = frames.samples[frames.samples.track == "reference"]
    found: dict[tuple[str, str], list[float]] = {}
    for task, line, seconds in zip(own.task, own.arm, own.seconds, strict=True):
        found.setdefault((task, line), []).append(seconds)
    return found


def _predicting(frames: Frames, task: Task, arm: str, quantity: str) -> dict[int, float]:
    """Return the seconds per row by repeat, in the batch size and the way that are the quickest."""
    ways = [predictions.by_repeat(frames, task, arm, way) for way in predictions.WAYS]
    found = {
        (place, rows): {repeat: seconds / rows for repeat, seconds in each.items()}
        for place, way in enumerate(ways)
        for rows, each in way.items()
        if quantity == "throughput" or rows == 1
    }
    return min(found.values(), key=lambda each: median(each.values()), default={})


def import_seconds(frames: Frames, arm: Arm) -> Interval:
    """Return the typical import over all processes that timed it, else the one at description."""
    names = [each.name for each in frames.plan.arms if each.header.name == arm.header.name]
    rows = frames.samples[(frames.samples.phase == "import") & frames.samples.arm.isin(names)]
    return geometric([arm.import_seconds] if rows.empty else rows.seconds.tolist())

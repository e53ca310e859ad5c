"""What a process took, by name: the phases, a step, an epoch, the whole training, a prediction."""

from __future__ import annotations

from statistics import median

from samenet import inference
from samenet.frames import Frames
from samenet.plan import Arm
from samenet.statistics import Interval, geometric
from samenet.task import Task

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


def _predicting(frames: Frames, task: Task, arm: str, quantity: str) -> dict[int, float]:
    """Return the seconds per row by repeat, in the batch size and the way that are the quickest."""
    ways = [inference.by_repeat(frames, task, arm, way) for way in inference.WAYS]
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

"""What a process took, by name: the phases, a step, an epoch, and the whole training."""

from __future__ import annotations

from samenet.frames import Frames
from samenet.task import Task


def seconds_of(frames: Frames, task: Task, arm: str, quantity: str) -> dict[int, float]:
    """Return {repeat: seconds}; "total" is start-up plus every epoch of the task."""
    if quantity != "total":
        return frames.per_repeat(task.name, arm, quantity)
    start, epoch = (frames.per_repeat(task.name, arm, q) for q in ("start_up", "epoch"))
    return whole(task, start, epoch)


def whole(task: Task, start: dict[int, float], epoch: dict[int, float]) -> dict[int, float]:
    """Return the seconds of the whole training of each repeat that has both parts."""
    epochs = task.training.epochs
    return {r: start[r] + epochs * epoch[r] for r in start.keys() & epoch.keys()}

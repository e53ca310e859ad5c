"""What a process took, by name: the phases, a step, an epoch, the whole training; and memory."""

from __future__ import annotations

from samenet.frames import Frames
from samenet.remembering import once
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

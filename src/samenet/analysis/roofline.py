"""The machine's limit: a training step cannot be faster than its matrix products alone.

Forward a layer is x @ kernel, backward x.T @ delta (the kernel's gradient) and, but for the first
layer, delta @ kernel.T (Goodfellow, Bengio & Courville, Deep Learning, algorithms 6.3 and 6.4,
https://www.deeplearningbook.org/contents/mlp.html). A product of (m, k) by (k, n) takes 2 m k n
floating point operations.
"""

from __future__ import annotations

from typing import NamedTuple

from samenet.analysis.frames import ArmResult, Frames
from samenet.analysis.memo import remember
from samenet.analysis.quantities import Quantity
from samenet.machine.devices import DEVICES
from samenet.spec.products import MEMORY_QUANTITY, STEP_QUANTITY
from samenet.spec.task import Task
from samenet.stats.formatting import format_digits, format_seconds


def floor_seconds(frames: Frames, task: Task) -> float | None:
    """Return what the matrix products of one step take alone, or None if nobody measured it."""
    limit = _limits(frames).get((task.name, STEP_QUANTITY))
    return None if limit is None else limit.seconds


def operations_per_second(frames: Frames, task: Task) -> float | None:
    """Return the rate of the matrix products of a task's step."""
    limit = _limits(frames).get((task.name, STEP_QUANTITY))
    return None if limit is None else limit.rate


def bytes_per_second(frames: Frames) -> float | None:
    """Return how fast memory beyond the caches is read and written."""
    limit = _limits(frames).get(("", MEMORY_QUANTITY))
    return None if limit is None else limit.rate


def share(result: ArmResult) -> float | None:
    """Return an arm's share of the limit: the products' time over its time per step."""
    floor = floor_seconds(result.frames, result.task)
    return floor / result.typical(Quantity.STEP).value if floor and result.step else None


def notes(frames: Frames, task: Task) -> tuple[str, ...]:
    """Say what the limit is; on a GPU nobody measured it."""
    floor = floor_seconds(frames, task)
    rate = operations_per_second(frames, task)
    memory = bytes_per_second(frames)
    if floor is None or rate is None:
        device = frames.plan.target.device
        if device == "cpu":
            return ()
        return (f"The machine’s limit: not measured on a {DEVICES[device].title}.",)
    text = (
        f"The machine’s limit: the matrix products of one step alone take {format_seconds(floor)} "
        f"with NumPy ({rate / 1e9:.3g} billion operations per second). The library of another "
        "framework may multiply faster than NumPy’s: a share can exceed 100 %."
    )
    beside = f" Memory: {memory / 1e9:.3g} GB per second." if memory else ""
    return (text + beside,)


def percent(part: float | None) -> str:
    """Return a share in words, e.g. '62 %'; '–' for an unknown one."""
    return "–" if part is None else f"{format_digits(100 * part, 2 if part < 1 else 3)} %"


class _Limit(NamedTuple):
    """What was done (floating point operations, or bytes), and in how many seconds."""

    work: float
    seconds: float

    @property
    def rate(self) -> float:
        return self.work / self.seconds


@remember
def _limits(frames: Frames) -> dict[tuple[str, str], _Limit]:
    """Return the first measurement of each task and quantity."""
    rows = frames.limits.drop_duplicates(["task", "quantity"])
    return {
        (str(task), str(quantity)): _Limit(float(work), float(seconds))
        for task, quantity, work, seconds in zip(
            rows.task, rows.quantity, rows.work, rows.seconds, strict=True
        )
    }

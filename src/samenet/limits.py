"""The machine's limit: a training step cannot be faster than its matrix products alone.

Forward a layer is x @ kernel, backward x.T @ delta (the kernel's gradient) and, but for the first
layer, delta @ kernel.T (Goodfellow, Bengio & Courville, Deep Learning, algorithms 6.3 and 6.4,
https://www.deeplearningbook.org/contents/mlp.html). A product of (m, k) by (k, n) takes 2 m k n
floating point operations.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from samenet.frames import Frames
from samenet.remembering import once
from samenet.spec import Network
from samenet.statistics import geometric
from samenet.task import Task
from samenet.wording import digits, words

STEP, MEMORY = "step", "memory"
"""The quantities beside single products: all products of one step; reading and writing memory."""


class Product(NamedTuple):
    """One matrix product, (rows, inner) by (inner, columns)."""

    name: str
    rows: int
    inner: int
    columns: int

    @property
    def quantity(self) -> str:
        """Return how it is recorded."""
        return f"{self.name}: {self.rows} x {self.inner} x {self.columns}"

    @property
    def operations(self) -> int:
        """Return its multiplications and additions."""
        return 2 * self.rows * self.inner * self.columns


def products(shapes: Sequence[tuple[int, int]], batch_size: int) -> list[Product]:
    """Return the products of one training step, layers counted from 1."""
    found: list[Product] = []
    for place, (fan_in, fan_out) in enumerate(shapes, start=1):
        found.append(Product(f"forward {place}", batch_size, fan_in, fan_out))
        found.append(Product(f"kernel gradient {place}", fan_in, batch_size, fan_out))
        if place > 1:
            found.append(Product(f"input gradient {place}", batch_size, fan_out, fan_in))
    return found


def of_network(network: Network, batch_size: int) -> list[Product]:
    """Return the products of one training step of a network."""
    return products(network.shapes, batch_size)


def floor_seconds(frames: Frames, task: Task) -> float | None:
    """Return what the matrix products of one step take alone, or None if nobody measured it."""
    found = _measured(frames, task.name, STEP)
    return None if found is None else found[1]


def operations_per_second(frames: Frames, task: Task) -> float | None:
    """Return the rate of the matrix products of a task's step."""
    found = _measured(frames, task.name, STEP)
    return None if found is None else found[0] / found[1]


def bytes_per_second(frames: Frames) -> float | None:
    """Return how fast memory beyond the caches is read and written."""
    found = _measured(frames, "", MEMORY)
    return None if found is None else found[0] / found[1]


def share(frames: Frames, task: Task, arm: str) -> float | None:
    """Return an arm's share of the limit: the products' time over its time per step."""
    floor, steps = floor_seconds(frames, task), frames.per_repeat(task.name, arm, "step")
    return floor / geometric([*steps.values()]).value if floor and steps else None


def notes(frames: Frames, task: Task) -> tuple[str, ...]:
    """Say what the limit is; on a GPU nobody measured it."""
    floor, rate = floor_seconds(frames, task), operations_per_second(frames, task)
    memory = bytes_per_second(frames)
    if floor is None or rate is None:
        on_gpu = frames.plan.target.device == "cuda"
        return ("The machine’s limit: not measured on a CUDA device.",) if on_gpu else ()
    text = (
        f"The machine’s limit: the matrix products of one step alone take {words(floor)} "
        f"with NumPy ({rate / 1e9:.3g} billion operations per second). The library of another "
        "framework may multiply faster than NumPy’s: a share can exceed 100 %."
    )
    beside = f" Memory: {memory / 1e9:.3g} GB per second." if memory else ""
    return (text + beside,)


def percent(part: float | None) -> str:
    """Return a share in words, e.g. '62 %'; '–' for an unknown one."""
    return "–" if part is None else f"{digits(100 * part, 2 if part < 1 else 3)} %"


def _measured(frames: Frames, task: str, quantity: str) -> tuple[float, float] | None:
    """Return work and seconds."""
    return _limits(frames).get((task, quantity))


@once
def _limits(frames: Frames) -> dict[tuple[str, str], tuple[float, float]]:
    """Return the first measurement of each task and quantity."""
    rows = frames.limits.drop_duplicates(["task", "quantity"])
    return {
        (str(task), str(quantity)): (float(work), float(seconds))
        for task, quantity, work, seconds in zip(
            rows.task, rows.quantity, rows.work, rows.seconds, strict=True
        )
    }

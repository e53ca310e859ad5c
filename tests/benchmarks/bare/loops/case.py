"""What every bare loop is given and what it gives back. Nothing here or beside it is of samenet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray


class Adam(NamedTuple):
    """Adam's constants beside the rate."""

    beta1: float
    beta2: float
    epsilon: float


class Case(NamedTuple):
    """Two hidden layers of ReLU and a linear head, softmax cross entropy, SGD or Adam, float32."""

    weights: Sequence[tuple[Array, Array]]
    """Kernel (fan_in, fan_out) and bias (fan_out,) of every layer."""
    inputs: Array
    targets: Array
    """Class numbers, int32."""
    batch_size: int
    rate: float
    adam: Adam | None
    """None: plain SGD."""


class Bare(NamedTuple):
    """A loop and its results."""

    train: Callable[[Array], object]
    """Take one step for each row of an order (steps, batch_size) of row numbers."""
    sync: Callable[[], object]
    """Wait until all of it is computed."""
    losses: Callable[[], Any]
    """Return the loss before each step of the latest call, or their mean."""
    weights: Callable[[], Sequence[Array]]
    """Return kernel, bias, kernel, bias ... in the shapes of the case."""


class Steps:
    """Counts the steps of Adam and says what its moments' corrections make of each."""

    def __init__(self, case: Case) -> None:
        """Nothing has been done yet."""
        self.case, self.done = case, 0

    def factors(self, count: int) -> Array:
        """Return for so many further steps the rate, over 1 - beta1^t, and the root of 1 - beta2^t.

        Of plain SGD it is the rate and 1.
        """
        t = np.arange(self.done + 1, self.done + count + 1)
        self.done += count
        if self.case.adam is None:
            return np.tile(np.float32([self.case.rate, 1]), (count, 1))
        beta1, beta2, _ = self.case.adam
        found = self.case.rate / (1 - beta1**t), np.sqrt(1 - beta2**t)
        return np.stack(found, axis=1).astype(np.float32)


def nothing() -> None:
    """Wait for a framework that has finished when it returns."""

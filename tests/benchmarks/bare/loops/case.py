"""What every bare loop is given and what it gives back. Nothing here or beside it is of samenet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray


class Case(NamedTuple):
    """Two hidden layers of ReLU and a linear head, softmax cross entropy, plain SGD, float32."""

    weights: Sequence[tuple[Array, Array]]
    """Kernel (fan_in, fan_out) and bias (fan_out,) of every layer."""
    inputs: Array
    targets: Array
    """Class numbers, int32."""
    batch_size: int
    rate: float


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


def nothing() -> None:
    """Wait for a framework that has finished when it returns."""

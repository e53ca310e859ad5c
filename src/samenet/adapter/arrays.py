"""The arrays that pass through the seam: weights, batches, data of a quick start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from samenet.spec.network import TaskKind

Array = NDArray[Any]
Dtype = Literal["float32", "float64"]


class Layer(NamedTuple):
    """The numbers of one dense layer: kernel (fan_in, fan_out), bias (fan_out,)."""

    kernel: Array
    bias: Array


Weights = Sequence[Layer]


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSource:
    """The rows a program works on, train rows first, then test rows.

    inputs (rows, features) float32; targets float32 (rows, 1) of 0 and 1 for a binary task,
    int32 (rows,) class numbers for a multi-class task, or float32 (rows, classes), one-hot, if its
    loss is categorical_cross_entropy; float32 (rows, outputs) for a regression.
    """

    inputs: Array
    targets: Array
    train_rows: int

    def arrays(self) -> tuple[Array, Array]:
        """Return inputs and targets; both are read-only."""
        return self.inputs, self.targets


@dataclass(frozen=True, slots=True, kw_only=True)
class Batches:
    """What one `train` call is to do: step i uses the rows `order[i]`.

    `order` is int32 (steps, batch_size), row numbers of the loaded data.
    `first_step` counts the updates made before this call (0 for the first).
    `masks` is empty unless the network has dropout; then it has one entry per layer: None, or
    float32 (steps, batch_size, units), 0 or 1 / (1 - dropout), by which the layer's activations
    are multiplied in training.
    """

    order: NDArray[np.int32]
    first_step: int = 0
    masks: tuple[NDArray[np.float32] | None, ...] = ()

    def first(self, steps: int) -> Batches:
        """Return the first steps of this call as a call of their own."""
        masks = tuple(None if mask is None else mask[:steps] for mask in self.masks)
        return Batches(order=self.order[:steps], first_step=self.first_step, masks=masks)


class Fetchable(Protocol):
    """A framework's own array; `numpy.asarray` brings it to the host."""

    def __array__(self, dtype: Any = None, copy: Any = None) -> Array:
        """Return the values as a NumPy array."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuickStartData:
    """The training part of a task for a quick start; shapes as in DataSource."""

    inputs: Array
    targets: Array
    kind: TaskKind

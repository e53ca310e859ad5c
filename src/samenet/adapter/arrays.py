"""The arrays that pass through the seam: weights, batches, data of a quick start."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from samenet.spec.network import TaskKind

Array = NDArray[Any]
Dtype = Literal["float32", "float64"]


class Layer(Mapping[str, Array]):
    """The numbers of one layer by name, as samenet.spec's class of its kind lists them.

    A dense layer has kernel (fan_in, fan_out) and bias (fan_out,), and may be written
    Layer(kernel, bias); a layer that holds nothing is empty. `layer.kernel` is `layer["kernel"]`.
    """

    __slots__ = ("_arrays",)

    def __init__(self, *dense: Array, **arrays: Array) -> None:
        """Take kernel and bias, or arrays by their names; nothing is copied.

        Raises TypeError if both are given, or more than kernel and bias without a name.
        """
        if dense and (arrays or len(dense) > len(DENSE)):
            raise TypeError("a layer takes kernel and bias, or arrays by their names")
        self._arrays = arrays or dict(zip(DENSE, dense, strict=False))

    def __getitem__(self, name: str) -> Array:
        """Return the array of a name."""
        return self._arrays[name]

    def __getattr__(self, name: str) -> Array:
        """Return the array of a name."""
        if name.startswith("_") or name not in self._arrays:
            raise AttributeError(name)
        return self._arrays[name]

    def __iter__(self) -> Iterator[str]:
        """Go through the names, in the order of the spec."""
        return iter(self._arrays)

    def __len__(self) -> int:
        """Return how many arrays there are."""
        return len(self._arrays)

    def __repr__(self) -> str:
        """Return names and shapes."""
        shapes = ", ".join(f"{name}={array.shape}" for name, array in self.items())
        return f"Layer({shapes})"

    def map(self, change: Callable[[Array], Array]) -> Layer:
        """Return the layer with every array changed."""
        return Layer(**{name: change(array) for name, array in self.items()})


DENSE = ("kernel", "bias")


Weights = Sequence[Layer]
"""One entry for each of `Network.places`, in their order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSource:
    """The rows a program works on, train rows first, then test rows.

    inputs float32 (rows, *Network.input_shape), or int32 (rows, steps) token numbers; targets
    float32 (rows, 1) of 0 and 1 for a binary task, int32 (rows,) class numbers for a multi-class
    task, or float32 (rows, classes), one-hot, if its loss is categorical_cross_entropy; float32
    (rows, outputs) for a regression.
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
    `masks` is empty unless the network has dropout; then it has one entry for each of
    `Network.places`: None, or float32 (steps, batch_size, *outputs), 0 or 1 / (1 - dropout), by
    which what leaves the layer is multiplied in training.
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

"""What every layer is to the network: a way forward, and the way back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from samenet.adapter import Array
from samenet.spec import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What the transform of a layer is made of."""

    place: Place
    arrays: Mapping[str, Array]
    """Those that the layer holds, by name; they are updated in place."""
    passes_on: bool
    """Whether anything before it is trained: else nobody needs the gradient by what enters."""


class Transform:
    """A formula and its derivative: z = f(x, arrays) of a whole batch.

    x is what enters, z what leaves, `delta` the gradient of the loss by z. Neither x nor delta is
    changed in place: a residual may need them again. Shapes begin with the batch, B.
    """

    trained: tuple[str, ...] = ()
    """The names of the arrays whose gradients `backward` returns, in that order."""

    def __init__(self, given: Given) -> None:
        """Hold the arrays."""
        self.place = given.place
        self.arrays = given.arrays
        self.passes_on = given.passes_on

    def forward(self, x: Array) -> tuple[Array, Any]:
        """Return z, and what `backward` needs to know of the way."""
        raise NotImplementedError

    def backward(self, delta: Array, kept: Any) -> tuple[Any, list[Array]]:
        """Return the gradient by x, or None if it is not passed on, and those by the arrays."""
        raise NotImplementedError

    def predict(self, x: Array) -> Array:
        """Return z in use, where nothing is dropped and the statistics are the kept ones."""
        return self.forward(x)[0]

"""What stands between the formulas: functions of every number, dropout, new shapes, residuals."""

from __future__ import annotations

from samenet.adapter import Array
from samenet.adapters.numpy.functions import Functions
from samenet.adapters.numpy.layers.transform import Transform
from samenet.spec import Activation


class Elementwise(Transform):
    """a = f(z), number by number; delta f'(z) flows back."""

    def __init__(self, activation: Activation, functions: Functions) -> None:
        """Take the function with its slope, and the constant that one of them has."""
        self.function, self.slope = functions.activations[activation.name]
        self.constant = activation.slope

    def forward(self, x: Array) -> tuple[Array, Array]:
        """Return the function's values."""
        return self.function(x, self.constant), x

    def backward(self, delta: Array, kept: Array) -> tuple[Array, list[Array]]:
        """Multiply by the slope where the function was taken."""
        return delta * self.slope(kept, self.constant), []


class Drop(Transform):
    """Inverted dropout: x times a mask of 0 and 1 / (1 - rate) (Srivastava et al. 2014)."""

    mask: Array | None = None
    """Of the step that is being made; without one nothing is dropped."""

    def __init__(self, number: int) -> None:
        """Take the number of the place whose masks these are."""
        self.number = number

    def forward(self, x: Array) -> tuple[Array, Array | None]:
        """Return what is left."""
        return (x if self.mask is None else x * self.mask), self.mask

    def backward(self, delta: Array, kept: Array | None) -> tuple[Array, list[Array]]:
        """Let through what the mask let through."""
        return (delta if kept is None else delta * kept), []

    def predict(self, x: Array) -> Array:
        """Drop nothing."""
        return x


class Flatten(Transform):
    """(B, H, W, C) to (B, H W C), row by row."""

    def forward(self, x: Array) -> tuple[Array, tuple[int, ...]]:
        """Return the same numbers in one axis."""
        return x.reshape(len(x), -1), x.shape

    def backward(self, delta: Array, kept: tuple[int, ...]) -> tuple[Array, list[Array]]:
        """Return the same numbers in the axes of before."""
        return delta.reshape(kept), []


class Fork(Transform):
    """Where a residual begins: x + g(x) has the derivative 1 + g'(x) (He et al. 2016).

    What goes around the chain g waits in a stack that the fork shares with its join: x on the way
    forward, delta on the way back.
    """

    def __init__(self, stack: list[Array]) -> None:
        """Take the stack of the network."""
        self.stack = stack

    def forward(self, x: Array) -> tuple[Array, None]:
        """Keep x for the join."""
        self.stack.append(x)
        return x, None

    def backward(self, delta: Array, kept: None) -> tuple[Array, list[Array]]:
        """Add what came around the chain."""
        del kept  # there is nothing to know
        return delta + self.stack.pop(), []


class Join(Fork):
    """Where a residual ends."""

    def forward(self, x: Array) -> tuple[Array, None]:
        """Add what came around the chain."""
        return x + self.stack.pop(), None

    def backward(self, delta: Array, kept: None) -> tuple[Array, list[Array]]:
        """Keep delta for the fork: it flows both ways."""
        del kept  # there is nothing to know
        self.stack.append(delta)
        return delta, []

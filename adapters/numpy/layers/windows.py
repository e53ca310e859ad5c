"""What looks through windows: convolutions as one matrix product, and pools; along any axes.

Shapes: x is (B, n..., C), one n per axis; windows of m... numbers stand s... apart, so that there
are w... of them. Shifted views do it: x[:, u::s, v::s] is the number (u, v) of every window.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from samenet.adapter import Array
from samenet.adapters.numpy.layers.transform import Given, Transform
from samenet.spec import Place, Shape

Index = tuple[slice, ...]


class Windows:
    """Where the windows of a layer lie on what enters it."""

    def __init__(self, place: Place) -> None:
        """Work out sizes m..., strides s..., counts w... and the padded shape of a row."""
        layer: Any = place.layer
        axes = len(place.inputs) - 1
        self.channels = place.inputs[-1]
        self.sizes = layer.sizes(axes)
        self.strides = layer.strides(axes)
        self.counts = place.outputs[:-1]
        paddings = layer.paddings(place.inputs)
        lengths = list(zip(place.inputs, paddings, strict=False))
        self.padded = (*(before + n + after for n, (before, after) in lengths), self.channels)
        self.inside: Index = (slice(None), *(slice(p, p + n) for n, (p, _) in lengths))
        self.pads = self.padded != place.inputs
        self.overlap = any(s < m for s, m in zip(self.strides, self.sizes, strict=True))
        self.offsets = list(itertools.product(*map(range, self.sizes)))
        self.indexes = [self._index(offset) for offset in self.offsets]

    def _index(self, offset: Shape) -> Index:
        """Return where in a padded x the number (u, v, ...) of every window is."""
        ends = zip(offset, self.counts, self.strides, strict=True)
        return (slice(None), *(slice(u, u + w * s, s) for u, w, s in ends))

    def pad(self, x: Array, value: float = 0.0) -> Array:
        """Return x with its padding around: (B, padded..., C)."""
        if not self.pads:
            return x
        padded = np.full((len(x), *self.padded), value, x.dtype)
        padded[self.inside] = x
        return padded

    def numbers(self, x: Array) -> list[Array]:
        """Return the first number of every window, the second, ...: views (B, w..., C)."""
        return [x[index] for index in self.indexes]

    def spread(self, parts: Iterable[Array], batch: int, dtype: np.dtype) -> Array:
        """Return what flows back to x: the sum over the windows that hold a number, (B, n..., C).

        The parts are for the first number of every window, for the second, ...
        """
        padded = np.zeros((batch, *self.padded), dtype)
        for numbers, part in zip(self.numbers(padded), parts, strict=True):
            if self.overlap:
                numbers += part
            else:
                numbers[...] = part
        return padded[self.inside]

    def columns(self, x: Array) -> Array:
        """Return every window as a row: (B w..., m... C), from x padded ("im2col").

        https://cs231n.github.io/convolutional-networks/#conv
        """
        rows, *along, channel = x.strides
        steps = [stride * s for stride, s in zip(along, self.strides, strict=True)]
        shape = (len(x), *self.counts, *self.sizes, self.channels)
        seen = as_strided(x, shape, (rows, *steps, *along, channel), writeable=False)
        return seen.reshape(-1, math.prod(self.sizes) * self.channels)


class Convolution(Transform):
    """z[b, i, f] = sum of x[b, i s + u - p, c] K[u, c, f], + bias[f], in one product.

    With X the windows as rows, (B w..., m... C), and K as (m... C, F): z = X K + b. By K it is
    X' delta, by b the sum of delta. By x each number (u, v) of a window gets delta K[u, v]'.
    """

    def __init__(self, given: Given) -> None:
        """Hold kernel and bias; the kernel's two shapes are views of the same numbers."""
        super().__init__(given)
        self.windows = Windows(given.place)
        self.kernel = given.arrays["kernel"]  # (m..., C, F)
        self.flat = self.kernel.reshape(-1, self.kernel.shape[-1])
        self.bias = given.arrays.get("bias")
        self.trained = tuple(given.arrays)

    def forward(self, x: Array) -> tuple[Array, Array]:
        """Return the weighted sums (B, w..., F)."""
        columns = self.windows.columns(self.windows.pad(x))
        z = columns @ self.flat
        if self.bias is not None:  # a line of places at once: NumPy's loops want to be long
            places = self.windows.counts[-1]
            lines = z.reshape(-1, places * len(self.bias))
            lines += np.tile(self.bias, places)
        return z.reshape(len(x), *self.place.outputs), columns

    def backward(self, delta: Array, kept: Array) -> tuple[Array | None, list[Array]]:
        """Return the three gradients."""
        rows = delta.reshape(len(kept), -1)
        gradients = [(kept.T @ rows).reshape(self.kernel.shape)]
        if self.bias is not None:
            gradients.append(sum_of_rows(rows))
        return (self._by_inputs(rows, delta) if self.passes_on else None), gradients

    def _by_inputs(self, rows: Array, delta: Array) -> Array:
        shape = (*delta.shape[:-1], -1)
        kernels = (self.kernel[offset] for offset in self.windows.offsets)
        parts = ((rows @ kernel.T).reshape(shape) for kernel in kernels)
        return self.windows.spread(parts, len(delta), delta.dtype)


def sum_of_rows(rows: Array) -> Array:
    """Return the sums of columns (n, F) to (F,): a product with ones takes an eighth of sum(0)."""
    return np.ones(len(rows), rows.dtype) @ rows


class Pool(Transform):
    """One number of each window and channel."""

    def __init__(self, given: Given) -> None:
        """Work out the windows."""
        super().__init__(given)
        self.windows = Windows(given.place)


class MaxPool(Pool):
    """The largest number of each window, padded with minus infinity; delta goes to the first."""

    def forward(self, x: Array) -> tuple[Array, list[Array]]:
        """Return the largest (B, w..., C), and which numbers were larger than all before them."""
        first, *others = self.windows.numbers(self.windows.pad(x, -np.inf))
        largest = first.copy()
        larger = []
        for values in others:
            larger.append(values > largest)
            np.maximum(largest, values, out=largest)
        return largest, larger

    def backward(self, delta: Array, kept: list[Array]) -> tuple[Array, list[Array]]:
        """Give delta to the last number that was larger than all before it: it is the largest."""
        left = delta.copy()
        parts = []
        for larger in reversed(kept):
            parts.append(left * larger)
            left -= parts[-1]
        parts.append(left)
        return self.windows.spread(parts[::-1], len(delta), delta.dtype), []


class AveragePool(Pool):
    """The mean of each window; whole windows only."""

    def forward(self, x: Array) -> tuple[Array, None]:
        """Return the means (B, w..., C)."""
        first, *others = self.windows.numbers(x)
        total = first.copy()
        for values in others:
            total += values
        return total / math.prod(self.windows.sizes), None

    def backward(self, delta: Array, kept: None) -> tuple[Array, list[Array]]:
        """Share out what flows back through each window."""
        del kept  # there is nothing to know
        size = math.prod(self.windows.sizes)
        return self.windows.spread([delta / size] * size, len(delta), delta.dtype), []


class GlobalAveragePool(Transform):
    """The mean over all places: (B, n..., C) to (B, C)."""

    def forward(self, x: Array) -> tuple[Array, tuple[int, ...]]:
        """Return the means."""
        return x.reshape(len(x), -1, x.shape[-1]).mean(axis=1), x.shape

    def backward(self, delta: Array, kept: tuple[int, ...]) -> tuple[Array, list[Array]]:
        """Give every place its share."""
        places = math.prod(kept[1:-1])
        shares = np.repeat(delta[:, None] / places, places, axis=1)
        return shares.reshape(kept), []


class GlobalMaxPool(Transform):
    """The largest number over all places: (B, n..., C) to (B, C); delta goes to the first."""

    def forward(self, x: Array) -> tuple[Array, tuple[Array, tuple[int, ...]]]:
        """Return the largest, and at which place it is."""
        places = x.reshape(len(x), -1, x.shape[-1])
        where = places.argmax(axis=1)[:, None]
        return np.take_along_axis(places, where, axis=1)[:, 0], (where, x.shape)

    def backward(
        self, delta: Array, kept: tuple[Array, tuple[int, ...]]
    ) -> tuple[Array, list[Array]]:
        """Give each largest number what flows back."""
        where, shape = kept
        found = np.zeros((shape[0], math.prod(shape[1:-1]), shape[-1]), delta.dtype)
        np.put_along_axis(found, where, delta[:, None], axis=1)
        return found.reshape(shape), []

"""What looks through windows: convolutions as one matrix product, and pools; along any axes.

Shapes: x is (B, n..., C), one n per axis; windows of m... numbers stand s... apart, so that there
are w... of them. Shifted views do it: x[:, u::s, v::s] is the number (u, v) of every window.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.lib.stride_tricks import as_strided

from samenet.adapter import Array
from samenet.adapters.numpy.functions import Functions
from samenet.adapters.numpy.layers.transform import Transform
from samenet.spec import Place, Shape

Index = tuple[slice, ...]


class WindowedLayer(Protocol):
    """What the specs of convolutions and pools tell of their windows."""

    def sizes(self, axes: int) -> Shape: ...

    def strides(self, axes: int) -> Shape: ...

    def paddings(self, shape: Shape) -> list[tuple[int, int]]: ...


class Windows:
    """Where the windows of a layer lie on what enters it."""

    def __init__(self, place: Place) -> None:
        """Work out sizes m..., strides s..., counts w... and the padded shape of a row."""
        layer: WindowedLayer = place.layer  # type: ignore[assignment]
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

    def pad(self, x: Array, value: float = 0.0) -> Array:
        """Return x with its padding around: (B, padded..., C)."""
        if not self.pads:
            return x
        padded = np.full((len(x), *self.padded), value, x.dtype)
        padded[self.inside] = x
        return padded

    def places(self) -> Iterator[tuple[Shape, Index]]:
        """Yield, for each number (u, v, ...) of a window, the index that finds it in all windows.

        Of a padded x it takes (B, w..., C).
        """
        for offsets in itertools.product(*map(range, self.sizes)):
            ends = zip(offsets, self.counts, self.strides, strict=True)
            yield offsets, (slice(None), *(slice(u, u + w * s, s) for u, w, s in ends))

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

    def __init__(
        self, place: Place, arrays: Mapping[str, Array], functions: Functions, *, passes_on: bool
    ) -> None:
        """Hold kernel and bias; the kernel's two shapes are views of the same numbers."""
        super().__init__(place, arrays, functions, passes_on=passes_on)
        self.windows = Windows(place)
        self.kernel = arrays["kernel"]  # (m..., C, F)
        self.flat = self.kernel.reshape(-1, self.kernel.shape[-1])
        self.bias = arrays.get("bias")
        self.trained = tuple(arrays)

    def forward(self, x: Array) -> tuple[Array, Array]:
        """Return the weighted sums (B, w..., F)."""
        columns = self.windows.columns(self.windows.pad(x))
        z = columns @ self.flat
        if self.bias is not None:  # a line of places at once: NumPy's loops want to be long
            places = self.windows.counts[-1]
            z.reshape(-1, places * len(self.bias))[...] += np.tile(self.bias, places)
        return z.reshape(len(x), *self.place.outputs), columns

    def backward(self, delta: Array, kept: Array) -> tuple[Array | None, list[Array]]:
        """Return the three gradients."""
        rows = delta.reshape(len(kept), -1)
        gradients = [(kept.T @ rows).reshape(self.kernel.shape)]
        if self.bias is not None:
            gradients.append(sum_of_rows(rows))
        return (self._by_inputs(rows, len(delta)) if self.passes_on else None), gradients

    def _by_inputs(self, rows: Array, batch: int) -> Array:
        windows = self.windows
        padded = np.zeros((batch, *windows.padded), rows.dtype)
        for offsets, index in windows.places():
            part = rows @ self.kernel[offsets].T
            padded[index] += part.reshape(batch, *windows.counts, -1)
        return padded[windows.inside]


def sum_of_rows(rows: Array) -> Array:
    """Return the sums of columns (n, F) to (F,): a product with ones takes an eighth of sum(0)."""
    return np.ones(len(rows), rows.dtype) @ rows


class Pool(Transform):
    """One number of each window and channel."""

    def __init__(
        self, place: Place, arrays: Mapping[str, Array], functions: Functions, *, passes_on: bool
    ) -> None:
        """Work out the windows."""
        super().__init__(place, arrays, functions, passes_on=passes_on)
        self.windows = Windows(place)


class MaxPool(Pool):
    """The largest number of each window, padded with minus infinity; delta goes to the first."""

    def forward(self, x: Array) -> tuple[Array, Any]:
        """Return the largest (B, w..., C), and which of the window's numbers it is."""
        padded = self.windows.pad(x, -np.inf)
        first, *others = (padded[index] for _, index in self.windows.places())
        largest = first.copy()
        which = np.zeros(largest.shape, np.int16)
        for number, values in enumerate(others, start=1):
            np.copyto(which, number, where=values > largest)
            np.maximum(largest, values, out=largest)
        return largest, which

    def backward(self, delta: Array, kept: Array) -> tuple[Array, list[Array]]:
        """Give each largest number what flows back through its window."""
        padded = np.zeros((len(delta), *self.windows.padded), delta.dtype)
        for number, (_, index) in enumerate(self.windows.places()):
            padded[index] += delta * (kept == number)
        return padded[self.windows.inside], []


class AveragePool(Pool):
    """The mean of each window; whole windows only."""

    def forward(self, x: Array) -> tuple[Array, None]:
        """Return the means (B, w..., C)."""
        total = sum(x[index] for _, index in self.windows.places())
        return total / math.prod(self.windows.sizes), None  # type: ignore[operator]

    def backward(self, delta: Array, kept: None) -> tuple[Array, list[Array]]:
        """Share out what flows back through each window."""
        share = delta / math.prod(self.windows.sizes)
        found = np.zeros((len(delta), *self.windows.padded), delta.dtype)
        for _, index in self.windows.places():
            found[index] += share
        return found, []


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

"""Normalisation: scale (x - m) / sqrt(v + epsilon) + offset, m and v mean and variance.

Both kinds look at a table (n, C). With u = (x - m) / sqrt(v + epsilon), g = delta scale and means
over the same axis as m: by x it is (g - mean(g) - u mean(g u)) / sqrt(v + epsilon)
(Ioffe & Szegedy 2015, the gradients of section 3).
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from samenet.adapter import Array
from samenet.adapters.numpy.layers.transform import Given, Transform


class Norm(Transform):
    """Normalises along one axis of the table."""

    trained = ("scale", "offset")
    axis: ClassVar[int]

    def __init__(self, given: Given) -> None:
        """Hold scale and offset."""
        super().__init__(given)
        self.layer: Any = given.place.layer
        self.scale = given.arrays["scale"]
        self.offset = given.arrays["offset"]

    def forward(self, x: Array) -> tuple[Array, Any]:
        """Return x normalised, scaled and moved."""
        table = x.reshape(-1, x.shape[-1])
        mean = table.mean(axis=self.axis, keepdims=True)
        centred = table - mean
        variance = (centred * centred).mean(axis=self.axis, keepdims=True)
        self.remember(mean, variance, len(table))
        root = np.sqrt(variance + self.layer.epsilon)
        u = centred / root
        return (u * self.scale + self.offset).reshape(x.shape), (u, root)

    def remember(self, mean: Array, variance: Array, count: int) -> None:
        """Keep what is needed in use: nothing, if each row is normalised by itself."""

    def backward(self, delta: Array, kept: Any) -> tuple[Array | None, list[Array]]:
        """Return the gradients by x, scale and offset."""
        u, root = kept
        table = delta.reshape(u.shape)
        gradients = [(table * u).sum(axis=0), table.sum(axis=0)]
        if not self.passes_on:
            return None, gradients
        g = table * self.scale
        means = [part.mean(axis=self.axis, keepdims=True) for part in (g, g * u)]
        return ((g - means[0] - u * means[1]) / root).reshape(delta.shape), gradients


class LayerNorm(Norm):
    """Every place of every row by itself, over its features (Ba et al. 2016)."""

    axis = 1


class BatchNorm(Norm):
    """Every channel by itself, over batch and places; in use by what was kept.

    kept = kept + rate (new - kept), for mean and variance.
    """

    axis = 0

    def remember(self, mean: Array, variance: Array, count: int) -> None:
        """Move the kept statistics."""
        del count  # the kept variance is that of all, not of one less
        for name, new in (("mean", mean[0]), ("variance", variance[0])):
            kept = self.arrays[name]
            kept += self.layer.rate * (new - kept)

    def predict(self, x: Array) -> Array:
        """Return x normalised by the kept statistics."""
        root = np.sqrt(self.arrays["variance"] + self.layer.epsilon)
        return (x - self.arrays["mean"]) / root * self.scale + self.offset

"""Trained tables: a row for every token, a row for every place."""

from __future__ import annotations

import numpy as np

from samenet.adapter import Array
from samenet.adapters.numpy.layers.transform import Transform


class Embedding(Transform):
    """z = table[token]: tokens (B, T), table (V, D), z (B, T, D).

    A row's gradient is the sum of delta over all places of its token.
    """

    trained = ("table",)

    def forward(self, x: Array) -> tuple[Array, Array]:
        """Look the tokens up."""
        return self.arrays["table"][x], x

    def backward(self, delta: Array, kept: Array) -> tuple[None, list[Array]]:
        """Sort the places by token and add up each token's neighbours; tokens have no gradient."""
        tokens = kept.ravel()
        order = tokens.argsort(kind="stable")
        present, starts = np.unique(tokens[order], return_index=True)
        gradient = np.zeros_like(self.arrays["table"])
        rows = delta.reshape(len(tokens), -1)[order]
        gradient[present] = np.add.reduceat(rows, starts, axis=0)
        return None, [gradient]


class Positions(Transform):
    """z = x + table, (T, D), in every row (Vaswani et al. 2017, with trained numbers)."""

    trained = ("table",)

    def forward(self, x: Array) -> tuple[Array, None]:
        """Add the place's row."""
        return x + self.arrays["table"], None

    def backward(self, delta: Array, kept: None) -> tuple[Array, list[Array]]:
        """Add up delta over the batch."""
        del kept  # there is nothing to know
        return delta, [delta.sum(axis=0)]

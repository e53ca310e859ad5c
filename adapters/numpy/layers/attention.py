"""Attention: every step looks at all steps, several times side by side (Vaswani et al. 2017)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from samenet.adapter import Array
from samenet.adapters.numpy.layers.transform import Given, Transform


class Attention(Transform):
    """q, k, v = x Q, x K, x V; each head p = softmax(q k' / sqrt(d)), p v; heads side by side, O.

    x is (B, T, W), the four kernels (W, W), and each of N heads has d = W / N numbers of q, k and
    v. Causal: the scores of later steps are minus infinity.
    """

    trained = ("query", "key", "value", "output")

    def __init__(self, given: Given) -> None:
        """Hold the kernels, and which scores count."""
        super().__init__(given)
        layer: Any = given.place.layer
        steps, width = given.place.inputs
        self.heads = layer.heads
        self.scale = 1 / math.sqrt(width / self.heads)
        self.later = np.triu(np.ones((steps, steps), bool), 1) if layer.causal else None

    def split(self, rows: Array, batch: int) -> Array:
        """Return (B T, W) by heads: (B, N, T, d), a view."""
        return rows.reshape(batch, -1, self.heads, rows.shape[-1] // self.heads).swapaxes(1, 2)

    def merge(self, heads: Array) -> Array:
        """Return (B, N, T, d) with the heads side by side: (B T, W)."""
        batch, _, steps, _ = heads.shape
        return heads.swapaxes(1, 2).reshape(batch * steps, -1)

    def forward(self, x: Array) -> tuple[Array, Any]:
        """Return what each step has seen (B, T, W)."""
        rows = x.reshape(-1, x.shape[-1])
        q, k, v = (self.split(rows @ self.arrays[name], len(x)) for name in self.trained[:3])
        scores = (q * self.scale) @ k.swapaxes(2, 3)
        if self.later is not None:
            np.copyto(scores, -np.inf, where=self.later)
        scores -= scores.max(axis=-1, keepdims=True)
        p = np.exp(scores, out=scores)
        p /= p.sum(axis=-1, keepdims=True)
        seen = self.merge(p @ v)
        return (seen @ self.arrays["output"]).reshape(x.shape), (rows, q, k, v, p, seen)

    def backward(self, delta: Array, kept: Any) -> tuple[Array | None, list[Array]]:
        """Return the five gradients; by the scores it is p (g - sum of g p), g that by p."""
        rows, q, k, v, p, seen = kept
        delta_rows = delta.reshape(rows.shape)
        by_seen = self.split(delta_rows @ self.arrays["output"].T, len(delta))
        by_p = by_seen @ v.swapaxes(2, 3)
        by_p -= np.einsum("bnij,bnij->bni", by_p, p)[..., None]
        by_scores = by_p * p
        by_scores *= self.scale
        by_parts = [
            self.merge(by_scores @ k),
            self.merge(by_scores.swapaxes(2, 3) @ q),
            self.merge(p.swapaxes(2, 3) @ by_seen),
        ]
        gradients = [rows.T @ part for part in by_parts] + [seen.T @ delta_rows]
        if not self.passes_on:
            return None, gradients
        pairs = zip(by_parts, self.trained, strict=False)
        back = sum(part @ self.arrays[name].T for part, name in pairs)
        return back.reshape(delta.shape), gradients  # type: ignore[union-attr]

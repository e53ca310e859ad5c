"""Attention of a sequence to itself, with several heads (Vaswani et al. 2017, section 3.2)."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from samenet.adapter.arrays import Array, Layer
from samenet.certificate.oracle.setting import Arrays, Operation, Setting
from samenet.spec.layers import Place


class _Kept(NamedTuple):
    """What the forward pass leaves: B rows, T steps, W features, N heads, each D = W / N wide."""

    x: Array
    """(B T, W)."""
    query: Array
    key: Array
    value: Array
    """(B, N, T, D)."""
    shares: Array
    """(B, N, T, T): how much of every step each step takes, 1 together."""
    mixed: Array
    """(B T, W): what the heads give, side by side."""


def _attention(
    place: Place, weights: Layer, x: Array, setting: Setting
) -> tuple[Array, _Kept, Arrays]:
    """Give y = [head 1, ..., head N] O; head i = softmax(q k' / sqrt(D)) v, with columns i of each.

    x, y (B, T, W); Q, K, V, O (W, W); q = x Q, k = x K, v = x V. Causal: a step sees itself and
    those before it, the scores of the others are minus infinity.
    """
    layer: Any = place.layer
    multiply = setting.multiply
    batch, steps, width = x.shape
    rows = x.reshape(batch * steps, width)
    query, key, value = (
        _apart(multiply(rows, weights[name]), x.shape, layer.heads)
        for name in ("query", "key", "value")
    )
    scores = multiply(query, key.swapaxes(2, 3)) / math.sqrt(width // layer.heads)
    if layer.causal:
        scores = np.where(np.tri(steps, dtype=bool), scores, -np.inf)
    shares = _softmax(scores)
    mixed = _together(multiply(shares, value))
    y = multiply(mixed, weights["output"]).reshape(x.shape)
    return y, _Kept(rows, query, key, value, shares, mixed), {}


def _apart(rows: Array, shape: tuple[int, ...], heads: int) -> Array:
    """Turn (B T, W) into (B, N, T, D)."""
    batch, steps, width = shape
    return rows.reshape(batch, steps, heads, width // heads).swapaxes(1, 2)


def _together(found: Array) -> Array:
    """Turn (B, N, T, D) into (B T, W)."""
    batch, heads, steps, size = found.shape
    return found.swapaxes(1, 2).reshape(batch * steps, heads * size)


def _softmax(scores: Array) -> Array:
    """Return exp(s) / sum exp(s) of the last axis, all s shifted by their largest."""
    exponentials = np.exp(scores - scores.real.max(axis=-1, keepdims=True))
    return exponentials / np.sum(exponentials, axis=-1, keepdims=True)


def _attention_back(
    place: Place, weights: Layer, kept: _Kept, delta: Array, setting: Setting
) -> tuple[Array, Arrays]:
    """Go back through O, the mixing, the softmax, the scores, and Q, K, V.

    Of shares a and their gradient e, that of the scores is a (e - sum(a e)): a share that is 0
    because it is in the future passes nothing on.
    """
    layer: Any = place.layer
    multiply = setting.multiply
    rows = delta.reshape(kept.x.shape)
    found = {"output": multiply(kept.mixed.T, rows)}
    by_heads = _apart(multiply(rows, weights["output"].T), delta.shape, layer.heads)
    by_value = multiply(kept.shares.swapaxes(2, 3), by_heads)
    by_shares = multiply(by_heads, kept.value.swapaxes(2, 3))
    mean = np.sum(kept.shares * by_shares, axis=-1, keepdims=True)
    by_scores = kept.shares * (by_shares - mean) / math.sqrt(kept.query.shape[-1])
    by_query = multiply(by_scores, kept.key)
    by_key = multiply(by_scores.swapaxes(2, 3), kept.query)
    by_x = np.zeros_like(rows)
    for name, by_it in (("query", by_query), ("key", by_key), ("value", by_value)):
        by_product = _together(by_it)
        found[name] = multiply(kept.x.T, by_product)
        by_x = by_x + multiply(by_product, weights[name].T)
    return by_x.reshape(delta.shape), found


ATTENTION = Operation(_attention, _attention_back)

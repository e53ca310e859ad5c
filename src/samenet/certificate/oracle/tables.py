"""Layers that look a row of numbers up: by token, by position."""

from __future__ import annotations

import numpy as np

from samenet.adapter.arrays import Array, Layer
from samenet.certificate.oracle.setting import Arrays, Operation, Setting
from samenet.spec.layers import Place


def _embedding(
    place: Place, weights: Layer, x: Array, setting: Setting
) -> tuple[Array, Array, Arrays]:
    """Give y[b, t] = E[x[b, t]]: x (B, T) token numbers, E (V, n), y (B, T, n)."""
    del place, setting
    return weights["table"][x], x, {}


def _embedding_back(
    place: Place, weights: Layer, tokens: Array, delta: Array, setting: Setting
) -> tuple[None, Arrays]:
    """By E[v]: the sum of delta over all places at which token v stands; 0 if it stands at none.

    All rows have a gradient: a token that a batch lacks still moves by the optimiser's memory.
    """
    del place, setting
    by_table = np.zeros(weights["table"].shape, delta.dtype)
    np.add.at(by_table, tokens, delta)
    return None, {"table": by_table}


def _positions(
    place: Place, weights: Layer, x: Array, setting: Setting
) -> tuple[Array, None, Arrays]:
    """Give y[b, t] = x[b, t] + P[t]: x, y (B, T, n), P (T, n). Vaswani et al. 2017, section 3.5."""
    del place, setting
    return x + weights["table"], None, {}


def _positions_back(
    place: Place, weights: Layer, kept: None, delta: Array, setting: Setting
) -> tuple[Array, Arrays]:
    """By P: the sum of delta over the rows; by x: delta."""
    del place, weights, kept, setting
    return delta, {"table": np.sum(delta, axis=0)}


EMBEDDING = Operation(_embedding, _embedding_back)
POSITIONS = Operation(_positions, _positions_back)

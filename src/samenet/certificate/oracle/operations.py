"""What the oracle computes for each kind of layer, forward and backward, by hand in NumPy.

One table; the longer formulas stand in a module for each family. Fork, join, activation and dropout
are not here: they belong to the way through the network (samenet.certificate.oracle.network).
No code is shared with any adapter. Every product goes through `Setting.multiply` and adds up over
the axis along which channels and units stand.
"""

from __future__ import annotations

import math

from samenet.adapter.arrays import Array, Layer
from samenet.certificate.oracle import attention, norms, recurrence, tables, windows
from samenet.certificate.oracle.setting import Arrays, Multiply, Operation, Setting
from samenet.spec.layers import Place

__all__ = ["OPERATIONS", "Arrays", "Multiply", "Operation", "Setting"]


def _dense(place: Place, weights: Layer, x: Array, setting: Setting) -> tuple[Array, Array, Arrays]:
    """Give z = x K + b along the last axis: x (B, ..., n), K (n, m), b (m,), z (B, ..., m)."""
    rows = x.reshape(-1, x.shape[-1])
    z = setting.multiply(rows, weights["kernel"])
    if "bias" in weights:
        z = z + weights["bias"]
    return z.reshape(len(x), *place.outputs), rows, {}


def _dense_back(
    place: Place, weights: Layer, rows: Array, delta: Array, setting: Setting
) -> tuple[Array, Arrays]:
    """By K: x' delta; by b: the sum of delta over the rows; by x: delta K'."""
    by_rows = delta.reshape(-1, delta.shape[-1])
    found = {"kernel": setting.multiply(rows.T, by_rows)}
    if "bias" in weights:
        found["bias"] = setting.add(by_rows)
    by_x = setting.multiply(by_rows, weights["kernel"].T)
    return by_x.reshape(len(delta), *place.inputs), found


def _flatten(
    place: Place, weights: Layer, x: Array, setting: Setting
) -> tuple[Array, None, Arrays]:
    """(B, H, W, C) -> (B, H W C), the last axis running fastest."""
    del place, weights, setting
    return x.reshape(len(x), math.prod(x.shape[1:])), None, {}


def _flatten_back(
    place: Place, weights: Layer, kept: None, delta: Array, setting: Setting
) -> tuple[Array, Arrays]:
    del weights, kept, setting
    return delta.reshape(len(delta), *place.inputs), {}


OPERATIONS: dict[str, Operation] = {
    "dense": Operation(_dense, _dense_back),
    "flatten": Operation(_flatten, _flatten_back),
    "conv1d": windows.CONVOLUTION,
    "conv2d": windows.CONVOLUTION,
    "max_pool": windows.MAX_POOL,
    "average_pool": windows.AVERAGE_POOL,
    "global_max_pool": windows.GLOBAL_MAX_POOL,
    "global_average_pool": windows.GLOBAL_AVERAGE_POOL,
    "batch_norm": norms.BATCH_NORM,
    "layer_norm": norms.LAYER_NORM,
    "embedding": tables.EMBEDDING,
    "positions": tables.POSITIONS,
    "simple_rnn": recurrence.SIMPLE_RNN,
    "lstm": recurrence.LSTM,
    "gru": recurrence.GRU,
    "attention": attention.ATTENTION,
}
"""By the kind of a place."""

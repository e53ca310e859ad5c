"""Layers that look through windows: convolutions and pools, along one axis or several.

B rows, places that enter (a sequence's steps, an image's height and width), P windows, each of U
places, C channels. What enters is padded as the layer says, then cut into windows (B, P..., U, C);
the way back adds what the windows send to the places they came from.
"""

from __future__ import annotations

import itertools
import math
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from samenet.adapter.arrays import Array, Layer
from samenet.certificate.oracle.setting import Arrays, Operation, Setting
from samenet.spec.layers import Place


def _cut(place: Place, x: Array, around: float) -> Array:
    """Return the windows of x (B, places..., C), padded with `around`: (B, P..., U, C)."""
    layer: Any = place.layer
    axes = x.ndim - 2
    paddings = layer.paddings(place.inputs)
    if any(any(pair) for pair in paddings):
        x = np.pad(x, [(0, 0), *paddings, (0, 0)], constant_values=around)
    every = sliding_window_view(x, layer.sizes(axes), axis=tuple(range(1, axes + 1)))
    apart = tuple(slice(None, None, stride) for stride in layer.strides(axes))
    chosen = np.moveaxis(every[(slice(None), *apart)], axes + 1, -1)
    return chosen.reshape(*chosen.shape[: axes + 1], -1, chosen.shape[-1])


def _add_back(place: Place, by_windows: Array) -> Array:
    """Return what each place gets from all windows it is in: (B, P..., U, C) -> (B, places..., C).

    What falls on the padding is lost; places in no window get 0.
    """
    layer: Any = place.layer
    *lengths, channels = place.inputs
    counts = by_windows.shape[1:-2]
    sizes, strides = layer.sizes(len(lengths)), layer.strides(len(lengths))
    paddings = layer.paddings(place.inputs)
    padded = [
        before + length + after for length, (before, after) in zip(lengths, paddings, strict=True)
    ]
    found = np.zeros((len(by_windows), *padded, channels), by_windows.dtype)
    for number, offsets in enumerate(itertools.product(*map(range, sizes))):
        reached = tuple(
            slice(offset, offset + stride * (count - 1) + 1, stride)
            for offset, stride, count in zip(offsets, strides, counts, strict=True)
        )
        found[(slice(None), *reached)] += by_windows[..., number, :]
    inner = tuple(
        slice(before, before + length)
        for length, (before, _) in zip(lengths, paddings, strict=True)
    )
    return found[(slice(None), *inner)]


def _convolution(
    place: Place, weights: Layer, x: Array, setting: Setting
) -> tuple[Array, Array, Arrays]:
    """Give z[b, i, f] = sum over u, c of x[b, i s + u - p, c] K[u, c, f], + bias[f], padded with 0.

    x (B, places..., C), K (sizes..., C, F), z (B, P..., F): one product of all windows
    (B P, U C) with (U C, F). Nothing is flipped: Goodfellow et al. 2016, equation 9.6.
    """
    kernel = _matrix(weights)
    columns = _cut(place, x, 0.0).reshape(-1, len(kernel))
    z = setting.multiply(columns, kernel)
    if "bias" in weights:
        z = z + weights["bias"]
    return z.reshape(len(x), *place.outputs), columns, {}


def _matrix(weights: Layer) -> Array:
    """Return the kernel as (U C, F)."""
    return weights["kernel"].reshape(-1, weights["kernel"].shape[-1])


def _convolution_back(
    place: Place, weights: Layer, columns: Array, delta: Array, setting: Setting
) -> tuple[Array, Arrays]:
    """By K: windows' delta; by bias: the sum of delta; by windows: delta K', then added back."""
    rows = delta.reshape(-1, delta.shape[-1])
    found = {"kernel": setting.multiply(columns.T, rows).reshape(weights["kernel"].shape)}
    if "bias" in weights:
        found["bias"] = setting.add(rows)
    by_windows = setting.multiply(rows, _matrix(weights).T)
    shape = (*delta.shape[:-1], -1, place.inputs[-1])
    return _add_back(place, by_windows.reshape(shape)), found


class _Largest(NamedTuple):
    """The windows (B, P..., U, C) of a max pool, and which of U is the largest, (B, P..., 1, C)."""

    windows: Array
    which: Array


def _largest(windows: Array) -> tuple[Array, _Largest]:
    which = np.argmax(windows.real, axis=-2, keepdims=True)
    return np.take_along_axis(windows, which, axis=-2)[..., 0, :], _Largest(windows, which)


def _to_largest(kept: _Largest, delta: Array) -> Array:
    """Return delta at the largest of each window, the first of equal ones, and 0 elsewhere."""
    found = np.zeros(kept.windows.shape, delta.dtype)
    np.put_along_axis(found, kept.which, delta[..., None, :], axis=-2)
    return found


def margin(place: Place, kept: Any) -> Array:
    """Return by how much the largest number of each window exceeds the next: (B, P..., C).

    Of max_pool and global_max_pool; `kept` is what their forward pass left. Infinite where a window
    holds one number only, 0 where the largest stands there twice. At a small margin rounding
    decides where the gradient goes; at one of exactly 0 mostly nothing hangs on it: equal numbers
    come from equal patches, or are zeros of a ReLU, through which no gradient passes.
    """
    del place
    windows = kept.windows
    if windows.shape[-2] == 1:
        return np.full_like(windows[..., 0, :], np.inf)
    highest = np.partition(windows, -2, axis=-2)[..., -2:, :]
    return highest[..., 1, :] - highest[..., 0, :]


def _max_pool(
    place: Place, weights: Layer, x: Array, setting: Setting
) -> tuple[Array, _Largest, Arrays]:
    """Give y[b, i, c] = the largest of x[b, i s + u - p, c] over u, padded with minus infinity."""
    del weights, setting
    return *_largest(_cut(place, x, -np.inf)), {}


def _max_pool_back(
    place: Place, weights: Layer, kept: _Largest, delta: Array, setting: Setting
) -> tuple[Array, Arrays]:
    """By x: to each place the delta of the windows of which it is the largest."""
    del weights, setting
    return _add_back(place, _to_largest(kept, delta)), {}


def _average_pool(
    place: Place, weights: Layer, x: Array, setting: Setting
) -> tuple[Array, None, Arrays]:
    """Give y[b, i, c] = the mean of x[b, i s + u, c] over u; whole windows only."""
    del weights, setting
    return np.mean(_cut(place, x, 0.0), axis=-2), None, {}


def _average_pool_back(
    place: Place, weights: Layer, kept: None, delta: Array, setting: Setting
) -> tuple[Array, Arrays]:
    """By x: to each place delta / U of every window it is in."""
    del weights, kept, setting
    layer: Any = place.layer
    places = math.prod(layer.sizes(delta.ndim - 2))
    shares = np.repeat((delta / places)[..., None, :], places, axis=-2)
    return _add_back(place, shares), {}


def _global_max_pool(
    place: Place, weights: Layer, x: Array, setting: Setting
) -> tuple[Array, _Largest, Arrays]:
    """Give y[b, c] = the largest of x[b, ..., c]: one window of all places."""
    del place, weights, setting
    return *_largest(x.reshape(len(x), -1, x.shape[-1])), {}


def _global_max_pool_back(
    place: Place, weights: Layer, kept: _Largest, delta: Array, setting: Setting
) -> tuple[Array, Arrays]:
    """By x: delta at the largest place of each channel, the first of equal ones."""
    del weights, setting
    return _to_largest(kept, delta).reshape(len(delta), *place.inputs), {}


def _global_average_pool(
    place: Place, weights: Layer, x: Array, setting: Setting
) -> tuple[Array, None, Arrays]:
    """Give y[b, c] = the mean of x[b, ..., c] (Lin, Chen & Yan 2014, section 3.2)."""
    del place, weights, setting
    return np.mean(x.reshape(len(x), -1, x.shape[-1]), axis=1), None, {}


def _global_average_pool_back(
    place: Place, weights: Layer, kept: None, delta: Array, setting: Setting
) -> tuple[Array, Arrays]:
    """By x: delta / places at every place."""
    del weights, kept, setting
    *lengths, channels = place.inputs
    share = (delta / math.prod(lengths)).reshape(len(delta), *[1] * len(lengths), channels)
    return np.broadcast_to(share, (len(delta), *place.inputs)).copy(), {}


CONVOLUTION = Operation(_convolution, _convolution_back)
MAX_POOL = Operation(_max_pool, _max_pool_back)
AVERAGE_POOL = Operation(_average_pool, _average_pool_back)
GLOBAL_MAX_POOL = Operation(_global_max_pool, _global_max_pool_back)
GLOBAL_AVERAGE_POOL = Operation(_global_average_pool, _global_average_pool_back)

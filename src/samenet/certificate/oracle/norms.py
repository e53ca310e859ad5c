"""Normalisation over the batch and over the features, with n = (x - m) / sqrt(v + epsilon).

The gradients are those of Ioffe & Szegedy 2015, section 3 (arXiv:1502.03167), put together: with
d = delta * scale and means over the numbers that share an m and a v,
by x: (d - mean(d) - n mean(d n)) / sqrt(v + epsilon).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from samenet.adapter.arrays import Array, Layer
from samenet.certificate.oracle.setting import Arrays, Operation, Setting
from samenet.spec.layers import Place


class _Kept(NamedTuple):
    """n like x, and 1 / sqrt(v + epsilon), which spreads over it."""

    normal: Array
    inverse: Array


def _batch_norm(
    place: Place, weights: Layer, x: Array, setting: Setting
) -> tuple[Array, _Kept, Arrays]:
    """Give y = scale n + offset, channel by channel: x, y (B, ..., C), all others (C,).

    In training, m and v are mean and variance of the N numbers of a channel, N = B times places;
    of each, (1 - rate) kept + rate new is kept, the new variance in the form v or v N / (N - 1).
    In use, m and v are the kept ones.
    """
    layer: Any = place.layer
    new: Arrays = {}
    mean, variance = weights["mean"], weights["variance"]
    if setting.training:
        mean, variance = _moments(x, tuple(range(x.ndim - 1)))
        mean, variance = mean.reshape(-1), variance.reshape(-1)
        new = {
            "mean": _mix(weights["mean"], mean, layer.rate),
            "variance": _mix(weights["variance"], variance * _factor(x, setting), layer.rate),
        }
    inverse = 1 / np.sqrt(variance + layer.epsilon)
    normal = (x - mean) * inverse
    return weights["scale"] * normal + weights["offset"], _Kept(normal, inverse), new


def _moments(x: Array, axes: tuple[int, ...]) -> tuple[Array, Array]:
    """Return mean and variance over these axes, which stay with length 1.

    The variance is the mean of (x - m)^2, in two passes: E[x^2] - m^2 loses every digit where the
    mean is large (Chan, Golub & LeVeque 1983).
    """
    mean = np.mean(x, axis=axes, keepdims=True)
    return mean, np.mean((x - mean) ** 2, axis=axes, keepdims=True)


def _factor(x: Array, setting: Setting) -> float:
    """Return by what the variance is multiplied before it is kept."""
    numbers = math.prod(x.shape[:-1])
    return numbers / (numbers - 1) if setting.forms.running_variance == "unbiased" else 1.0


def _mix(kept: Array, new: Array, rate: float) -> Array:
    return (1 - rate) * kept + rate * new


def _batch_norm_back(
    place: Place, weights: Layer, kept: _Kept, delta: Array, setting: Setting
) -> tuple[Array, Arrays]:
    """By scale: the sum of delta n; by offset: that of delta, both over the batch and all places.

    In use m and v do not depend on x: by x it is delta scale / sqrt(v + epsilon).
    """
    del place
    axes = tuple(range(delta.ndim - 1))
    by_x = delta * weights["scale"] * kept.inverse
    if setting.training:
        by_x = _through(delta * weights["scale"], kept, axes)
    return by_x, _by_scale_and_offset(delta, kept, setting)


def _layer_norm(
    place: Place, weights: Layer, x: Array, setting: Setting
) -> tuple[Array, _Kept, Arrays]:
    """Give y = scale n + offset, m and v of the last axis: x, y (B, ..., n), scale and offset (n,).

    Ba, Kiros & Hinton 2016, equation 4 (arXiv:1607.06450).
    """
    del setting
    layer: Any = place.layer
    mean, variance = _moments(x, (-1,))
    inverse = 1 / np.sqrt(variance + layer.epsilon)
    normal = (x - mean) * inverse
    return weights["scale"] * normal + weights["offset"], _Kept(normal, inverse), {}


def _layer_norm_back(
    place: Place, weights: Layer, kept: _Kept, delta: Array, setting: Setting
) -> tuple[Array, Arrays]:
    """By scale: the sum of delta n; by offset: that of delta, both over rows and places."""
    del place
    by_x = _through(delta * weights["scale"], kept, (-1,))
    return by_x, _by_scale_and_offset(delta, kept, setting)


def _through(by_normal: Array, kept: _Kept, axes: tuple[int, ...]) -> Array:
    """Return the gradient by x of that by n, m and v being those of x itself over these axes."""
    shift = np.mean(by_normal, axis=axes, keepdims=True)
    stretch = np.mean(by_normal * kept.normal, axis=axes, keepdims=True)
    return kept.inverse * (by_normal - shift - kept.normal * stretch)


def _by_scale_and_offset(delta: Array, kept: _Kept, setting: Setting) -> Arrays:
    return {
        "scale": setting.add((delta * kept.normal).reshape(-1, delta.shape[-1])),
        "offset": setting.add(delta.reshape(-1, delta.shape[-1])),
    }


BATCH_NORM = Operation(_batch_norm, _batch_norm_back)
LAYER_NORM = Operation(_layer_norm, _layer_norm_back)

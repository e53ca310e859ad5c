"""Activations in place, those with a kink first: the weighted sums z become the activation.

Each takes the layer's sums z and the gradient delta by its activation, which become the activation
and the gradient by the sums. What is kept for the way back is made here. The rows of z have ones
beside the units (see numpy_inplace_passes), those of delta nothing.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from samenet.adapter import Array
from samenet.adapters.numpy_functions import SELU_ALPHA, SELU_SCALE
from samenet.adapters.numpy_inplace import InPlace, number, units_of
from samenet.adapters.numpy_inplace_smooth import gelu, sigmoid, silu, softplus, tanh
from samenet.spec import Activation


def identity(z: Array, delta: Array) -> InPlace:
    """z; derivative 1: nothing to do."""
    del z, delta
    return InPlace([], [])


def relu(z: Array, delta: Array) -> InPlace:
    """The maximum with an array of zeros: that with a single 0 is not vectorised in NumPy."""
    positive, zeros = np.empty(z.shape, bool), np.zeros_like(z)
    return InPlace(
        [(np.maximum, z, zeros, z)],
        [
            (np.greater, z, number(0, z), positive),
            (np.multiply, delta, units_of(positive, delta), delta),
        ],
    )


def leaky_relu(z: Array, delta: Array, slope: float) -> InPlace:
    """The larger of z and slope * z; the smaller, if the slope is above 1."""
    positive, kept, factor = np.empty(z.shape, bool), np.empty_like(z), number(slope, z)
    part = np.empty_like(delta)
    chosen = np.maximum if slope <= 1 else np.minimum
    return InPlace(
        [
            (np.greater, z, number(0, z), positive),  # a slope below 0 hides it afterwards
            (np.multiply, z, factor, kept),
            (chosen, z, kept, z),
        ],
        [
            (np.multiply, delta, units_of(positive, delta), part),  # passes unchanged
            (np.subtract, delta, part, delta),
            (np.multiply, delta, factor, delta),
            (np.add, delta, part, delta),
        ],
    )


def elu(z: Array, delta: Array) -> InPlace:
    """max(z, 0) + (exp(min(z, 0)) - 1); the second part plus 1 is the derivative everywhere."""
    kept, zeros = np.empty_like(z), np.zeros_like(z)
    return InPlace(
        [
            (np.minimum, z, zeros, kept),
            (np.expm1, kept, kept),
            (np.maximum, z, zeros, z),
            (np.add, z, kept, z),
        ],
        [
            (np.add, kept, number(1, z), kept),
            (np.multiply, delta, units_of(kept, delta), delta),
        ],
    )


def selu(z: Array, delta: Array) -> InPlace:
    """ELU with two factors; its derivative jumps at 0, so the positive part goes back apart."""
    positive, kept, part = np.empty(z.shape, bool), np.empty_like(z), np.empty_like(delta)
    scale, depth = number(SELU_SCALE, z), number(SELU_SCALE * SELU_ALPHA, z)
    zeros = np.zeros_like(z)
    return InPlace(
        [
            (np.minimum, z, zeros, kept),
            (np.expm1, kept, kept),
            (np.multiply, kept, depth, kept),
            (np.maximum, z, zeros, z),
            (np.multiply, z, scale, z),
            (np.add, z, kept, z),
        ],
        [
            (np.greater, z, number(0, z), positive),
            (np.multiply, delta, units_of(positive, delta), part),
            (np.subtract, delta, part, delta),
            (np.multiply, part, scale, part),
            (np.add, kept, depth, kept),
            (np.multiply, delta, units_of(kept, delta), delta),
            (np.add, delta, part, delta),
        ],
    )


ACTIVATIONS: dict[str, Callable[..., InPlace]] = {
    "identity": identity,
    "sigmoid": sigmoid,
    "tanh": tanh,
    "relu": relu,
    "leaky_relu": leaky_relu,
    "elu": elu,
    "selu": selu,
    "gelu": gelu,
    "silu": silu,
    "softplus": softplus,
}


KEEP_ONE = ("identity", "relu", "leaky_relu", "elu")
"""The activations whose value at 1 is 1."""


def in_place(activation: Activation, z: Array, delta: Array) -> InPlace:
    """Return the operations of an activation on whole rows; what is beside the units stays 1."""
    if activation.name == "leaky_relu":
        return leaky_relu(z, delta, activation.slope)
    found = ACTIVATIONS[activation.name](z, delta)
    if activation.name not in KEEP_ONE:
        found.forward.append((z[:, delta.shape[1] :].fill, 1))
    return found

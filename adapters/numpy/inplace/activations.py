"""Activations in place: the weighted sums z become the activation.

Each takes the layer's sums z and the gradient delta by its activation, which become the activation
and the gradient by the sums. What is kept for the way back is made here. The rows of z have ones
beside the units (see numpy_inplace_passes), those of delta nothing.

Those with a kink come first. The smooth ones are put together of exp, expm1, log1p and tanh, which
NumPy vectorises.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import scipy

from samenet.adapter import Array
from samenet.adapters.numpy.functions import SELU_ALPHA, SELU_SCALE
from samenet.adapters.numpy.inplace.operations import InPlace, copy, number, units_of
from samenet.spec import Activation


def identity(z: Array, delta: Array) -> InPlace:
    """z; derivative 1: nothing to do."""
    del z, delta
    return InPlace([], [])


def relu(z: Array, delta: Array) -> InPlace:
    """The maximum with an array of zeros: that with a single 0 is not vectorised in NumPy."""
    positive = np.empty(z.shape, bool)
    zeros = np.zeros_like(z)
    return InPlace(
        [(np.maximum, z, zeros, z)],
        [
            (np.greater, z, number(0, z), positive),
            (np.multiply, delta, units_of(positive, delta), delta),
        ],
    )


def leaky_relu(z: Array, delta: Array, slope: float) -> InPlace:
    """The larger of z and slope * z; the smaller, if the slope is above 1."""
    positive = np.empty(z.shape, bool)
    kept = np.empty_like(z)
    factor = number(slope, z)
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
    kept = np.empty_like(z)
    zeros = np.zeros_like(z)
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
    positive = np.empty(z.shape, bool)
    kept = np.empty_like(z)
    part = np.empty_like(delta)
    scale = number(SELU_SCALE, z)
    depth = number(SELU_SCALE * SELU_ALPHA, z)
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


def sigmoid(z: Array, delta: Array) -> InPlace:
    """With s = 1 / (1 + exp(-z)) the derivative is s - s^2; an infinite exp makes 0, as it should.

    SciPy's expit is not vectorised and takes four times as long.
    """
    kept = np.empty_like(z)
    one = number(1, z)
    return InPlace(
        [(np.negative, z, z), (np.exp, z, z), (np.add, z, one, z), (np.divide, one, z, z)],
        [
            (np.square, z, kept),
            (np.subtract, z, kept, kept),
            (np.multiply, delta, units_of(kept, delta), delta),
        ],
    )


def tanh(z: Array, delta: Array) -> InPlace:
    """The derivative is 1 less the square of the value."""
    kept = np.empty_like(z)
    return InPlace(
        [(np.tanh, z, z)],
        [
            (np.square, z, kept),
            (np.subtract, number(1, z), kept, kept),
            (np.multiply, delta, units_of(kept, delta), delta),
        ],
    )


def silu(z: Array, delta: Array) -> InPlace:
    """With e = exp(-z), s = 1 / (1 + e) and a = z s the derivative is s + a (e s).

    1 - s instead of e s would lose its digits where z is large. Then e must not be infinite.
    """
    kept = np.empty_like(z)
    part = np.empty_like(z)
    one = number(1, z)
    largest = np.full_like(z, np.finfo(z.dtype).max)
    return InPlace(
        [
            (np.negative, z, part),
            (np.exp, part, part),
            (np.minimum, part, largest, part),
            (np.add, part, one, kept),
            (np.divide, one, kept, kept),
            (np.multiply, z, kept, z),
        ],
        [
            (np.multiply, part, kept, part),
            (np.multiply, part, z, part),
            (np.add, part, kept, part),
            (np.multiply, delta, units_of(part, delta), delta),
        ],
    )


def gelu(z: Array, delta: Array) -> InPlace:
    """With P the normal distribution function and p its density: z P, derivative P + z p."""
    sums = np.empty_like(z)
    kept = np.empty_like(z)
    part = np.empty_like(z)
    half = number(0.5, z)
    minus_half = number(-0.5, z)
    return InPlace(
        [
            (np.multiply, z, number(math.sqrt(0.5), z), kept),
            (scipy.special.erf, kept, kept),
            (np.add, kept, number(1, z), kept),
            (np.multiply, kept, half, kept),
            copy(z, sums),
            (np.multiply, z, kept, z),
        ],
        [
            (np.square, sums, part),
            (np.multiply, part, minus_half, part),
            (np.exp, part, part),
            (np.multiply, part, sums, part),
            (np.multiply, part, number(1 / math.sqrt(2 * math.pi), z), part),
            (np.add, part, kept, part),
            (np.multiply, delta, units_of(part, delta), delta),
        ],
    )


def softplus(z: Array, delta: Array) -> InPlace:
    """With a = max(z, 0) + log(1 + exp(-|z|)) the derivative sigmoid(z) is 1 - exp(-a)."""
    kept = np.empty_like(z)
    return InPlace(
        [
            (np.absolute, z, kept),
            (np.negative, kept, kept),
            (np.exp, kept, kept),
            (np.log1p, kept, kept),
            (np.maximum, z, np.zeros_like(z), z),
            (np.add, z, kept, z),
        ],
        [
            (np.negative, z, kept),
            (np.expm1, kept, kept),
            (np.negative, kept, kept),
            (np.multiply, delta, units_of(kept, delta), delta),
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

"""Activations in place, the smooth ones; see numpy_inplace_activations.

They are put together of exp, expm1, log1p and tanh, which NumPy vectorises.
"""

from __future__ import annotations

import math

import numpy as np
import scipy

from samenet.adapter import Array
from samenet.adapters.numpy_inplace import InPlace, copy, number, units_of


def sigmoid(z: Array, delta: Array) -> InPlace:
    """With s = 1 / (1 + exp(-z)) the derivative is s - s^2; an infinite exp makes 0, as it should.

    SciPy's expit is not vectorised and takes four times as long.
    """
    kept, one = np.empty_like(z), number(1, z)
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
    kept, part, one = np.empty_like(z), np.empty_like(z), number(1, z)
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
    sums, kept, part = np.empty_like(z), np.empty_like(z), np.empty_like(z)
    half, minus_half = number(0.5, z), number(-0.5, z)
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

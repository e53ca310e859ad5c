"""Activations, their derivatives and the losses of the oracle, in float64 from their definitions.

Every function also accepts complex arguments, so that tests can take complex-step derivatives
(Squire & Trapp 1998), which have no cancellation error.
"""

from __future__ import annotations

import numpy as np
from scipy.special import erf

from samenet.adapter import Array
from samenet.spec import Activation

SELU_ALPHA = 1.6732632423543772848170429916717
SELU_SCALE = 1.0507009873554804934193349852946


def logistic(z: Array) -> Array:
    """Return 1 / (1 + exp(-z)) without overflow."""
    small = np.exp(np.where(z.real >= 0, -z, z))
    return np.where(z.real >= 0, 1 / (1 + small), small / (1 + small))


def value(activation: Activation, z: Array) -> Array:
    """Return the activation at z."""
    positive = z.real > 0
    match activation.name:
        case "identity":
            return z
        case "sigmoid":
            return logistic(z)
        case "tanh":
            return np.tanh(z)
        case "relu":
            return np.where(positive, z, 0)
        case "leaky_relu":
            return np.where(positive, z, activation.slope * z)
        case "elu":
            return np.where(positive, z, np.exp(np.where(positive, 0, z)) - 1)
        case "selu":
            below = SELU_ALPHA * (np.exp(np.where(positive, 0, z)) - 1)
            return SELU_SCALE * np.where(positive, z, below)
        case "gelu":
            return z * (1 + erf(z / np.sqrt(2))) / 2
        case "silu":
            return z * logistic(z)
        case "softplus":
            return softplus(z)


def derivative(activation: Activation, z: Array) -> Array:
    """Return the derivative at z; at a kink, that of the left side (ReLU'(0) = 0)."""
    positive = z > 0
    match activation.name:
        case "identity":
            return np.ones(z.shape)
        case "sigmoid":
            return logistic(z) * logistic(-z)
        case "tanh":
            return 1 / np.cosh(np.clip(z, -350, 350)) ** 2
        case "relu":
            return np.where(positive, 1.0, 0.0)
        case "leaky_relu":
            return np.where(positive, 1.0, activation.slope)
        case "elu":
            return np.exp(np.where(positive, 0, z))
        case "selu":
            return SELU_SCALE * np.where(positive, 1.0, SELU_ALPHA * np.exp(np.minimum(z, 0)))
        case "gelu":
            density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
            return (1 + erf(z / np.sqrt(2))) / 2 + z * density
        case "silu":
            return logistic(z) + z * logistic(z) * logistic(-z)
        case "softplus":
            return logistic(z)


def softplus(z: Array) -> Array:
    """Return log(1 + exp(z)) without overflow."""
    return np.where(z.real > 0, z, 0) + np.log1p(np.exp(np.where(z.real > 0, -z, z)))


def mean_loss(loss: str, z: Array, targets: Array) -> float:
    """Return the mean loss of the linear outputs z (B, outputs)."""
    return float(np.mean(loss_per_row(loss, z, targets)).real)


def loss_per_row(loss: str, z: Array, targets: Array) -> Array:
    """Return the loss of each row, (B,); formulas in samenet.spec.Loss."""
    if loss == "binary_cross_entropy":
        return np.mean(softplus(z) - targets * z, axis=1)
    if loss == "mean_squared_error":
        return np.mean((z - targets) ** 2, axis=1)
    largest = z.real.max(axis=1, keepdims=True)
    total = np.log(np.sum(np.exp(z - largest), axis=1)) + largest[:, 0]
    return total - np.take_along_axis(z, targets[:, None], axis=1)[:, 0]


def delta_terms(loss: str, z: Array, targets: Array) -> tuple[Array, Array]:
    """Return (a, b), each (B, outputs): the gradient of the mean loss by z is a - b.

    Both are needed apart: where they nearly cancel, as for a sample that is fitted well, rounding
    is relative to them and not to their difference.
    """
    count = z.size if loss != "sparse_categorical_cross_entropy" else len(z)
    if loss == "binary_cross_entropy":
        return logistic(z) / count, targets / count
    if loss == "mean_squared_error":
        return 2 * z / count, 2 * targets / count
    exponentials = np.exp(z - z.max(axis=1, keepdims=True))
    softmax = exponentials / np.sum(exponentials, axis=1, keepdims=True)
    return softmax / count, (targets[:, None] == np.arange(z.shape[1])[None, :]) / count

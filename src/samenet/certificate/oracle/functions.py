"""Activations, their derivatives and the losses of the oracle, in float64 from their definitions.

Every function also accepts complex arguments, so that tests can take complex-step derivatives
(Squire & Trapp 1998), which have no cancellation error.
"""

from __future__ import annotations

import math

import numpy as np
import scipy

from samenet.adapter.arrays import Array
from samenet.spec.layers import Activation
from samenet.spec.training import Forms, Loss, Side

SELU_ALPHA = 1.6732632423543772848170429916717
SELU_SCALE = 1.0507009873554804934193349852946


SPEC = Forms()
"""The forms of docs/model-spec.md where a framework declares no others."""


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
            return np.where(positive, z, np.expm1(np.where(positive, 0, z)))
        case "selu":
            below = SELU_ALPHA * np.expm1(np.where(positive, 0, z))
            return SELU_SCALE * np.where(positive, z, below)
        case "gelu":
            return z * (1 + scipy.special.erf(z / math.sqrt(2))) / 2
        case "silu":
            return z * logistic(z)
        case "softplus":
            return softplus(z)


def derivative(activation: Activation, z: Array, forms: Forms = SPEC) -> Array:
    """Return the derivative at z; at a kink, that of the side the forms name (ReLU'(0) = 0)."""
    side: Side = getattr(forms, f"{activation.name}_at_0", "left")
    if side == "middle":
        left, right = _derivative(activation, z, z > 0), _derivative(activation, z, z >= 0)
        return (left + right) / 2
    return _derivative(activation, z, z > 0 if side == "left" else z >= 0)


def _derivative(activation: Activation, z: Array, positive: Array) -> Array:
    """Return the derivative at z, that of the right side where `positive` says so."""
    match activation.name:
        case "identity":
            return np.ones_like(z)
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
            density = np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
            return (1 + scipy.special.erf(z / math.sqrt(2))) / 2 + z * density
        case "silu":
            return logistic(z) + z * logistic(z) * logistic(-z)
        case "softplus":
            return logistic(z)


def softplus(z: Array) -> Array:
    """Return log(1 + exp(z)) without overflow."""
    return _positive_part(z) + _softplus_of_minus(z)


def _positive_part(z: Array) -> Array:
    return np.where(z.real > 0, z, 0)


def _softplus_of_minus(z: Array) -> Array:
    """Return log(1 + exp(-|z|))."""
    return np.log1p(np.exp(np.where(z.real > 0, -z, z)))


def mean_loss(loss: Loss, z: Array, targets: Array) -> float:
    """Return the mean loss of the linear outputs z (B, outputs)."""
    return float(np.mean(loss_per_row(loss, z, targets)).real)


def loss_per_row(loss: Loss, z: Array, targets: Array) -> Array:
    """Return the loss of each row, (B,); formulas in samenet.spec.training.Loss."""
    wanted = soft_targets(loss, z, targets)
    match loss.name:
        case "binary_cross_entropy":
            return np.mean((_positive_part(z) - wanted * z) + _softplus_of_minus(z), axis=1)
        case "mean_squared_error":
            return np.mean((z - wanted) ** 2, axis=1)
        case "mean_absolute_error":
            return np.mean(_absolute(z - wanted), axis=1)
        case "huber":
            return np.mean(_huber(z - wanted, loss.delta), axis=1)
        case "categorical_cross_entropy" | "sparse_categorical_cross_entropy":
            shifted = z - z.real.max(axis=1, keepdims=True)  # changes nothing: targets sum to 1
            return np.log(np.sum(np.exp(shifted), axis=1)) - np.sum(wanted * shifted, axis=1)


def soft_targets(loss: Loss, z: Array, targets: Array) -> Array:
    """Return the targets as rows like z, smoothed as the loss says."""
    if loss.name == "sparse_categorical_cross_entropy":
        targets = (targets[:, None] == np.arange(z.shape[1])[None, :]).astype(z.real.dtype)
    classes = 2 if loss.name == "binary_cross_entropy" else z.shape[1]
    return (1 - loss.label_smoothing) * targets + loss.label_smoothing / classes


def _absolute(e: Array) -> Array:
    return np.where(e.real < 0, -e, e)


def _huber(e: Array, delta: float) -> Array:
    size = _absolute(e)
    return np.where(size.real <= delta, e**2 / 2, delta * (size - delta / 2))


def _sign(e: Array, at_0: Side) -> Array:
    """Return the slope of |e|."""
    return np.where(e == 0, {"left": -1.0, "middle": 0.0, "right": 1.0}[at_0], np.sign(e))


def delta_terms(loss: Loss, z: Array, targets: Array, forms: Forms = SPEC) -> tuple[Array, Array]:
    """Return (a, b), each (B, outputs): the gradient of the mean loss by z is a - b.

    Both are needed apart: where they nearly cancel, as for a sample that is fitted well, rounding
    is relative to them and not to their difference.
    """
    wanted = soft_targets(loss, z, targets)
    match loss.name:
        case "binary_cross_entropy":
            return logistic(z) / z.size, wanted / z.size
        case "mean_squared_error":
            return 2 * z / z.size, 2 * wanted / z.size
        case "mean_absolute_error":
            slope = _sign(z - wanted, forms.absolute_error_at_0)
            return slope / z.size, np.zeros_like(z)
        case "huber":
            near = np.abs(z - wanted) <= loss.delta
            far = loss.delta * np.sign(z - wanted)
            return np.where(near, z, far) / z.size, np.where(near, wanted, 0) / z.size
        case "categorical_cross_entropy" | "sparse_categorical_cross_entropy":
            exponentials = np.exp(z - z.max(axis=1, keepdims=True))
            softmax = exponentials / np.sum(exponentials, axis=1, keepdims=True)
            return softmax / len(z), wanted / len(z)

"""Activations and losses in NumPy, each with the derivative that the backward pass needs.

Scalars are Python floats: with them float32 arrays stay float32 (NumPy 2, NEP 50).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import scipy

from samenet.adapter import Array
from samenet.spec import Activation
from samenet.training import Loss

SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805  # Klambauer et al. 2017

Elementwise = Callable[[Array, float], Array]


def expit(z: Array) -> Array:
    """Return 1 / (1 + exp(-z)); SciPy loads its special functions (0.1 s) when first asked."""
    return scipy.special.expit(z)


def _elu(z: Array, alpha: float, scale: float) -> Array:
    return np.where(z > 0, scale * z, scale * alpha * np.expm1(np.minimum(z, 0)))


def _elu_slope(z: Array, alpha: float, scale: float) -> Array:
    return np.where(z > 0, scale, scale * alpha * np.exp(np.minimum(z, 0))).astype(z.dtype)


def _normal_density(z: Array) -> Array:
    return np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)


def _normal_distribution(z: Array) -> Array:
    return 0.5 * (1 + scipy.special.erf(z / math.sqrt(2)))


ACTIVATIONS: dict[str, tuple[Elementwise, Elementwise]] = {
    "identity": (lambda z, s: z, lambda z, s: np.ones_like(z)),
    "sigmoid": (lambda z, s: expit(z), lambda z, s: expit(z) * expit(-z)),
    "tanh": (lambda z, s: np.tanh(z), lambda z, s: 1 - np.tanh(z) ** 2),
    "relu": (lambda z, s: np.maximum(z, 0), lambda z, s: z > 0),
    "leaky_relu": (
        lambda z, s: np.where(z > 0, z, s * z),
        lambda z, s: np.where(z > 0, 1, s).astype(z.dtype),
    ),
    "elu": (lambda z, s: _elu(z, 1.0, 1.0), lambda z, s: _elu_slope(z, 1.0, 1.0)),
    "selu": (
        lambda z, s: _elu(z, SELU_ALPHA, SELU_SCALE),
        lambda z, s: _elu_slope(z, SELU_ALPHA, SELU_SCALE),
    ),
    "gelu": (
        lambda z, s: z * _normal_distribution(z),
        lambda z, s: _normal_distribution(z) + z * _normal_density(z),
    ),
    "silu": (lambda z, s: z * expit(z), lambda z, s: expit(z) * (1 + z * expit(-z))),
    "softplus": (lambda z, s: np.logaddexp(z, 0).astype(z.dtype), lambda z, s: expit(z)),
}


def activate(activation: Activation, z: Array) -> Array:
    """Return the activation of the weighted sums, in their shape and precision."""
    return ACTIVATIONS[activation.name][0](z, activation.slope)


def binary_cross_entropy(z: Array, y: Array, spec: Loss) -> tuple[float, Array]:
    """Return mean softplus(z) - y z and its gradient (sigmoid(z) - y) / B; both (B, 1)."""
    del spec  # the targets are smoothed already
    return float(np.mean(np.logaddexp(z, 0) - y * z)), (expit(z) - y) / len(z)


def categorical_cross_entropy(z: Array, y: Array, spec: Loss) -> tuple[float, Array]:
    """Return mean logsumexp(z) - sum(y z) and its gradient (softmax(z) - y) / B; both (B, K)."""
    del spec  # the targets are smoothed already
    shifted = z - z.max(axis=1, keepdims=True)
    exponentials = np.exp(shifted)
    sums = exponentials.sum(axis=1, keepdims=True)
    loss = np.mean(np.log(sums[:, 0]) - (y * shifted).sum(axis=1))
    return float(loss), (exponentials / sums - y) / len(z)


def wanted(targets: Array, outputs: int, spec: Loss, dtype: np.dtype) -> Array:
    """Return all targets as numbers (rows, outputs), one-hot and smoothed as the loss says."""
    y = np.eye(outputs, dtype=dtype)[targets] if targets.dtype.kind == "i" else targets
    classes = 2 if spec.name == "binary_cross_entropy" else outputs
    return smoothed(y.astype(dtype), classes, spec)


def smoothed(y: Array, classes: int, spec: Loss) -> Array:
    """Return the targets with label smoothing."""
    share = spec.label_smoothing
    return (1 - share) * y + share / classes if share else y


def mean_squared_error(z: Array, y: Array, spec: Loss) -> tuple[float, Array]:
    """Return mean (z - y)^2 over rows and outputs, and its gradient 2 (z - y) / size."""
    del spec  # it has no constants
    error = z - y
    return float(np.mean(error * error)), 2 / error.size * error


def mean_absolute_error(z: Array, y: Array, spec: Loss) -> tuple[float, Array]:
    """Return mean |z - y| over rows and outputs, and its gradient sign(z - y) / size."""
    del spec  # it has no constants
    error = z - y
    return float(np.mean(np.abs(error))), np.sign(error) / error.size


def huber(z: Array, y: Array, spec: Loss) -> tuple[float, Array]:
    """Return the mean over rows and outputs, and its gradient: the error, clipped, / size."""
    error = z - y
    near = np.clip(error, -spec.delta, spec.delta)
    return float(np.mean(near * (error - 0.5 * near))), near / error.size


LOSSES: dict[str, Callable[..., tuple[float, Array]]] = {
    "binary_cross_entropy": binary_cross_entropy,
    "categorical_cross_entropy": categorical_cross_entropy,
    "sparse_categorical_cross_entropy": categorical_cross_entropy,
    "mean_squared_error": mean_squared_error,
    "mean_absolute_error": mean_absolute_error,
    "huber": huber,
}

"""Activations and losses in NumPy, each with the derivative that the backward pass needs.

The formulas name their array module `xp`: CuPy's adapter takes them with its own in NumPy's place.
Scalars are Python floats: with them float32 arrays stay float32 (NumPy 2, NEP 50).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy

from samenet.adapter import Array
from samenet.spec import Activation, Loss

SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805  # Klambauer et al. 2017

Elementwise = Callable[[Array, float], Array]
"""Of the weighted sums z and the slope s of leaky ReLU, which the others ignore."""
LossAndGradient = Callable[..., tuple[Array, Array]]
"""Of linear outputs z, targets y and the loss's `spec`; the loss stays where the arrays are."""


class Functions:
    """Activations and losses on the arrays of one library."""

    def __init__(self, xp: Any, scipy: Any) -> None:
        """Take an array module with NumPy's names and the SciPy that works on its arrays.

        SciPy loads its special functions (0.1 s) when they are first asked for.
        """
        self.xp = xp
        self.scipy = scipy
        self.activations: dict[str, tuple[Elementwise, Elementwise]] = {
            "identity": (lambda z, s: z, lambda z, s: xp.ones_like(z)),
            "sigmoid": (
                lambda z, s: self.expit(z),
                lambda z, s: self.expit(z) * self.expit(-z),
            ),
            "tanh": (lambda z, s: xp.tanh(z), lambda z, s: 1 - xp.tanh(z) ** 2),
            "relu": (lambda z, s: xp.maximum(z, 0), lambda z, s: z > 0),
            "leaky_relu": (
                lambda z, s: xp.where(z > 0, z, s * z),
                lambda z, s: xp.where(z > 0, 1, s).astype(z.dtype),
            ),
            "elu": (
                lambda z, s: self.elu(z, 1.0, 1.0),
                lambda z, s: self.elu_slope(z, 1.0, 1.0),
            ),
            "selu": (
                lambda z, s: self.elu(z, SELU_ALPHA, SELU_SCALE),
                lambda z, s: self.elu_slope(z, SELU_ALPHA, SELU_SCALE),
            ),
            "gelu": (
                lambda z, s: z * self.normal_distribution(z),
                lambda z, s: self.normal_distribution(z) + z * self.normal_density(z),
            ),
            "silu": (
                lambda z, s: z * self.expit(z),
                lambda z, s: self.expit(z) * (1 + z * self.expit(-z)),
            ),
            "softplus": (
                lambda z, s: xp.logaddexp(z, 0).astype(z.dtype),
                lambda z, s: self.expit(z),
            ),
        }
        self.losses: dict[str, LossAndGradient] = {
            "binary_cross_entropy": self.binary_cross_entropy,
            "categorical_cross_entropy": self.categorical_cross_entropy,
            "sparse_categorical_cross_entropy": self.categorical_cross_entropy,
            "mean_squared_error": self.mean_squared_error,
            "mean_absolute_error": self.mean_absolute_error,
            "huber": self.huber,
        }

    def activate(self, activation: Activation, z: Array) -> Array:
        """Return the activation of the weighted sums, in their shape and precision."""
        return self.activations[activation.name][0](z, activation.slope)

    def expit(self, z: Array) -> Array:
        """Return 1 / (1 + exp(-z))."""
        return self.scipy.special.expit(z)

    def elu(self, z: Array, alpha: float, scale: float) -> Array:
        """Return scale * z, or scale * alpha * (exp(z) - 1) where z is not positive."""
        xp = self.xp
        return xp.where(z > 0, scale * z, scale * alpha * xp.expm1(xp.minimum(z, 0)))

    def elu_slope(self, z: Array, alpha: float, scale: float) -> Array:
        """Return the derivative of the same."""
        xp = self.xp
        return xp.where(z > 0, scale, scale * alpha * xp.exp(xp.minimum(z, 0))).astype(z.dtype)

    def normal_density(self, z: Array) -> Array:
        """Return exp(-z^2 / 2) / sqrt(2 pi)."""
        return self.xp.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)

    def normal_distribution(self, z: Array) -> Array:
        """Return the integral of the density up to z."""
        return 0.5 * (1 + self.scipy.special.erf(z / math.sqrt(2)))

    def binary_cross_entropy(self, z: Array, y: Array, spec: Loss) -> tuple[Array, Array]:
        """Return mean softplus(z) - y z and its gradient (sigmoid(z) - y) / B; both (B, 1)."""
        del spec  # the targets are smoothed already
        loss = self.xp.mean(self.xp.logaddexp(z, 0) - y * z)
        return loss, (self.expit(z) - y) / len(z)

    def categorical_cross_entropy(self, z: Array, y: Array, spec: Loss) -> tuple[Array, Array]:
        """Return mean logsumexp(z) - sum(y z) and gradient (softmax(z) - y) / B; both (B, K)."""
        del spec  # the targets are smoothed already
        shifted = z - z.max(axis=1, keepdims=True)
        exponentials = self.xp.exp(shifted)
        sums = exponentials.sum(axis=1, keepdims=True)
        loss = (self.xp.log(sums).sum() - self.xp.vdot(y, shifted)) / len(z)
        return loss, (exponentials / sums - y) / len(z)

    def mean_squared_error(self, z: Array, y: Array, spec: Loss) -> tuple[Array, Array]:
        """Return mean (z - y)^2 over rows and outputs, and its gradient 2 (z - y) / size."""
        del spec  # it has no constants
        error = z - y
        return self.xp.mean(error * error), 2 / error.size * error

    def mean_absolute_error(self, z: Array, y: Array, spec: Loss) -> tuple[Array, Array]:
        """Return mean |z - y| over rows and outputs, and its gradient sign(z - y) / size."""
        del spec  # it has no constants
        error = z - y
        return self.xp.mean(self.xp.abs(error)), self.xp.sign(error) / error.size

    def huber(self, z: Array, y: Array, spec: Loss) -> tuple[Array, Array]:
        """Return the mean over rows and outputs, and its gradient: the error, clipped, / size."""
        error = z - y
        near = self.xp.clip(error, -spec.delta, spec.delta)
        return self.xp.mean(near * (error - 0.5 * near)), near / error.size


FUNCTIONS = Functions(np, scipy)


def targets_as_rows(targets: Array, outputs: int, spec: Loss, dtype: np.dtype) -> Array:
    """Return all targets as numbers (rows, outputs), one-hot and smoothed as the loss says."""
    y = np.eye(outputs, dtype=dtype)[targets] if targets.dtype.kind == "i" else targets
    classes = 2 if spec.name == "binary_cross_entropy" else outputs
    return smooth_targets(y.astype(dtype), classes, spec)


def smooth_targets(y: Array, classes: int, spec: Loss) -> Array:
    """Return the targets with label smoothing."""
    share = spec.label_smoothing
    return (1 - share) * y + share / classes if share else y

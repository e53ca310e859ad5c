"""Activations and losses in JAX.

A Python float takes the dtype of what it meets, exactly. At a kink the slope is that of the left
side: `jnp.maximum(z, 0)` and `jnp.abs` have 1/2 and 1 at 0, and stand nowhere here.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp

from samenet.spec import Activation, Loss

ACTIVATIONS: dict[str, Callable[[jax.Array, float], jax.Array]] = {
    "sigmoid": lambda z, s: jax.nn.sigmoid(z),
    "tanh": lambda z, s: jnp.tanh(z),
    "relu": lambda z, s: jax.nn.relu(z),
    "leaky_relu": lambda z, s: jnp.where(z > 0, z, s * z),  # jax.nn's has slope 1 at 0
    "elu": lambda z, s: jax.nn.elu(z),
    "selu": lambda z, s: jax.nn.selu(z),
    "gelu": lambda z, s: jax.nn.gelu(z, approximate=False),
    "silu": lambda z, s: jax.nn.silu(z),
    "softplus": lambda z, s: jax.nn.softplus(z),
    "identity": lambda z, s: z,
}


def activate(activation: Activation, z: jax.Array) -> jax.Array:
    """Return the activation of the weighted sums."""
    return ACTIVATIONS[activation.name](z, activation.slope)


def binary_cross_entropy(z: jax.Array, y: jax.Array, spec: Loss) -> jax.Array:
    """Return softplus(z) - y z in two terms, neither of which cancels where z is right."""
    del spec  # it has no further constants
    return y * jax.nn.softplus(-z) + (1 - y) * jax.nn.softplus(z)


def categorical_cross_entropy(z: jax.Array, y: jax.Array, spec: Loss) -> jax.Array:
    """Return logsumexp(z) - sum(y z) of each row: minus the logarithm of the likelihood."""
    del spec  # it has no further constants
    return -jnp.sum(y * jax.nn.log_softmax(z), axis=-1)


def squared_error(z: jax.Array, y: jax.Array, spec: Loss) -> jax.Array:
    """Return (z - y)^2."""
    del spec  # it has no constants
    return jnp.square(z - y)


def absolute_error(z: jax.Array, y: jax.Array, spec: Loss) -> jax.Array:
    """Return |z - y|, with slope 0 at an exact hit."""
    del spec  # it has no constants
    return (z - y) * jnp.sign(z - y)


def huber(z: jax.Array, y: jax.Array, spec: Loss) -> jax.Array:
    """Return e^2 / 2 near the target and delta * (|e| - delta / 2) beyond delta."""
    size = absolute_error(z, y, spec)
    near = 0.5 * jnp.square(z - y)
    far = spec.delta * (size - 0.5 * spec.delta)
    return jnp.where(size <= spec.delta, near, far)


LOSSES: dict[str, Callable[[jax.Array, jax.Array, Loss], jax.Array]] = {
    "binary_cross_entropy": binary_cross_entropy,
    "categorical_cross_entropy": categorical_cross_entropy,
    "sparse_categorical_cross_entropy": categorical_cross_entropy,
    "mean_squared_error": squared_error,
    "mean_absolute_error": absolute_error,
    "huber": huber,
}


def mean_loss(spec: Loss, z: jax.Array, targets: jax.Array) -> jax.Array:
    """Return the mean over the batch, and over the outputs of a regression."""
    if spec.name == "sparse_categorical_cross_entropy":
        targets = jax.nn.one_hot(targets, z.shape[1], dtype=z.dtype)
    if spec.label_smoothing:
        classes = 2 if spec.name == "binary_cross_entropy" else z.shape[1]
        targets = (1 - spec.label_smoothing) * targets + spec.label_smoothing / classes
    return jnp.mean(LOSSES[spec.name](z, targets, spec))

"""What JAX's documentation writes out: initial weights, predictions, losses.

The pages: samenet.adapters.jax.quickstart. Dropout, which they do not use, is one
`jax.random.bernoulli` after the activation of a layer; without a key nothing is dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import random, vmap
from jax.scipy.special import logsumexp

from samenet.adapters.jax.functions import activate
from samenet.spec import Dense, Network

Params = list[tuple[Any, Any]]
Layers = Sequence[Dense]
Key = Any
"""A key of jax.random, or None."""


def random_layer_params(
    m: int, n: int, key: Key, scale: float = 1e-2
) -> tuple[jax.Array, jax.Array]:
    """Return random weights (n, m) and biases of a layer with m inputs."""
    w_key, b_key = random.split(key)
    return scale * random.normal(w_key, (n, m)), scale * random.normal(b_key, (n,))


def init_network_params(network: Network, seed: int) -> Params:
    """Return all layers of the classifier."""
    keys = random.split(random.key(seed), len(network.shapes))
    return [random_layer_params(m, n, k) for (m, n), k in zip(network.shapes, keys, strict=True)]


def predict(layers: Layers, params: Params, image: jax.Array, key: Key) -> jax.Array:
    """Return the logits of a single row."""
    activations = image
    for place, (w, b) in enumerate(params[:-1]):
        activations = activated(layers, place, jnp.dot(w, activations) + b, key)
    final_w, final_b = params[-1]
    return jnp.dot(final_w, activations) + final_b


def batched_predict(layers: Layers, params: Params, images: jax.Array, key: Key) -> jax.Array:
    """Return the logits of a batch: `predict`, upgraded by vmap."""
    if key is None:
        return vmap(lambda image: predict(layers, params, image, None))(images)
    keys = random.split(key, len(images))
    return vmap(lambda image, key: predict(layers, params, image, key))(images, keys)


def forward(layers: Layers, params: Params, x: jax.Array, key: Key) -> jax.Array:
    """Return the values of a batch."""
    *hidden, (last_weights, last_biases) = params
    for place, (weights, biases) in enumerate(hidden):
        x = activated(layers, place, x @ weights + biases, key)
    return x @ last_weights + last_biases


def activated(layers: Layers, place: int, outputs: jax.Array, key: Key) -> jax.Array:
    """Return the values of a hidden layer; with a key, dropout takes its share."""
    layer = layers[place]
    values = activate(layer.activation, outputs)
    if key is None or not layer.dropout:
        return values
    kept = random.bernoulli(random.fold_in(key, place), 1 - layer.dropout, values.shape)
    return jnp.where(kept, values / (1 - layer.dropout), 0.0)


def log_probabilities(logits: jax.Array) -> jax.Array:
    """Return the logarithm of each class's probability."""
    return logits - logsumexp(logits, axis=1, keepdims=True)


def sigmoid(x: jax.Array) -> jax.Array:
    """Return the probability of a label being true."""
    return 0.5 * (jnp.tanh(x / 2) + 1)


def negative_log_likelihood(logits: jax.Array, targets: jax.Array) -> jax.Array:
    """Return the loss of the logistic model."""
    preds = sigmoid(logits)
    label_probs = preds * targets + (1 - preds) * (1 - targets)
    return -jnp.sum(jnp.log(label_probs))


class Example(NamedTuple):
    """What the pages choose for a kind of task."""

    predict: Callable[..., jax.Array]
    loss: Callable[[jax.Array, jax.Array], jax.Array]
    link: Callable[[jax.Array], jax.Array]
    step_size: float


EXAMPLES = {
    "multiclass": Example(
        batched_predict,
        lambda logits, targets: -jnp.mean(log_probabilities(logits) * targets),
        lambda logits: jnp.exp(log_probabilities(logits)),
        0.01,
    ),
    "binary": Example(batched_predict, negative_log_likelihood, sigmoid, 0.01),
    "regression": Example(
        forward,
        lambda pred, y: jnp.mean((pred - y) ** 2),
        lambda pred: pred,
        0.0001,
    ),
}

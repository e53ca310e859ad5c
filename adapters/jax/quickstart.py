"""JAX's first documented examples of neural networks, written with JAX alone.

Not the pages' own: our data (already standardised), layers, dropout, batch size, number of epochs.
The pages print accuracies or a final loss, no loss per epoch: here it comes with the gradient.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import random

from samenet.adapter import Array, QuickStartData
from samenet.adapters.jax.quickstart_model import EXAMPLES, Params, init_network_params
from samenet.spec import Network, TrainSpec

PAGES = {
    "multiclass": {
        "page": "https://docs.jax.dev/en/latest/notebooks/neural_network_with_tfds_data.html",
        "read": "2026-11-25",
        "optimizer": "gradient descent, step size 0.01",
        "initializer": "kernels and biases normal, deviation 0.01",
        "shuffling": "none",
        "loss": "minus the mean of one-hot times log-softmax, over rows and classes",
        "reported": "mean of the batch losses; the page prints accuracies",
    },
    "binary": {
        "page": "https://docs.jax.dev/en/latest/notebooks/neural_network_with_tfds_data.html",
        "loss page": "https://docs.jax.dev/en/latest/automatic-differentiation.html",
        "read": "2026-11-25",
        "optimizer": "gradient descent, step size 0.01",
        "initializer": "kernels and biases normal, deviation 0.01",
        "shuffling": "none",
        "loss": "negative log-likelihood of a logistic model, summed over the batch",
        "reported": "mean of the batch losses; the page prints accuracies",
    },
    "regression": {
        "page": "https://docs.jax.dev/en/latest/pytrees.html",
        "read": "2026-11-25",
        "optimizer": "gradient descent, learning rate 0.0001",
        "initializer": "kernels normal, variance 2 / inputs; biases 1",
        "shuffling": "none",
        "loss": "mean squared error",
        "reported": "mean of the batch losses",
    },
}


def init_mlp_params(network: Network, seed: int) -> Params:
    """Return all layers of the regression, drawn by NumPy."""
    normal = np.random.default_rng(seed).normal
    return [(normal(size=(m, n)) * np.sqrt(2 / m), np.ones(n)) for m, n in network.shapes]


STARTS = {
    "multiclass": init_network_params,
    "binary": init_network_params,
    "regression": init_mlp_params,
}


def one_hot(x: Array, k: int) -> jax.Array:
    """Return class numbers as rows of 0 and 1; other targets as they are."""
    return jnp.array(x[:, None] == jnp.arange(k), jnp.float32) if x.ndim == 1 else jnp.array(x)


def quickstart(
    network: Network, training: TrainSpec, data: QuickStartData, *, seed: int
) -> JaxQuickStart:
    """Return the example with its own random weights."""
    return JaxQuickStart(network, training.batch_size, data, seed)


class JaxQuickStart:
    """The pages' `update` and their loop over batches."""

    def __init__(self, network: Network, batch_size: int, data: QuickStartData, seed: int) -> None:
        """Draw the initial weights."""
        self.network = network
        self.batch_size = batch_size
        self.data = data
        self.example = EXAMPLES[data.kind]
        self.params = STARTS[data.kind](network, seed)
        self.key = random.key(seed)
        self.jitted = jax.jit(self.update)

    def update(
        self, params: Params, x: jax.Array, y: jax.Array, key: Any
    ) -> tuple[Params, jax.Array]:
        """Take one step and return the loss before it."""

        def loss(params: Params) -> jax.Array:
            return self.example.loss(self.example.predict(self.network.layers, params, x, key), y)

        value, grads = jax.value_and_grad(loss)(params)
        step_size = self.example.step_size
        return jax.tree.map(lambda p, g: p - step_size * g, params, grads), value

    def fit(self, epochs: int) -> list[np.floating]:
        """Train and return the mean of the batch losses of every epoch."""
        return [np.mean(jax.device_get(self.train())) for _ in range(epochs)]

    def train(self) -> list[jax.Array]:
        """Run the pages' loop once over the data."""
        losses = []
        for start in range(0, len(self.data.inputs), self.batch_size):
            rows = slice(start, start + self.batch_size)
            y = one_hot(self.data.targets[rows], self.network.widths[-1])
            key = None
            if self.network.has_dropout:
                self.key, key = random.split(self.key)
            self.params, loss = self.jitted(self.params, self.data.inputs[rows], y, key)
            losses.append(loss)
        return losses

    def predict(self, inputs: Array) -> Array:
        """Return probabilities, or values of a regression."""
        layers = self.network.layers
        example = self.example
        return np.array(example.link(example.predict(layers, self.params, jnp.array(inputs), None)))

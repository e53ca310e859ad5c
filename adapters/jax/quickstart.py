"""The first neural network of JAX's ecosystem: Flax NNX and Optax, on scikit-learn's digits.

JAX's own documentation trains no network for beginners since it was ordered anew; the JAX team's
"JAX AI stack" begins with this page. It classifies; it is followed for every kind of task, with the
loss that Optax's API page names for it. Not the page's own: our data (already standardised) and
layers. The page prints the loss of the test rows; here it is that of the training rows.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from samenet.adapter import Array, QuickStartData
from samenet.spec import Network, TrainSpec

PAGES = {
    "multiclass": {
        "page": "https://docs.jaxstack.ai/en/latest/neural_net_basics.html",
        "read": "2026-11-30",
        "batch_size": "all",
        "updates": 301,
        "training": "301 updates, all 1,347 rows in each",
        "optimizer": "optax.sgd, learning rate 0.05",
        "initializer": "nnx.Linear's own: LeCun normal kernels, zero biases",
        "shuffling": "none: every update sees all rows",
        "loss": "mean of optax.softmax_cross_entropy_with_integer_labels",
    },
    "binary": {
        "page": "https://docs.jaxstack.ai/en/latest/neural_net_basics.html",
        "loss page": "https://optax.readthedocs.io/en/latest/api/losses.html",
        "read": "2026-11-30",
        "batch_size": "all",
        "updates": 301,
        "training": "301 updates, all 1,347 rows in each",
        "optimizer": "optax.sgd, learning rate 0.05",
        "initializer": "nnx.Linear's own: LeCun normal kernels, zero biases",
        "shuffling": "none: every update sees all rows",
        "loss": "mean of optax.sigmoid_binary_cross_entropy",
    },
    "regression": {
        "page": "https://docs.jaxstack.ai/en/latest/neural_net_basics.html",
        "loss page": "https://optax.readthedocs.io/en/latest/api/losses.html",
        "read": "2026-11-30",
        "batch_size": "all",
        "updates": 301,
        "training": "301 updates, all 1,347 rows in each",
        "optimizer": "optax.sgd, learning rate 0.05",
        "initializer": "nnx.Linear's own: LeCun normal kernels, zero biases",
        "shuffling": "none: every update sees all rows",
        "loss": "mean of optax.squared_error",
    },
}
LOSSES = {
    "multiclass": optax.softmax_cross_entropy_with_integer_labels,
    "binary": optax.sigmoid_binary_cross_entropy,
    "regression": optax.squared_error,
}
LINKS = {"multiclass": jax.nn.softmax, "binary": jax.nn.sigmoid, "regression": jax.nn.identity}


class SimpleNN(nnx.Module):
    """The page's class: linear layers, each followed by its activation; the last gives logits."""

    def __init__(self, network: Network, *, rngs: nnx.Rngs) -> None:
        """Make the layers with Flax's own initial weights."""
        linear = [nnx.Linear(m, n, rngs=rngs) for m, n in network.shapes]
        self.linear = nnx.List(linear)
        self.dropout = nnx.List([nnx.Dropout(x.dropout, rngs=rngs) for x in network.places])
        self.activations = tuple(layer.activation.name for layer in network.places)

    def __call__(self, x: jax.Array) -> jax.Array:
        """Return the logits."""
        for linear, name, dropout in zip(self.linear, self.activations, self.dropout, strict=True):
            x = dropout(getattr(jax.nn, name)(linear(x)))
        return x


def quickstart(
    network: Network, training: TrainSpec, data: QuickStartData, *, seed: int
) -> JaxQuickStart:
    """Return the example with its own random weights; its updates see all rows at once."""
    del training
    return JaxQuickStart(network, data, seed)


class JaxQuickStart:
    """The page's model, optimiser and jitted training step."""

    def __init__(self, network: Network, data: QuickStartData, seed: int) -> None:
        """Make the model and the optimiser."""
        self.kind = data.kind
        self.inputs, self.labels = jnp.asarray(data.inputs), jnp.asarray(data.targets)
        self.model = SimpleNN(network, rngs=nnx.Rngs(seed))
        self.optimizer = nnx.ModelAndOptimizer(self.model, optax.sgd(learning_rate=0.05))

        def loss_fun(model: SimpleNN, data: jax.Array, labels: jax.Array) -> jax.Array:
            return LOSSES[self.kind](model(data), labels).mean()

        @nnx.jit
        def train_step(
            model: SimpleNN,
            optimizer: nnx.ModelAndOptimizer[SimpleNN],
            data: jax.Array,
            labels: jax.Array,
        ) -> jax.Array:
            loss, grads = nnx.value_and_grad(loss_fun)(model, data, labels)
            optimizer.update(grads)
            return loss

        self.train_step = train_step

    def fit(self, epochs: int) -> list[np.floating]:
        """Train, one update per epoch, and return the loss before each."""
        self.model.train()
        losses = [
            self.train_step(self.model, self.optimizer, self.inputs, self.labels)
            for _ in range(epochs)
        ]
        return jax.device_get(losses)

    def predict(self, inputs: Array) -> Array:
        """Return probabilities, or values of a regression."""
        self.model.eval()
        return np.asarray(LINKS[self.kind](self.model(jnp.asarray(inputs))))

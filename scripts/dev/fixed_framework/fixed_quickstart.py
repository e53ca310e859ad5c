"""The first example of the fixed framework: a linear model by gradient descent, from its seed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from samenet.adapter import Array, QuickStartData
from samenet.spec import Network

PAGES = {
    "binary": {
        "page": "https://example.org/first-steps",
        "read": "2026-11-30",
        "optimizer": "gradient descent: rate 0.1",
        "initializer": "normal, deviation 0.1",
        "shuffling": "none",
        "loss": "squared distance from the one-hot class",
        "reported": "mean before each update",
    },
    "multiclass": {
        "page": "https://example.org/first-steps",
        "read": "2026-11-30",
        "optimizer": "gradient descent: rate 0.1",
        "initializer": "normal, deviation 0.1",
        "shuffling": "none",
        "loss": "squared distance from the one-hot class",
        "reported": "mean before each update",
    },
    "regression": {
        "page": "https://example.org/first-steps",
        "read": "2026-11-30",
        "optimizer": "gradient descent: rate 0.1",
        "initializer": "normal, deviation 0.1",
        "shuffling": "none",
        "loss": "mean squared error",
        "reported": "mean before each update",
    },
}


def quickstart(
    network: Network, training: Any, data: QuickStartData, *, seed: int
) -> LinearExample:
    """Return the example; it has no hidden layer, whatever the task says."""
    del network, training
    return LinearExample(data, seed)


class LinearExample:
    """One matrix, all rows in each step."""

    def __init__(self, data: QuickStartData, seed: int) -> None:
        """Draw the matrix from the seed."""
        self.inputs = self.extended(data.inputs.astype(np.float64))
        self.classes = data.targets.dtype.kind == "i"
        targets = (
            np.eye(int(data.targets.max()) + 1)[data.targets] if self.classes else data.targets
        )
        self.targets = targets.astype(np.float64)
        shape = (self.inputs.shape[1], self.targets.shape[1])
        self.matrix = np.random.default_rng(seed).normal(scale=0.1, size=shape)

    @staticmethod
    def extended(inputs: Array) -> Array:
        """Return the rows with a column of ones."""
        return np.hstack([inputs, np.ones((len(inputs), 1))])

    def fit(self, epochs: int) -> Sequence[float]:
        """Train and return the loss of every epoch."""
        losses = []
        for _ in range(epochs):
            difference = self.inputs @ self.matrix - self.targets
            losses.append(float((difference**2).mean()))
            self.matrix -= 0.1 * self.inputs.T @ difference / len(difference)
        return losses

    def predict(self, inputs: Array) -> Array:
        """Return probabilities of the classes, or values."""
        outputs = self.extended(inputs.astype(np.float64)) @ self.matrix
        if not self.classes:
            return np.asarray(outputs)
        powers = np.exp(4 * outputs)
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))

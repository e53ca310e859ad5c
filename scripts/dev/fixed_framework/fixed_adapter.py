"""A framework for scripts/dev/same_output.py: the same numbers in every run, three modes, all else.

It imports nothing but the seam, so that it means the same to every version of samenet.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samenet.adapter import Array, Batches, Capabilities, DataSource, Layer, Target, Weights
from samenet.spec import Network

ADAPTER = {
    "name": "fixed",
    "title": "Fixed",
    "modes": {
        "eager": {"why": "step by step", "source": "https://example.org/eager", "default": True},
        "compiled": {
            "why": "the same, said to be compiled",
            "source": "https://example.org/compiled",
            "compiler": "fixed-jit",
        },
        "fit": {"why": "a whole fit of its own", "source": "https://example.org/fit"},
    },
    "imports": ["numpy"],
    "distributions": ["numpy"],
    "quickstart": "fixed_quickstart.py",
    "predictors": "fixed_predictors.py",
    "offers": ["autodiff", "export"],
    "color": "#aa5500",
}

Pair = tuple[Array, Array]


def sigmoid(z: Array) -> Array:
    """Return 1 / (1 + exp(-z)) without an overflow on either side."""
    small = np.exp(-np.abs(z))
    return np.asarray(np.where(z >= 0, 1 / (1 + small), small / (1 + small)))


ACTIVATIONS: dict[str, tuple[Callable[[Array], Array], Callable[[Array, Array], Array]]] = {
    "identity": (lambda z: z, lambda z, a: np.ones_like(z)),
    "relu": (lambda z: np.maximum(z, 0), lambda z, a: (z > 0).astype(z.dtype)),
    "sigmoid": (sigmoid, lambda z, a: a * (1 - a)),
    "tanh": (np.tanh, lambda z, a: 1 - a * a),
}
"""Value, and derivative from input and value."""


def entropy(outputs: Array, classes: Array) -> tuple[Array, Array]:
    """Return the mean cross entropy of class numbers, and its gradient."""
    shifted = outputs - outputs.max(axis=1, keepdims=True)
    powers = np.exp(shifted)
    total = powers.sum(axis=1, keepdims=True)
    rows = np.arange(len(classes))
    loss = (np.log(total[:, 0]) - shifted[rows, classes]).mean()
    slope = powers / total
    slope[rows, classes] -= 1
    return loss, slope / np.asarray(len(classes), outputs.dtype)


def squares(outputs: Array, values: Array) -> tuple[Array, Array]:
    """Return the mean squared error, and its gradient."""
    difference = outputs - values
    return (difference**2).mean(), 2 * difference / np.asarray(difference.size, outputs.dtype)


LOSSES = {"sparse_categorical_cross_entropy": entropy, "mean_squared_error": squares}


def capabilities() -> Capabilities:
    """Offer what the tasks of same_output.py need, and refuse the rest."""
    return Capabilities(
        devices=("cpu",),
        dtypes=("float32", "float64"),
        activations=tuple(ACTIVATIONS),
        losses=tuple(LOSSES),
        optimizers=("sgd", "adam"),
        parts=(),
        dropout=False,
    )


def wake(target: Target) -> None:
    """Load the matrix library."""
    small = np.ones((8, 8), target.dtype)
    small @ small


def read_back(program: FixedProgram, target: Target) -> dict[str, str | int | float]:
    """Return what was asked for."""
    compiler = "fixed-jit" if program.mode == "compiled" else "none"
    return {"threads": target.threads, "device": "cpu", "compiler": compiler, "compilations": 1}


def build(
    network: Network, training: Any, weights: Weights, *, target: Target, mode: str
) -> FixedProgram:
    """Return the program that starts from exactly these weights."""
    return FixedProgram(network, training, weights, np.dtype(target.dtype), mode)


def own_fit(program: FixedProgram, epochs: int) -> None:
    """Train so many epochs in the order of the rows."""
    size = program.batch_size
    order = np.arange(program.train_rows // size * size, dtype=np.int32).reshape(-1, size)
    for _ in range(epochs):
        program.train(Batches(order=order))


class FixedProgram:
    """A dense network trained by SGD with momentum or by Adam, in NumPy."""

    def __init__(
        self, network: Network, training: Any, weights: Weights, dtype: np.dtype[Any], mode: str
    ) -> None:
        """Take copies of the weights in the precision of the computation."""
        self.dtype, self.mode, self.rule = dtype, mode, training.optimizer
        self.batch_size: int = training.batch_size
        self.names = [layer.activation.name for layer in network.layers]
        self.loss = LOSSES[training.loss.name]
        self.parameters = [p.astype(dtype) for layer in weights for p in (layer.kernel, layer.bias)]
        self.moments = [(np.zeros_like(p), np.zeros_like(p)) for p in self.parameters]
        self.latest: list[Array] = []

    def load(self, source: DataSource) -> None:
        """Keep the rows."""
        inputs, targets = source.arrays()
        self.train_rows = source.train_rows
        self.inputs = inputs.astype(self.dtype)
        self.targets = targets if targets.dtype.kind == "i" else targets.astype(self.dtype)

    def train(self, batches: Batches) -> None:
        """Do all steps."""
        self.latest = []
        for step, rows in enumerate(batches.order):
            trail = self.forward(self.inputs[rows])
            loss, slope = self.loss(trail[-1][1], self.targets[rows])
            self.update(self.backward(trail, slope), batches.first_step + step + 1)
            self.latest.append(loss)

    def forward(self, values: Array) -> list[Pair]:
        """Return input and value of each layer's activation; the first pair holds the rows."""
        trail = [(values, values)]
        for place, name in enumerate(self.names):
            kernel, bias = self.parameters[2 * place : 2 * place + 2]
            z = trail[-1][1] @ kernel + bias
            trail.append((z, ACTIVATIONS[name][0](z)))
        return trail

    def backward(self, trail: list[Pair], slope: Array) -> list[Array]:
        """Return the gradient of every parameter."""
        gradients: list[Array] = []
        for layer in reversed(range(len(self.names))):
            slope = slope * ACTIVATIONS[self.names[layer]][1](*trail[layer + 1])
            gradients += [slope.sum(axis=0), trail[layer][1].T @ slope]
            slope = slope @ self.parameters[2 * layer].T
        return gradients[::-1]

    def update(self, gradients: list[Array], step: int) -> None:
        """Change the parameters by the rule of the task."""
        rule = self.rule
        for p, g, (m, v) in zip(self.parameters, gradients, self.moments, strict=True):
            if rule.name == "sgd":
                m[...] = rule.momentum * m + g
                change = g + rule.momentum * m if rule.nesterov else m
            else:
                m += (1 - rule.beta1) * (g - m)
                v += (1 - rule.beta2) * (g * g - v)
                root = np.sqrt(v / (1 - rule.beta2**step))
                change = m / (1 - rule.beta1**step) / (root + rule.epsilon)
            p -= rule.learning_rate * change

    def losses(self) -> Array:
        """Return the loss before each update of the latest call."""
        return np.array(self.latest)

    def predict(self, rows: NDArray[np.int32]) -> Array:
        """Return the linear outputs."""
        return self.forward(self.inputs[rows])[-1][1]

    def weights(self) -> Weights:
        """Return copies."""
        copies = [p.copy() for p in self.parameters]
        return [Layer(*pair) for pair in zip(copies[::2], copies[1::2], strict=True)]

    def sync(self) -> None:
        """NumPy has finished when it returns."""

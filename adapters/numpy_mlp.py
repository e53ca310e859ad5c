"""NumPy from scratch: forward pass, hand-written backward pass and optimiser, as in a textbook.

Shapes: rows B, layer widths n0 ... nL. Kernels are (fan_in, fan_out), so a layer is x @ kernel + b.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_info

from samenet.adapter import Array, Batches, Capabilities, DataSource, Layer, Target, Weights
from samenet.adapters.numpy_functions import ACTIVATIONS, LOSSES, activate, slope
from samenet.adapters.numpy_optimizers import optimizer
from samenet.spec import Network, TrainSpec

ADAPTER = {
    "name": "numpy",
    "title": "NumPy",
    "modes": {
        "plain": {
            "default": True,
            "why": "the textbook loop: one matrix product per layer, one expression per formula",
            "source": "http://neuralnetworksanddeeplearning.com/chap2.html",
        }
    },
    "imports": ["numpy"],
    "distributions": ["numpy", "scipy"],
    "adoptable": False,
    "color": "#4d77cf",
}


def capabilities() -> Capabilities:
    """Everything on the CPU, in both precisions."""
    return Capabilities(
        devices=("cpu",),
        dtypes=("float32", "float64"),
        activations=tuple(ACTIVATIONS),
        losses=tuple(LOSSES),
        optimizers=("sgd", "adam"),
    )


def wake(target: Target) -> None:
    """Load the matrix library with one small product; its threads were set before the import."""
    small = np.ones((8, 8), target.dtype)
    small @ small


def read_back(target: Target) -> dict[str, str | int | float]:
    """Return the thread count that the matrix library reports."""
    counts = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
    return {"threads": max(counts, default=1), "device": "cpu", "dtype": target.dtype}


def build(
    network: Network, training: TrainSpec, weights: Weights, *, target: Target, mode: str
) -> NumpyProgram:
    """Return the program that starts from exactly these weights."""
    del mode  # there is one
    return NumpyProgram(network, training, weights, np.dtype(target.dtype))


class NumpyProgram:
    """A network as lists of arrays."""

    def __init__(
        self, network: Network, training: TrainSpec, weights: Weights, dtype: np.dtype
    ) -> None:
        """Copy the weights; the optimiser's state starts at zero."""
        self.activations = [layer.activation for layer in network.layers]
        self.loss, self.dtype = LOSSES[training.loss], dtype
        self.kernels = [layer.kernel.astype(dtype) for layer in weights]
        self.biases = [layer.bias.astype(dtype) for layer in weights]
        self.optimizer = optimizer(training.optimizer, self.kernels + self.biases)

    def load(self, source: DataSource) -> None:
        """Keep the rows in the precision of the computation; class numbers stay integers."""
        inputs, targets = source.arrays()
        self.inputs = inputs.astype(self.dtype)
        self.targets = targets if targets.dtype.kind == "i" else targets.astype(self.dtype)

    def train(self, batches: Batches) -> None:
        """Forward, backward, update: once per row of the order."""
        self.step_losses: list[float] = []
        for rows in batches.order:
            gradients = self.gradients(self.inputs[rows], self.targets[rows])
            self.optimizer.update(gradients)

    def gradients(self, inputs: Array, targets: Array) -> list[Array]:
        """Return the gradients of kernels, then biases (Rumelhart, Hinton & Williams 1986)."""
        sums, values = self.forward(inputs)
        loss, delta = self.loss(sums[-1], targets)  # delta: (B, nL)
        self.step_losses.append(loss)
        kernels, biases = [], []
        for i in reversed(range(len(self.kernels))):
            kernels.append(values[i].T @ delta)  # (n_i, n_i+1)
            biases.append(delta.sum(axis=0))
            if i > 0:
                delta = (delta @ self.kernels[i].T) * slope(self.activations[i - 1], sums[i - 1])
        return kernels[::-1] + biases[::-1]

    def forward(self, inputs: Array) -> tuple[list[Array], list[Array]]:
        """Return the weighted sums of every layer and the values that entered it."""
        sums: list[Array] = []
        values = [inputs]
        for kernel, bias, activation in zip(
            self.kernels, self.biases, self.activations, strict=True
        ):
            sums.append(values[-1] @ kernel + bias)
            values.append(activate(activation, sums[-1]))
        return sums, values

    def losses(self) -> Array:
        """Return the loss before each update of the latest call."""
        return np.array(self.step_losses)

    def predict(self, rows: NDArray[np.int32]) -> Array:
        """Return the outputs of the linear head."""
        return self.forward(self.inputs[rows])[0][-1]

    def weights(self) -> Weights:
        """Return copies."""
        return [Layer(k.copy(), b.copy()) for k, b in zip(self.kernels, self.biases, strict=True)]

    def sync(self) -> None:
        """NumPy has finished when it returns."""

"""NumPy from scratch: forward, hand-written backward and update, as in a textbook (or in place)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_info

from samenet.adapter import (
    NOT_READABLE,
    Array,
    Batches,
    Capabilities,
    DataSource,
    Target,
    Weights,
)
from samenet.adapters.numpy.functions import FUNCTIONS, targets_as_rows
from samenet.adapters.numpy.layers import MAKE
from samenet.adapters.numpy.network import Layers, masks_of
from samenet.adapters.numpy.optimizers import RULES, Updates
from samenet.spec import Network, TrainSpec

if TYPE_CHECKING:  # it would cost the plain mode start-up time
    from samenet.adapters.numpy.mode_buffers import BufferedProgram

BLOCK_ROWS = 1024
"""Rows that are predicted at once: those of convolutions become many times as many numbers."""

ADAPTER = {
    "name": "numpy",
    "title": "NumPy",
    "modes": {
        "plain": {
            "why": "the textbook loop: one matrix product per layer, one expression per formula",
            "source": "http://neuralnetworksanddeeplearning.com/chap2.html",
            "best_for": ["convolution", "recurrent", "attention"],
        },
        "buffers": {
            "default": True,
            "why": "weights as one vector, every array made once and written to with out=",
            "source": "https://www.labri.fr/perso/nrougier/from-python-to-numpy/#views-and-copies",
            "layers": ["dense"],
        },
    },
    "imports": ["numpy"],
    "distributions": ["numpy", "scipy"],
    "predictors": "predict.py",
    "adoptable": False,
    "order": 10,
    "color": "#0061a8",
}


def capabilities() -> Capabilities:
    """Everything on the CPU, in both precisions."""
    return Capabilities(
        devices=("cpu",),
        dtypes=("float32", "float64"),
        activations=tuple(FUNCTIONS.activations),
        losses=tuple(FUNCTIONS.losses),
        optimizers=tuple(RULES),
        layers=tuple(MAKE),
    )


def wake(target: Target) -> None:
    """Load the matrix library with one small product; its threads were set before the import."""
    small = np.ones((8, 8), target.dtype)
    small @ small


def read_back(
    program: NumpyProgram | BufferedProgram, target: Target
) -> dict[str, str | int | float]:
    """Return the thread count that the matrix library reports, and the program's own precision."""
    del target
    counts = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
    dtype = next(str(array.dtype) for layer in program.weights() for array in layer.values())
    return {
        "threads": max(counts, default=NOT_READABLE),
        "device": "cpu",
        "dtype": dtype,
        "compiler": "none",
    }


def build(
    network: Network, training: TrainSpec, weights: Weights, *, target: Target, mode: str
) -> NumpyProgram | BufferedProgram:
    """Return the program that starts from exactly these weights."""
    if mode == "buffers":
        from samenet.adapters.numpy import mode_buffers

        return mode_buffers.BufferedProgram(network, training, weights, np.dtype(target.dtype))
    return NumpyProgram(network, training, weights, np.dtype(target.dtype))


class NumpyProgram:
    """A network as a list of layers, and the optimiser's own arrays."""

    def __init__(
        self, network: Network, training: TrainSpec, weights: Weights, dtype: np.dtype
    ) -> None:
        """Copy the weights; the optimiser's state starts at zero."""
        self.layers = Layers(network, training.loss, weights, dtype)
        self.updates = Updates(training, self.layers.parameters, self.layers.decays)
        self.network = network
        self.training = training
        self.dtype = dtype

    def load(self, source: DataSource) -> None:
        """Keep the rows in the precision of the computation; token numbers stay whole."""
        inputs, targets = source.arrays()
        self.inputs = inputs if self.network.vocabulary else inputs.astype(self.dtype)
        loss, outputs = self.training.loss, self.network.outputs
        self.targets = targets_as_rows(targets, outputs, loss, self.dtype)

    def train(self, batches: Batches) -> None:
        """Forward, backward, update: once per row of the order."""
        self.step_losses: list[float] = []
        rates = self.updates.rates_of(batches)
        for step, rows in enumerate(batches.order):
            masks = masks_of(batches.masks, step) if batches.masks else ()
            loss, gradients = self.layers.gradients(self.inputs[rows], self.targets[rows], masks)
            self.updates.apply(gradients, rates[step])
            self.step_losses.append(float(loss))

    def losses(self) -> Array:
        """Return the loss before each update of the latest call."""
        return np.array(self.step_losses)

    def predict(self, rows: NDArray[np.int32]) -> Array:
        """Return the outputs of the linear head, block by block of what needs little memory."""
        blocks = range(0, max(len(rows), 1), BLOCK_ROWS)
        found = [self.layers.outputs(self.inputs[rows[i : i + BLOCK_ROWS]]) for i in blocks]
        return np.concatenate(found)

    def weights(self) -> Weights:
        """Return copies."""
        return self.layers.copies()

    def sync(self) -> None:
        """NumPy has finished when it returns."""

"""Mode "buffers": all weights in one vector, every array made once, every step the same calls."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from samenet.adapter import Array, Batches, DataSource, Layer, Weights
from samenet.adapters.numpy.functions import targets_as_rows
from samenet.adapters.numpy.inplace.operations import row_length, rows_of
from samenet.adapters.numpy.inplace.optimizers import VectorUpdates
from samenet.adapters.numpy.inplace.passes import ForwardPass, TrainingPass
from samenet.spec import Network, TrainSpec

SIZES_KEPT = 8
"""Of how many batch sizes the arrays are kept: the usual one, a short last one, predictions."""

BLOCK_ROWS = 1024
"""Rows that are predicted at once: arrays for more would leave the processor's caches."""


def zeros(network: Network, dtype: np.dtype) -> tuple[Array, list[Array]]:
    """Return a vector for all weights, and views of its layers, (fan_in + 1, fan_out) each.

    What lies between the views, where rows are longer than fan_out, is 0 and stays 0.
    """
    shapes = [(fan_in + 1, row_length(fan_out, dtype)) for fan_in, fan_out in network.shapes]
    ends = np.cumsum([rows * length for rows, length in shapes])
    vector = np.zeros(ends[-1], dtype)
    parts = zip(np.split(vector, ends[:-1]), shapes, network.widths[1:], strict=True)
    return vector, [part.reshape(shape)[:, :width] for part, shape, width in parts]


class BufferedProgram:
    """A network as one vector of weights; arrays for batches are made when a size first comes."""

    def __init__(
        self, network: Network, training: TrainSpec, weights: Weights, dtype: np.dtype
    ) -> None:
        """Lay the weights out layer by layer, kernel and bias; the optimiser starts at zero."""
        self.network = network
        self.training = training
        self.dtype = dtype
        self.vector, self.layers = zeros(network, dtype)
        self.gradient, self.gradients = zeros(network, dtype)
        is_kernel, ones = zeros(network, dtype)
        for given, mine, one in zip(weights, self.layers, ones, strict=True):
            mine[:-1] = given.kernel
            mine[-1] = given.bias
            one[:-1] = 1
        self.updates = VectorUpdates(training, self.vector, self.gradient, is_kernel)
        self.training_pass = lru_cache(SIZES_KEPT)(self._training_pass)
        self.forward_pass = lru_cache(SIZES_KEPT)(self._forward_pass)

    def _training_pass(self, rows: int) -> TrainingPass:
        return TrainingPass(self.network, self.training.loss, self.layers, self.gradients, rows)

    def _forward_pass(self, rows: int) -> ForwardPass:
        return ForwardPass(self.network, self.layers, rows, drop=False)

    def load(self, source: DataSource) -> None:
        """Keep the rows in the precision of the computation, inputs with a column of ones."""
        inputs, targets = source.arrays()
        width = inputs.shape[1]
        self.inputs = rows_of(len(inputs), width + 1, self.dtype, fill=1)
        self.inputs[:, :width] = inputs
        found = targets_as_rows(targets, self.network.outputs, self.training.loss, self.dtype)
        self.targets = np.ascontiguousarray(found.T)

    def train(self, batches: Batches) -> None:
        """Gather, forward, backward, update: once per row of the order, into the same arrays."""
        step_losses = np.empty(len(batches.order))
        work = self.training_pass(batches.order.shape[1])
        updates = self.updates
        with np.errstate(over="ignore"):  # an exp that overflows is right: see sigmoid
            for place, rows in enumerate(batches.order):
                step = batches.first_step + place
                # mode "clip" writes to `out` directly, "raise" through a copy of it
                self.inputs.take(rows, 0, work.inputs, "clip")
                self.targets.take(rows, 1, work.targets, "clip")
                work.set_masks(batches.masks, place)
                step_losses[place] = work.run(updates.error_factor(step))
                updates.apply(step)
        self.step_losses = step_losses

    def losses(self) -> Array:
        """Return the loss before each update of the latest call."""
        return self.step_losses

    def predict(self, rows: NDArray[np.int32]) -> Array:
        """Return the outputs of the linear head, from arrays that training does not use."""
        found = np.empty((len(rows), self.network.outputs), self.dtype)
        for start in range(0, len(rows), BLOCK_ROWS):
            self._predict_block(rows[start : start + BLOCK_ROWS], found[start:])
        return found

    def _predict_block(self, rows: NDArray[np.int32], found: Array) -> None:
        work = self.forward_pass(len(rows))
        self.inputs.take(rows, 0, work.inputs, "clip")
        with np.errstate(over="ignore"):
            for call in work.forward:
                call()
        found[: len(rows)] = work.outputs.T

    def weights(self) -> Weights:
        """Return copies."""
        return [Layer(layer[:-1].copy(), layer[-1].copy()) for layer in self.layers]

    def sync(self) -> None:
        """NumPy has finished when it returns."""

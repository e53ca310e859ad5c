"""The training loop in CuPy, as in a textbook, and what a program does beside it."""

from __future__ import annotations

from typing import Any

import cupy as cp
import numpy as np
from numpy.typing import NDArray

from samenet.adapter import Array, Batches, DataSource, Weights
from samenet.adapters.cupy_network import DenseLayers, masks_of
from samenet.adapters.cupy_optimizers import Updates
from samenet.spec import Network
from samenet.training import TrainSpec


class Fetched:
    """An array that NumPy can read: CuPy copies nothing to the host unless it is told to."""

    def __init__(self, array: Any) -> None:
        """Keep the array where it is."""
        self.array = array

    def __array__(self, dtype: Any = None, copy: Any = None) -> Array:
        """Copy to the host."""
        return np.asarray(cp.asnumpy(self.array), dtype=dtype)


class CupyProgram:
    """A network as lists of arrays on the device, and the optimiser's own."""

    def __init__(
        self, network: Network, training: TrainSpec, weights: Weights, dtype: np.dtype
    ) -> None:
        """Copy the weights; the optimiser's state starts at zero."""
        self.layers = DenseLayers(network, training.loss, weights, dtype)
        self.updates = Updates(training, self.layers.kernels, self.layers.biases)
        self.dtype = dtype

    def load(self, source: DataSource) -> None:
        """Keep the rows on the device, in the precision of the computation."""
        inputs, targets = source.arrays()
        self.inputs = cp.asarray(inputs.astype(self.dtype))
        kind = targets.dtype if targets.dtype.kind == "i" else self.dtype
        self.targets = cp.asarray(targets.astype(kind))

    def train(self, batches: Batches) -> None:
        """Forward, backward, update: once per row of the order, which travels as a whole."""
        self.step_losses: list[Array] = []
        rates, order = self.updates.rates_of(batches), cp.asarray(batches.order)
        masks = [None if m is None else cp.asarray(m.astype(self.dtype)) for m in batches.masks]
        for step, rows in enumerate(order):
            inputs, targets = self.inputs[rows], self.targets[rows]
            loss, gradients = self.layers.gradients(inputs, targets, masks_of(masks, step))
            self.updates.apply(gradients, rates[step])
            self.step_losses.append(loss)

    def losses(self) -> Array:
        """Return the loss before each update of the latest call."""
        return np.asarray(cp.asnumpy(cp.stack(self.step_losses)))

    def predict(self, rows: NDArray[np.int32]) -> Fetched:
        """Return the outputs of the linear head."""
        return Fetched(self.layers.forward(self.inputs[cp.asarray(rows)])[0][-1])

    def weights(self) -> Weights:
        """Return copies."""
        return self.layers.copies()

    def sync(self) -> None:
        """Wait for everything on the device."""
        cp.cuda.Device().synchronize()

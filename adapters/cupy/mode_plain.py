"""The training loop in CuPy: NumPy's network, formulas and update rules, with CuPy's array module.

Nothing here copies to the host before somebody asks: a copy waits for the device.
"""

from __future__ import annotations

from typing import Any

import cupy as cp
import cupyx.scipy.special  # with which `cupyx.scipy` has it
import numpy as np
from numpy.typing import NDArray

from samenet.adapter import Array, Batches, DataSource, Weights
from samenet.adapters.numpy.functions import Functions, targets_as_rows
from samenet.adapters.numpy.network import Layers, masks_of
from samenet.adapters.numpy.optimizers import Updates
from samenet.spec import Network, TrainSpec

FUNCTIONS = Functions(cp, cupyx.scipy)


class DeviceUpdates(Updates):
    """NumPy's update, but for the norm that clips: here it stays on the device."""

    def clipped(self, gradients: list[Array], norm_max: float) -> list[Array]:
        """Shorten all gradients together to the norm allowed; without any, the factor is 1."""
        norm = cp.sqrt(sum(cp.vdot(g, g) for g in gradients))
        factor = cp.minimum(norm_max / norm, 1.0)
        return [factor * g for g in gradients]


class HostCopy:
    """An array that NumPy can read: CuPy copies nothing to the host unless it is told to."""

    def __init__(self, array: Any) -> None:
        """Keep the array where it is."""
        self.array = array

    def __array__(self, dtype: Any = None, copy: Any = None) -> Array:
        """Copy to the host."""
        return np.asarray(cp.asnumpy(self.array), dtype=dtype)


class CupyProgram:
    """A network as a list of layers on the device, and the optimiser's own arrays."""

    def __init__(
        self, network: Network, training: TrainSpec, weights: Weights, dtype: np.dtype
    ) -> None:
        """Copy the weights; the optimiser's state starts at zero."""
        self.layers = Layers(network, training.loss, weights, dtype, FUNCTIONS)
        self.updates = DeviceUpdates(training, self.layers.parameters, self.layers.decays, cp)
        self.network = network
        self.loss = training.loss
        self.dtype = dtype

    def load(self, source: DataSource) -> None:
        """Keep the rows on the device, in the precision of the computation."""
        inputs, targets = source.arrays()
        self.inputs = cp.asarray(inputs.astype(self.dtype))
        self.targets = cp.asarray(
            targets_as_rows(targets, self.network.outputs, self.loss, self.dtype)
        )

    def train(self, batches: Batches) -> None:
        """Forward, backward, update: once per row of the order, which travels as a whole."""
        self.step_losses: list[Array] = []
        rates = self.updates.rates_of(batches)
        order = cp.asarray(batches.order)
        masks = [None if m is None else cp.asarray(m.astype(self.dtype)) for m in batches.masks]
        for step, rows in enumerate(order):
            kept = masks_of(masks, step)
            loss, gradients = self.layers.gradients(self.inputs[rows], self.targets[rows], kept)
            self.updates.apply(gradients, rates[step])
            self.step_losses.append(loss)

    def losses(self) -> Array:
        """Return the loss before each update of the latest call."""
        return np.asarray(cp.asnumpy(cp.stack(self.step_losses)))

    def predict(self, rows: NDArray[np.int32]) -> HostCopy:
        """Return the outputs of the linear head."""
        return HostCopy(self.layers.outputs(self.inputs[cp.asarray(rows)]))

    def weights(self) -> Weights:
        """Return copies on the host."""
        return self.layers.copies(cp.asnumpy)

    def sync(self) -> None:
        """Wait for everything on the device."""
        cp.cuda.Device().synchronize()

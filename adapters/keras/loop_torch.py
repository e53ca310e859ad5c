"""A Keras model on PyTorch in a loop of one's own, as Keras' guide for PyTorch has it.

https://keras.io/guides/writing_a_custom_training_loop_in_torch/ with resident tensors instead of a
DataLoader, and without two things that compute nothing here. Shares of fit's time with SGD / Adam
(64-64-32-10, batch 32, 44 steps, one core): the guide's step 0.74 / 0.74; layers called one after
the other instead of by the graph of a model 0.55 / 0.57; and the mean of the loss written out, as
here, 0.45 / 0.51. torch.compile of the whole step: 0.49 / 0.34, and a compiler to wait for.
Batches gathered all at once instead of one by one take another 0.87 to 0.93 of a step.
Keras' optimiser, because with PyTorch's the formulas would be others than fit's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from samenet.adapter import Array, Batches, DataSource, Target, Weights
from samenet.adapters.keras import layers as kinds
from samenet.adapters.keras.precision import scope
from samenet.adapters.keras.program import LoopProgram
from samenet.adapters.keras.tensors_torch import HostCopy, copy_to_device, wait
from samenet.spec import Network, TrainSpec


class TapeProgram(LoopProgram):
    """Keras' layers, loss and optimiser; PyTorch's gradients."""

    def __init__(
        self, network: Network, training: TrainSpec, weights: Weights, target: Target
    ) -> None:
        """Find the tensors that gradients are asked for."""
        super().__init__(network, training, weights, target)
        self.variables = self.model.trainable_variables
        self.parameters = [variable.value for variable in self.variables]
        calls = kinds.calls(network, self.layers, training=True)
        dropped = [place.dropout > 0 for place in network.places]
        self.calls = list(zip(calls, dropped, strict=True))

    def load(self, source: DataSource) -> None:
        """Keep all rows on the device."""
        self.data = [copy_to_device(array, self.target) for array in self.host_arrays(source)]

    def train(self, batches: Batches) -> None:
        """Run the steps; losses stay on the device until somebody asks."""
        with scope(self.target):
            order = copy_to_device(batches.order, self.target)
            masks = [copy_to_device(mask, self.target) for mask in self.masks(batches)]
            inputs, targets = (values[order] for values in self.data)
            steps = zip(inputs, targets, *masks, strict=True)
            self.step_losses = [self.step(x, y, kept) for x, y, *kept in steps]

    def step(self, inputs: Tensor, targets: Tensor, masks: Sequence[Tensor]) -> Tensor:
        """Take one step and return the loss before it."""
        loss = self.loss.call(targets, self.outputs(inputs, iter(masks))).mean()
        penalty = sum(self.predictor.losses) if self.training.optimizer.l2 else 0.0
        gradients = torch.autograd.grad(loss + penalty, self.parameters)
        with torch.no_grad():
            self.optimizer.apply(gradients, self.variables)
        return loss.detach()

    def outputs(self, values: Tensor, masks: Iterator[Tensor]) -> Tensor:
        """Return the logits, the values of a layer with dropout multiplied by its mask."""
        for call, dropped in self.calls:
            values = call(values)
            if dropped:
                values = values * next(masks)
        return values

    def losses(self) -> Array:
        """Return the loss before each update of the latest call."""
        return torch.stack(self.step_losses).cpu().numpy()

    def predict(self, rows: NDArray[np.int32]) -> HostCopy:
        """Return the outputs of the linear head without recording a graph."""
        with scope(self.target), torch.no_grad():
            chosen = self.data[0][copy_to_device(rows, self.target)]
            return HostCopy(self.predictor(chosen, training=False))

    def sync(self) -> None:
        """Wait for the device; on the CPU, PyTorch has finished when it returns."""
        wait(self.target)

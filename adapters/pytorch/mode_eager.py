"""PyTorch's usual training loop, on tensors that stay on the device."""

from __future__ import annotations

from samenet.adapter import Batches, Target, Weights
from samenet.adapters.pytorch.network import TorchProgram
from samenet.adapters.pytorch.optimizers import Updates
from samenet.spec import Network, TrainSpec


class EagerProgram(TorchProgram):
    """The usual loop: forward, loss, backward, step."""

    def __init__(
        self, network: Network, training: TrainSpec, weights: Weights, target: Target
    ) -> None:
        """Make the optimiser for the model's parameters."""
        super().__init__(network, training, weights, target)
        self.updates = Updates(training, self.model)

    def train(self, batches: Batches) -> None:
        """Run the steps; losses stay on the device until somebody asks."""
        self.step_losses = []
        rows = self.rows(batches.order)
        masks = self.masks(batches)
        rates = self.updates.rates_of(batches)
        optimizer = self.updates.optimizer
        steps = zip(self.inputs[rows], self.targets[rows], masks, rates, strict=True)
        for inputs, targets, kept, rate in steps:
            outputs = self.outputs(inputs, kept) if kept else self.model(inputs)
            loss = self.loss(outputs, targets)
            optimizer.zero_grad()
            loss.backward()
            for change in self.updates.changes:
                change(rate)
            optimizer.step()
            self.step_losses.append(loss.detach())

"""PyTorch's usual training loop, on tensors that stay on the device, without classes in between."""

from __future__ import annotations

from torch import Tensor

from samenet.adapter import Batches, Target, Weights
from samenet.adapters.pytorch.chain import Masks
from samenet.adapters.pytorch.network import TorchProgram
from samenet.adapters.pytorch.optimizers import Updates
from samenet.spec import Network, TrainSpec


class EagerProgram(TorchProgram):
    """The usual loop: forward, loss, backward, step."""

    def __init__(
        self, network: Network, training: TrainSpec, weights: Weights, target: Target
    ) -> None:
        """Make what the optimiser keeps about the model's parameters."""
        super().__init__(network, training, weights, target)
        self.gathers_calls = network.is_dense
        self.updates = Updates(training, self.trained)

    def train(self, batches: Batches) -> None:
        """Run the steps; losses stay on the device until somebody asks.

        Rows of features are gathered for all steps at once; of images that would be too many.
        """
        self.step_losses = []
        rows = self.rows(batches.order)
        rates = self.updates.rates_of(batches)
        inputs = self.inputs[rows] if self.gathers_calls else (self.inputs[r] for r in rows)
        steps = zip(inputs, self.targets[rows], self.masks(batches), rates, strict=True)
        for rows_in, targets, masks, rate in steps:
            self.step_losses.append(self.step(rows_in, targets, masks, rate))

    def step(self, inputs: Tensor, targets: Tensor, masks: Masks, rate: float) -> Tensor:
        """Take one step and return the loss before it.

        `backward` and the gradients that it leaves cost no more than torch.autograd.grad.
        """
        loss = self.loss(self.outputs(inputs, masks), targets)
        self.updates.zero_grad()
        loss.backward()
        self.updates.step(rate)
        return loss.detach()

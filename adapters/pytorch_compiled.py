"""PyTorch with the whole training step as one compiled graph: forward, backward and update.

Compiling only the loss is slower than the eager loop for small networks (pytorch issue 119611);
torch.func gives the gradient as a function, so that everything fits one graph.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.func import functional_call, grad_and_value

from samenet.adapter import Batches, Target, Weights
from samenet.adapters.pytorch_network import TorchProgram
from samenet.spec import SGD, Adam, Network, TrainSpec


class CompiledProgram(TorchProgram):
    """One graph per step; parameters and optimiser state are updated in place."""

    def __init__(
        self, network: Network, training: TrainSpec, weights: Weights, target: Target
    ) -> None:
        """Keep references to the model's own parameters, so that predict sees the updates."""
        super().__init__(network, training, weights, target)
        self.names, parameters = zip(*self.model.named_parameters(), strict=True)
        self.parameters = [p.requires_grad_(False) for p in parameters]
        self.spec = training.optimizer
        self.state = [(torch.zeros_like(p), torch.zeros_like(p)) for p in self.parameters]
        self.compiled = torch.compile(self.step, fullgraph=True, dynamic=False)

    def batch_loss(self, parameters: list[Tensor], inputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean loss as a function of the parameters."""
        named = dict(zip(self.names, parameters, strict=True))
        return self.loss(functional_call(self.model, named, (inputs,)), targets)

    def step(self, rows: Tensor, corrections: Tensor) -> Tensor:
        """Take one step and return the loss before it."""
        inputs, targets = self.inputs[rows], self.targets[rows]
        gradients, loss = grad_and_value(self.batch_loss)(self.parameters, inputs, targets)
        for p, state, gradient in zip(self.parameters, self.state, gradients, strict=True):
            if isinstance(self.spec, SGD):
                sgd(self.spec, p, state[0], gradient)
            else:
                adam(self.spec, p, state, gradient, corrections)
        return loss

    def train(self, batches: Batches) -> None:
        """Run the steps; what depends on the step number goes in as a tensor, or it recompiles."""
        steps = batches.first_step + 1 + np.arange(len(batches.order))
        corrections = torch.tensor(
            bias_corrections(self.spec, steps), dtype=self.dtype, device=self.device
        )
        rows = self.rows(batches.order)
        self.step_losses = [self.compiled(r, c) for r, c in zip(rows, corrections, strict=True)]


def bias_corrections(spec: SGD | Adam, steps: np.ndarray) -> np.ndarray:
    """Return rate / (1 - beta1^t) and sqrt(1 - beta2^t) of Adam for these steps: (steps, 2)."""
    if isinstance(spec, SGD):
        return np.zeros((len(steps), 2))
    first = spec.learning_rate / (1 - spec.beta1**steps)
    return np.stack([first, np.sqrt(1 - spec.beta2**steps)], axis=1)


def sgd(spec: SGD, parameter: Tensor, buffer: Tensor, gradient: Tensor) -> None:
    """Apply samenet.spec.SGD in place."""
    buffer.mul_(spec.momentum).add_(gradient)
    ahead = gradient + spec.momentum * buffer if spec.nesterov else buffer
    parameter.sub_(spec.learning_rate * ahead)


def adam(
    spec: Adam,
    parameter: Tensor,
    moments: tuple[Tensor, Tensor],
    gradient: Tensor,
    corrections: Tensor,
) -> None:
    """Apply samenet.spec.Adam, standard form, in place."""
    m, v = moments
    m.lerp_(gradient, 1 - spec.beta1)
    v.lerp_(gradient * gradient, 1 - spec.beta2)
    parameter.sub_(corrections[0] * m / (v.sqrt() / corrections[1] + spec.epsilon))

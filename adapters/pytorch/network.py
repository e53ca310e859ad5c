"""What all PyTorch modes share: a program without its training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from samenet.adapter import Array, Batches, DataSource, Layer, Target, Weights
from samenet.adapters.pytorch.functions import ACTIVATIONS, LOSSES, smooth_targets
from samenet.spec import Network, TrainSpec

Masks = Sequence[Tensor | None]
"""One entry per layer, or none at all without dropout."""


def device_of(target: Target) -> torch.device:
    """Return the device of a target."""
    return torch.device("cuda", target.index) if target.device == "cuda" else torch.device("cpu")


def sequential(linears: Sequence[nn.Module], activations: Sequence[nn.Module]) -> nn.Sequential:
    """Return the network as PyTorch users write it; the last layer gives logits."""
    pairs = zip(linears, activations, strict=True)
    layers = [layer for pair in pairs for layer in pair if not isinstance(layer, nn.Identity)]
    return nn.Sequential(*layers)


class HostCopy:
    """A tensor that NumPy can read from any device."""

    def __init__(self, tensor: Tensor) -> None:
        """Keep the tensor where it is."""
        self.tensor = tensor

    def __array__(self, dtype: Any = None, copy: Any = None) -> Array:
        """Copy to the host."""
        return np.asarray(self.tensor.cpu().numpy(), dtype=dtype)


class TorchProgram:
    """A network on a device; a mode adds `train`."""

    step_losses: list[Tensor]

    def __init__(
        self, network: Network, training: TrainSpec, weights: Weights, target: Target
    ) -> None:
        """Copy the weights in; nn.Linear holds kernels as (fan_out, fan_in)."""
        self.device = device_of(target)
        self.dtype = getattr(torch, target.dtype)
        self.linears = [nn.Linear(n, m, dtype=self.dtype) for n, m in network.shapes]
        activations = [layer.activation for layer in network.layers]
        self.activations = [ACTIVATIONS[of.name](of) for of in activations]
        self.model = sequential(self.linears, self.activations).to(self.device)
        with torch.no_grad():
            for linear, layer in zip(self.linears, weights, strict=True):
                linear.weight.copy_(torch.from_numpy(layer.kernel.T.copy()))
                linear.bias.copy_(torch.from_numpy(layer.bias))
        self.layers = [
            (linear.weight, linear.bias, activation.forward)
            for linear, activation in zip(self.linears, self.activations, strict=True)
        ]
        self.training = training
        self.loss = LOSSES[training.loss.name](training.loss)

    def load(self, source: DataSource) -> None:
        """Keep all rows on the device; class numbers are int64, as cross_entropy wants them."""
        inputs, targets = source.arrays()
        self.inputs = self.resident(inputs)
        self.targets = (
            self.rows(targets)
            if targets.dtype.kind == "i"
            else smooth_targets(self.resident(targets), self.training.loss)
        )

    def resident(self, values: Array) -> Tensor:
        """Return numbers on the device, in the precision of the computation."""
        return torch.tensor(values, dtype=self.dtype, device=self.device)

    def rows(self, numbers: NDArray[np.int32]) -> Tensor:
        """Return row or class numbers on the device, int64 as PyTorch wants them."""
        return torch.tensor(numbers, dtype=torch.int64, device=self.device)

    def masks(self, batches: Batches) -> list[Masks]:
        """Return the masks of every step of a call; empty ones without dropout."""
        steps = len(batches.order)
        if not batches.masks:
            return [()] * steps
        columns = [[None] * steps if m is None else [*self.resident(m)] for m in batches.masks]
        return list(zip(*columns, strict=True))

    def outputs(self, inputs: Tensor, masks: Masks = ()) -> Tensor:
        """Return the logits, the values of a layer with dropout multiplied by its mask.

        The operations of `self.model` without the calls of its modules, which cost a fifth of the
        forward pass of a small network.
        """
        for i, (weight, bias, activation) in enumerate(self.layers):
            inputs = activation(F.linear(inputs, weight, bias))
            if masks and (mask := masks[i]) is not None:
                inputs = inputs * mask
        return inputs

    def losses(self) -> Array:
        """Return the loss before each update of the latest call."""
        return torch.stack(self.step_losses).cpu().numpy()

    def predict(self, rows: NDArray[np.int32]) -> HostCopy:
        """Return the logits without recording a graph."""
        with torch.inference_mode():
            return HostCopy(self.model(self.inputs[self.rows(rows)]))

    def weights(self) -> Weights:
        """Return copies, kernels turned back to (fan_in, fan_out)."""
        return [
            Layer(m.weight.detach().cpu().numpy().T.copy(), m.bias.detach().cpu().numpy().copy())
            for m in self.linears
        ]

    def compiler(self) -> str:
        """Return what made machine code of the training step."""
        return "none"

    def compilations(self) -> dict[str, int]:
        """Return how often the step was compiled, in a mode that compiles it."""
        return {}

    def sync(self) -> None:
        """Wait for the device; on the CPU, PyTorch has finished when it returns."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

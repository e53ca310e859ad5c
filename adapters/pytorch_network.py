"""What both PyTorch modes share: the parts of a network, and a program without its training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from samenet.adapter import Array, DataSource, Layer, Target, Weights
from samenet.spec import Activation, Network, TrainSpec

ACTIVATIONS: dict[str, Callable[[Activation], nn.Module]] = {
    "sigmoid": lambda a: nn.Sigmoid(),
    "tanh": lambda a: nn.Tanh(),
    "relu": lambda a: nn.ReLU(),
    "leaky_relu": lambda a: nn.LeakyReLU(a.slope),
    "elu": lambda a: nn.ELU(),
    "selu": lambda a: nn.SELU(),
    "gelu": lambda a: nn.GELU(),
    "silu": lambda a: nn.SiLU(),
    "softplus": lambda a: nn.Softplus(threshold=1e9),  # torch's own is the identity above 20
    "identity": lambda a: nn.Identity(),
}
LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "binary_cross_entropy": F.binary_cross_entropy_with_logits,
    "sparse_categorical_cross_entropy": F.cross_entropy,
    "mean_squared_error": F.mse_loss,
}


def place(target: Target) -> torch.device:
    """Return the device of a target."""
    return torch.device("cuda", target.index) if target.device == "cuda" else torch.device("cpu")


def sequential(network: Network, dtype: torch.dtype) -> nn.Sequential:
    """Return the network as PyTorch users write it; the last layer gives logits."""
    layers: list[nn.Module] = []
    for (fan_in, fan_out), layer in zip(network.shapes, network.layers, strict=True):
        layers.append(nn.Linear(fan_in, fan_out, dtype=dtype))
        if layer.activation.name != "identity":
            layers.append(ACTIVATIONS[layer.activation.name](layer.activation))
    return nn.Sequential(*layers)


class Fetched:
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
        self.device, self.dtype = place(target), getattr(torch, target.dtype)
        self.model = sequential(network, self.dtype).to(self.device)
        self.linears = [m for m in self.model if isinstance(m, nn.Linear)]
        with torch.no_grad():
            for linear, layer in zip(self.linears, weights, strict=True):
                linear.weight.copy_(torch.from_numpy(layer.kernel.T.copy()))
                linear.bias.copy_(torch.from_numpy(layer.bias))
        self.loss = LOSSES[training.loss]

    def load(self, source: DataSource) -> None:
        """Keep all rows on the device; class numbers are int64, as cross_entropy wants them."""
        inputs, targets = source.arrays()
        self.inputs = torch.tensor(inputs, dtype=self.dtype, device=self.device)
        kind = torch.int64 if targets.dtype.kind == "i" else self.dtype
        self.targets = torch.tensor(targets, dtype=kind, device=self.device)

    def rows(self, numbers: NDArray[np.int32]) -> Tensor:
        """Return row numbers on the device, int64 as indexing wants them."""
        return torch.tensor(numbers, dtype=torch.int64, device=self.device)

    def losses(self) -> Array:
        """Return the loss before each update of the latest call."""
        return torch.stack(self.step_losses).cpu().numpy()

    def predict(self, rows: NDArray[np.int32]) -> Fetched:
        """Return the logits without recording a graph."""
        with torch.inference_mode():
            return Fetched(self.model(self.inputs[self.rows(rows)]))

    def weights(self) -> Weights:
        """Return copies, kernels turned back to (fan_in, fan_out)."""
        return [
            Layer(m.weight.detach().cpu().numpy().T.copy(), m.bias.detach().cpu().numpy().copy())
            for m in self.linears
        ]

    def sync(self) -> None:
        """Wait for the device; on the CPU, PyTorch has finished when it returns."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

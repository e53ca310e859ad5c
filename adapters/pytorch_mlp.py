"""PyTorch: an nn.Sequential trained by the usual loop (or, on request, as one compiled graph)."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from samenet.adapter import Batches, Capabilities, Target, Weights
from samenet.adapters.pytorch_network import ACTIVATIONS, LOSSES, TorchProgram, place
from samenet.spec import SGD, Network, Optimizer, TrainSpec

ADAPTER = {
    "name": "pytorch",
    "title": "PyTorch",
    "modes": {
        "eager": {
            "default": True,
            "why": "resident tensors instead of a DataLoader, fused optimiser, no .item() inside",
            "source": "https://docs.pytorch.org/tutorials/recipes/recipes/tuning_guide.html",
        },
        "compiled": {
            "why": "forward, backward and update as one graph; compiling the loss alone is slower",
            "source": "https://github.com/pytorch/pytorch/issues/119611",
            "needs": ["C++ compiler"],
        },
    },
    "imports": ["torch"],
    "distributions": ["torch"],
    "extra": "pytorch",
    "quickstart": "pytorch_quickstart.py",
    "color": "#c8481c",
}


def capabilities() -> Capabilities:
    """Everything, on the CPU and, where there is one, on a CUDA device."""
    return Capabilities(
        devices=("cpu", "cuda") if torch.cuda.is_available() else ("cpu",),
        dtypes=("float32", "float64"),
        activations=tuple(ACTIVATIONS),
        losses=tuple(LOSSES),
        optimizers=("sgd", "adam"),
    )


def wake(target: Target) -> None:
    """Fix threads and full float32 products, then multiply once on the device."""
    torch.set_num_threads(target.threads)
    torch.set_num_interop_threads(1)
    torch.set_float32_matmul_precision("highest")
    small = torch.ones(8, 8, device=place(target))
    (small @ small).sum().item()


def read_back(target: Target) -> dict[str, str | int | float]:
    """Return what PyTorch says is in force."""
    return {
        "threads": torch.get_num_threads(),
        "device": str(torch.ones(1, device=place(target)).device),
        "matmul precision": torch.get_float32_matmul_precision(),
    }


def build(
    network: Network, training: TrainSpec, weights: Weights, *, target: Target, mode: str
) -> TorchProgram:
    """Return the program that starts from exactly these weights."""
    if mode == "compiled":
        from samenet.adapters.pytorch_compiled import CompiledProgram  # costs eager start-up time

        return CompiledProgram(network, training, weights, target)
    return EagerProgram(network, training, weights, target)


def fused_optimizer(spec: Optimizer, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """Return PyTorch's fused optimiser with every constant taken from the spec."""
    if isinstance(spec, SGD):
        return torch.optim.SGD(
            parameters, spec.learning_rate, spec.momentum, nesterov=spec.nesterov, fused=True
        )
    betas = (spec.beta1, spec.beta2)
    return torch.optim.Adam(parameters, spec.learning_rate, betas, spec.epsilon, fused=True)


class EagerProgram(TorchProgram):
    """The usual loop: forward, loss, backward, step."""

    def __init__(
        self, network: Network, training: TrainSpec, weights: Weights, target: Target
    ) -> None:
        """Make the optimiser for the model's parameters."""
        super().__init__(network, training, weights, target)
        self.optimizer = fused_optimizer(training.optimizer, self.model.parameters())

    def train(self, batches: Batches) -> None:
        """Run the steps; losses stay on the device until somebody asks."""
        self.step_losses = []
        rows = self.rows(batches.order)
        for inputs, targets in zip(self.inputs[rows], self.targets[rows], strict=True):
            loss = self.loss(self.model(inputs), targets)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.step_losses.append(loss.detach())

"""PyTorch: an nn.Sequential trained by the usual loop (or, on request, as one compiled graph)."""

from __future__ import annotations

import torch
from torch import Tensor

from samenet.adapter import Batches, Capabilities, Target, Weights
from samenet.adapters.pytorch_functions import ACTIVATIONS, LOSSES
from samenet.adapters.pytorch_network import Masks, TorchProgram, place
from samenet.adapters.pytorch_updates import Updates
from samenet.spec import Network
from samenet.training import Forms, TrainSpec

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
            "compiler": "inductor",
        },
    },
    "imports": ["torch"],
    "distributions": ["torch"],
    "extra": "pytorch",
    "quickstart": "pytorch_quickstart.py",
    "predictors": "pytorch_predict.py",
    "color": "#c8481c",
}


def capabilities() -> Capabilities:
    """Everything, on the CPU and, where there is one, on a CUDA device."""
    return Capabilities(
        devices=("cpu", "cuda") if torch.cuda.is_available() else ("cpu",),
        dtypes=("float32", "float64"),
        activations=tuple(ACTIVATIONS),
        losses=tuple(LOSSES),
        optimizers=("sgd", "adam", "adamw", "rmsprop", "adagrad"),
        forms=Forms(clipping="epsilon"),
    )


def wake(target: Target) -> None:
    """Fix threads and full float32 products, then multiply once on the device."""
    torch.set_num_threads(target.threads)
    torch.set_num_interop_threads(1)
    torch.set_float32_matmul_precision("highest")
    small = torch.ones(8, 8, device=place(target))
    (small @ small).sum().item()


def read_back(program: TorchProgram, target: Target) -> dict[str, str | int | float]:
    """Return what PyTorch says is in force, and what the program's own tensors say."""
    del target
    kernel = program.linears[0].weight
    return {
        "threads": torch.get_num_threads(),
        "device": str(kernel.device),
        "dtype": str(kernel.dtype).removeprefix("torch."),
        "matmul precision": torch.get_float32_matmul_precision(),
        "compiler": program.compiler(),
    }


def build(
    network: Network, training: TrainSpec, weights: Weights, *, target: Target, mode: str
) -> TorchProgram:
    """Return the program that starts from exactly these weights."""
    if mode == "compiled":
        from samenet.adapters.pytorch_compiled import CompiledProgram  # costs eager start-up time

        return CompiledProgram(network, training, weights, target)
    return EagerProgram(network, training, weights, target)


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
        rows, masks = self.rows(batches.order), self.masks(batches)
        rates, optimizer = self.updates.rates_of(batches), self.updates.optimizer
        steps = zip(self.inputs[rows], self.targets[rows], masks, rates, strict=True)
        for inputs, targets, mask, rate in steps:
            outputs = self.masked(inputs, mask) if mask else self.model(inputs)
            loss = self.loss(outputs, targets)
            optimizer.zero_grad()
            loss.backward()
            for change in self.updates.changes:
                change(rate)
            optimizer.step()
            self.step_losses.append(loss.detach())

    def masked(self, inputs: Tensor, masks: Masks) -> Tensor:
        """Return the logits, the values of each layer multiplied by its mask."""
        for linear, activation, mask in zip(self.linears, self.activations, masks, strict=True):
            inputs = activation(linear(inputs))
            if mask is not None:
                inputs = inputs * mask
        return inputs

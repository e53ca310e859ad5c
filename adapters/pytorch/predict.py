"""PyTorch: the model called without autograd, and its operations called without the modules."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.nn import functional as F

from samenet.adapter import Array, Target
from samenet.adapters.pytorch.network import TorchProgram

PREDICT = {
    "usual": {
        "why": "the model under inference_mode, tensors made from arrays without a copy",
        "source": "https://docs.pytorch.org/docs/stable/generated/torch.autograd.grad_mode.inference_mode.html",
    },
    "fast": {
        "why": "the same operations without nn.Module's calls; compiling it was slower on a CPU",
        "source": "https://docs.pytorch.org/tutorials/beginner/nn_tutorial.html",
    },
}


def predictors(program: TorchProgram, target: Target) -> dict[str, Callable[[Array], Array]]:
    """Return both ways."""
    del target
    model = program.model.eval()
    device = program.device
    *hidden, head = program.linears
    layers = [
        (linear.weight, linear.bias, activation.forward)
        for linear, activation in zip(hidden, program.activations, strict=False)
    ]

    def usual(inputs: Array) -> Array:
        with torch.inference_mode():
            return model(torch.from_numpy(inputs).to(device)).cpu().numpy()

    def fast(inputs: Array) -> Array:
        with torch.inference_mode():
            values = torch.from_numpy(inputs).to(device)
            for weight, bias, activation in layers:
                values = activation(F.linear(values, weight, bias))
            return F.linear(values, head.weight, head.bias).cpu().numpy()

    return {"usual": usual, "fast": fast}

"""PyTorch: the model called without autograd, and its operations called without the modules."""

from __future__ import annotations

from collections.abc import Callable

import torch

from samenet.adapter import Array, Target
from samenet.adapters.pytorch.chain import pass_through, steps_of
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
    model, device = program.model, program.device
    steps = steps_of(program.parts, "use")

    def usual(inputs: Array) -> Array:
        with torch.inference_mode():
            return model(torch.from_numpy(inputs).to(device)).cpu().numpy()

    def fast(inputs: Array) -> Array:
        with torch.inference_mode():
            return pass_through(steps, torch.from_numpy(inputs).to(device)).cpu().numpy()

    return {"usual": usual, "fast": fast}

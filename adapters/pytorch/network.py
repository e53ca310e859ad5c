"""What all PyTorch modes share: a program without its training."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from samenet.adapter import Array, Batches, DataSource, Target, Weights
from samenet.adapters.pytorch.chain import (
    Masks,
    parts_of,
    pass_through,
    sequential,
    steps_of,
)
from samenet.adapters.pytorch.functions import LOSSES, smooth_targets
from samenet.spec import Network, TrainSpec


def device_of(target: Target) -> torch.device:
    """Return the device of a target."""
    return torch.device("cuda", target.index) if target.device == "cuda" else torch.device("cpu")


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
        """Make the layers and copy the weights in.

        The model is that of prediction: it uses the kept statistics of a batch norm, and drops
        nothing. Training passes the same tensors through `steps`.
        """
        self.device = device_of(target)
        self.dtype = getattr(torch, target.dtype)
        self.tokens = network.vocabulary > 0
        self.parts = list(parts_of(network))
        self.model = sequential(self.parts).to(self.device, self.dtype).eval()
        for part, layer in zip(self.parts, weights, strict=True):
            part.connect()
            part.load(layer)
        self.steps = steps_of(self.parts, "training")
        self.trained = [tensor for part in self.parts for tensor in part.trained()]
        self.training = training
        self.loss = LOSSES[training.loss.name](training.loss)

    def load(self, source: DataSource) -> None:
        """Keep all rows on the device; class numbers are int64, as cross_entropy wants them."""
        inputs, targets = source.arrays()
        self.inputs = self.rows(inputs) if self.tokens else self.resident(inputs)
        self.targets = (
            self.rows(targets)
            if targets.dtype.kind == "i"
            else smooth_targets(self.resident(targets), self.training.loss)
        )

    def resident(self, values: Array) -> Tensor:
        """Return numbers on the device, in the precision of the computation."""
        return torch.tensor(values, dtype=self.dtype, device=self.device)

    def rows(self, numbers: NDArray[np.int32]) -> Tensor:
        """Return numbers of rows, classes or tokens on the device, int64 as PyTorch wants them."""
        return torch.tensor(numbers, dtype=torch.int64, device=self.device)

    def masks(self, batches: Batches) -> list[Masks]:
        """Return the masks of every step of a call; empty ones without dropout."""
        count = len(batches.order)
        if not batches.masks:
            return [()] * count
        columns = [[None] * count if m is None else [*m] for m in self.call_masks(batches)]
        return list(zip(*columns, strict=True))

    def call_masks(self, batches: Batches) -> list[Tensor | None]:
        """Return the masks of a call, (steps, rows, ...), channels where the layer has them."""
        given = zip(self.parts, batches.masks, strict=True) if batches.masks else ()
        return [None if m is None else part.as_it_leaves(self.resident(m)) for part, m in given]

    def outputs(self, inputs: Tensor, masks: Masks = ()) -> Tensor:
        """Return the logits in training, by the batch's own statistics."""
        return pass_through(self.steps, inputs, masks)

    def losses(self) -> Array:
        """Return the loss before each update of the latest call."""
        return torch.stack(self.step_losses).cpu().numpy()

    def predict(self, rows: NDArray[np.int32]) -> HostCopy:
        """Return the logits without recording a graph."""
        with torch.inference_mode():
            return HostCopy(self.model(self.inputs[self.rows(rows)]))

    def weights(self) -> Weights:
        """Return copies in the order and the axes of the spec."""
        return [part.read() for part in self.parts]

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

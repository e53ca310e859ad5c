"""The layers of a network one after another, as modules and as bare operations on their tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from samenet.adapter import Layer
from samenet.adapters.pytorch.functions import ACTIVATIONS
from samenet.adapters.pytorch.layers import ENDS, KINDS, Channels, Operation, Phase, Piece
from samenet.spec import Network
from samenet.spec.layers import Place

Masks = Sequence[Tensor | None]
"""One entry per place, or none at all without dropout."""

TO: dict[Channels, dict[int, tuple[int, ...]]] = {
    "before": {3: (0, 2, 1), 4: (0, 3, 1, 2)},
    "behind": {3: (0, 2, 1), 4: (0, 2, 3, 1)},
}
"""How axes are permuted so that channels stand there; by their number, that of the rows included.
With two, rows of features, nothing moves."""


class Trained(NamedTuple):
    """A tensor that gradients move."""

    parameter: nn.Parameter
    is_decayed: bool
    """Whether penalty and decay act on it: by the role of what it holds."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """A place in PyTorch."""

    place: Place
    turn: tuple[int, ...]
    """How what enters is permuted beforehand; empty if it is not."""
    channels: Channels
    """Where they stand in what leaves."""
    modules: Sequence[nn.Module]
    activation: nn.Module
    pieces: Sequence[Piece]
    tensors: dict[str, Tensor] = field(default_factory=dict)
    """Those of the modules by name, trained ones first, once `connect` has been called."""

    def connect(self) -> None:
        """Find the tensors, when the modules are on their device; zero what the spec has not."""
        parameters = {n: p for module in self.modules for n, p in module.named_parameters()}
        buffers = {n: b for module in self.modules for n, b in module.named_buffers()}
        held = {piece.tensor for piece in self.pieces}
        for name in parameters.keys() - held:
            nn.init.zeros_(parameters[name].requires_grad_(False))
        trained = {name: p for name, p in parameters.items() if name in held}
        kept = {name: b for name, b in buffers.items() if name in held}
        self.tensors.update(trained | parameters | kept)

    def trained(self) -> list[Trained]:
        """Return the tensors that gradients move, in the order of the operation."""
        arrays = {piece.tensor: self.place.parameters[piece.array] for piece in self.pieces}
        return [
            Trained(tensor, arrays[name].is_decayed)
            for name, tensor in self.tensors.items()
            if isinstance(tensor, nn.Parameter) and tensor.requires_grad
        ]

    def as_it_leaves(self, masks: Tensor) -> Tensor:
        """Return masks of several steps with channels where they stand in what leaves."""
        axes = TO["before"].get(masks.ndim - 1) if self.channels == "before" else None
        return masks.permute(0, *(axis + 1 for axis in axes)) if axes else masks

    def load(self, layer: Layer) -> None:
        """Take over the arrays of the spec."""
        with torch.no_grad():
            for piece in self.pieces:
                numbers = torch.tensor(layer[piece.array][piece.part])
                piece.of(self.tensors[piece.tensor]).copy_(numbers)

    def read(self) -> Layer:
        """Return copies of the arrays of the spec."""
        found: dict[str, np.ndarray] = {}
        for piece in self.pieces:
            numbers = piece.of(self.tensors[piece.tensor].detach()).cpu().numpy()
            shape = self.place.parameters[piece.array].shape
            array = found.setdefault(piece.array, np.empty(shape, numbers.dtype))
            array[piece.part] = numbers
        return Layer(**{name: found[name] for name in self.place.parameters})


def parts_of(network: Network) -> Iterator[Part]:
    """Yield the places; channels begin behind, as in the data, and a residual ends as it began."""
    channels: Channels = "behind"
    forks: list[Channels] = []
    for place in network.places:
        kind = KINDS[place.kind]
        wanted = forks.pop() if place.kind == "join" else kind.channels or channels
        if place.kind == "fork":
            forks.append(channels)
        yield Part(
            place=place,
            turn=TO[wanted].get(1 + len(place.inputs), ()) if wanted != channels else (),
            channels=wanted,
            modules=kind.modules(place),
            activation=ACTIVATIONS[place.activation.name](place.activation),
            pieces=kind.pieces(place),
        )
        channels = wanted


class Turn(nn.Module):
    """Moves channels before the places, or behind them: a view."""

    def __init__(self, axes: tuple[int, ...]) -> None:
        """Take the axes in their new order."""
        super().__init__()
        self.axes = axes

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the view."""
        return inputs.permute(self.axes)


class Residual(nn.Sequential):
    """What a chain of layers gives, added to what enters it."""

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the sum."""
        outputs: Tensor = super().forward(inputs)
        return inputs + outputs


def sequential(parts: Sequence[Part]) -> nn.Sequential:
    """Return the network as PyTorch users write it; the last layer gives logits."""
    chains: list[list[nn.Module]] = [[]]
    for part in parts:
        if part.place.kind == "fork":
            chains.append([])
            continue
        if part.turn:
            chains[-1].append(Turn(part.turn))
        if part.place.kind == "join":
            inside = chains.pop()
            chains[-1].append(Residual(*inside))
        chains[-1] += part.modules
        if not isinstance(part.activation, nn.Identity):
            chains[-1].append(part.activation)
    return nn.Sequential(*chains[0])


class Step(NamedTuple):
    """A place as the training loop passes it."""

    operation: Operation
    tensors: Sequence[Tensor]
    activation: Callable[[Tensor], Tensor]
    end: str | None
    """"fork" or "join", of a residual."""


def steps_of(parts: Sequence[Part], phase: Phase) -> list[Step]:
    """Return the operations of `sequential` without the calls of its modules.

    Those cost a fifth of the forward pass of a small network.
    """
    return [
        Step(
            turned(KINDS[part.place.kind].operation(part.place, phase), part.turn),
            [*part.tensors.values()],
            part.activation.forward,
            part.place.kind if part.place.kind in ENDS else None,
        )
        for part in parts
    ]


def turned(operation: Operation, axes: tuple[int, ...]) -> Operation:
    """Return an operation on what enters it with its axes permuted."""
    if not axes:
        return operation
    return lambda inputs, *tensors: operation(inputs.permute(axes), *tensors)


def pass_through(steps: Sequence[Step], inputs: Tensor, masks: Masks = ()) -> Tensor:
    """Return what leaves the last step, the values of a layer with dropout times its mask."""
    kept: list[Tensor] = []
    for i, (operation, tensors, activation, end) in enumerate(steps):
        if end is None:
            inputs = activation(operation(inputs, *tensors))
        elif end == "fork":
            kept.append(inputs)
        else:
            inputs = kept.pop() + operation(inputs)
        if masks and (mask := masks[i]) is not None:
            inputs = inputs * mask
    return inputs

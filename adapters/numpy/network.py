"""A network in NumPy: forward pass and hand-written backward pass, as in a textbook.

Each layer is a transform with a way forward and a way back (samenet.adapters.numpy.layers).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from samenet.adapter import Array, Layer, Weights
from samenet.adapters.numpy.functions import FUNCTIONS, Functions
from samenet.adapters.numpy.layers import MAKE, Drop, Elementwise, Fork, Given, Join, Transform
from samenet.spec import Loss, Network, Place

Masks = Sequence[Array | None]


class Layers:
    """The arrays of every layer, and the transforms that they make."""

    def __init__(
        self,
        network: Network,
        loss: Loss,
        weights: Weights,
        dtype: np.dtype,
        functions: Functions = FUNCTIONS,
    ) -> None:
        """Copy the weights in the precision of the computation, to where the functions work."""
        asarray = functions.xp.asarray
        self.arrays = [
            {name: asarray(array.astype(dtype, order="C")) for name, array in layer.items()}
            for layer in weights
        ]
        self.functions = functions
        self.loss: Callable[[Array, Array], tuple[Array, Array]] = partial(
            functions.losses[loss.name], spec=loss
        )
        self.stack: list[Array] = []
        self.transforms: list[Transform] = []
        self.parameters: list[Array] = []
        self.decays: list[bool] = []
        """Of every parameter whether it is penalised and decayed; both as gradients come, last
        layer first."""
        for number, place in enumerate(network.places):
            self._add(number, place)
        trained = (i for i, transform in enumerate(self.transforms) if transform.trained)
        self.way_back = self.transforms[next(trained) :][::-1]
        self.drops = [one for one in self.transforms if isinstance(one, Drop)]

    def _add(self, number: int, place: Place) -> None:
        if place.kind in ("fork", "join"):
            self.transforms.append({"fork": Fork, "join": Join}[place.kind](self.stack))
        elif place.kind in MAKE:
            arrays = self.arrays[number]
            given = Given(place=place, arrays=arrays, passes_on=bool(self.parameters))
            made = MAKE[place.kind](given)
            self.transforms.append(made)
            self.parameters[:0] = [arrays[name] for name in made.trained]
            self.decays[:0] = [place.parameters[name].is_decayed for name in made.trained]
        if place.activation.name != "identity":
            self.transforms.append(Elementwise(place.activation, self.functions))
        if place.dropout:
            self.transforms.append(Drop(number))

    def outputs(self, x: Array) -> Array:
        """Return the outputs of the linear head in use: (B, outputs)."""
        for transform in self.transforms:
            x = transform.predict(x)
        return x

    def gradients(
        self, inputs: Array, targets: Array, masks: Masks = ()
    ) -> tuple[Array, list[Array]]:
        """Return mean loss and gradients by all parameters, in their order."""
        for drop in self.drops:
            drop.mask = masks[drop.number] if masks else None
        x = inputs
        way: list[Any] = []
        for transform in self.transforms:
            x, kept = transform.forward(x)
            way.append(kept)
        loss, delta = self.loss(x, targets)
        found: list[Array] = []
        for transform in self.way_back:
            delta, gradients = transform.backward(delta, way.pop())
            found += gradients
        self.stack.clear()  # a residual before anything trained has nobody to take its delta
        return loss, found

    def copies(self, copy: Callable[[Array], Array] = np.copy) -> Weights:
        """Return copies of all weights."""
        return [
            Layer(**{name: copy(array) for name, array in arrays.items()}) for arrays in self.arrays
        ]


def masks_of(masks: Masks, step: int) -> Masks:
    """Return the masks of one step of a call."""
    return [None if mask is None else mask[step] for mask in masks]

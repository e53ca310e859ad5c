"""All arrays of a network for batches of one size, and the calls that work on them.

A layer's bias is the last row of its kernel, and what enters a layer has a column of ones beside
it: matrix products add the biases, and sum up their gradients, on the way. Elementwise functions
run over rows with that column and all, because an array without gaps is one long loop to NumPy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from samenet.adapter import Array
from samenet.adapters.numpy.inplace.activations import in_place
from samenet.adapters.numpy.inplace.losses import LOSSES
from samenet.adapters.numpy.inplace.operations import (
    InPlace,
    Operation,
    bind,
    number,
    product,
    rows_of,
    units_of,
)
from samenet.spec import Loss, Network, Place


class Hidden(NamedTuple):
    """A hidden layer's arrays: weighted sums that become values, and what flows back (delta).

    What enters the next layer is the values, multiplied by the mask if there is dropout.
    """

    values: Array
    delta: Array
    activation: InPlace
    mask: Array | None
    entering: Array


def make_hidden(layer: Place, rows: int, dtype: np.dtype, *, drop: bool) -> Hidden:
    """Make the arrays of a hidden layer; all but delta have ones beside the units."""
    units = layer.outputs[-1]
    values = rows_of(rows, units + 1, dtype, fill=1)
    delta = rows_of(rows, units, dtype)[:, :units]
    drops = drop and layer.dropout > 0
    mask = np.ones_like(values) if drops else None
    entering = np.ones_like(values) if drops else values
    return Hidden(values, delta, in_place(layer.activation, values, delta), mask, entering)


class ForwardPass:
    """From the inputs of some rows to their linear outputs; dropout is for training alone."""

    def __init__(self, network: Network, layers: Sequence[Array], rows: int, *, drop: bool) -> None:
        """Make the arrays; layers are kernels with their bias below: (fan_in + 1, fan_out)."""
        self.layers = layers
        dtype = layers[0].dtype
        self.inputs = rows_of(rows, network.widths[0] + 1, dtype)
        self.hidden = [make_hidden(layer, rows, dtype, drop=drop) for layer in network.places[:-1]]
        self.outputs = np.empty((network.widths[-1], rows), dtype)  # columns: see the losses
        whole = [self.inputs, *(layer.entering for layer in self.hidden)]
        self.entered = [a[:, : len(layer)] for a, layer in zip(whole, layers, strict=True)]
        masks = [(i, layer.mask, layer.delta) for i, layer in enumerate(self.hidden)]
        self.masks = [(i, units_of(mask, like)) for i, mask, like in masks if mask is not None]
        self.forward = bind(self._forward())

    def _forward(self) -> list[Operation]:
        found: list[Operation] = []
        for kernel, entered, layer in zip(self.layers, self.entered, self.hidden, strict=False):
            found.append(product(entered, kernel, units_of(layer.values, layer.delta)))
            found += layer.activation.forward
            if layer.mask is not None:
                found.append((np.multiply, layer.values, layer.mask, layer.entering))
        return [*found, product(self.layers[-1].T, self.entered[-1].T, self.outputs)]


class TrainingPass(ForwardPass):
    """One step, apart from the update: forward, loss, backward into the gradient."""

    def __init__(
        self,
        network: Network,
        loss: Loss,
        layers: Sequence[Array],
        gradients: Sequence[Array],
        rows: int,
    ) -> None:
        """Make the arrays; gradients are shaped like the layers."""
        super().__init__(network, layers, rows, drop=True)
        self.gradients = gradients
        self.targets = np.empty_like(self.outputs)
        self.scale = number(0, self.outputs)
        self.loss = LOSSES[loss.name](self.outputs, self.targets, loss)
        self.factor = self.loss.factor / rows
        scaled = (np.multiply, self.outputs, self.scale, self.outputs)
        self.calls = self.forward + bind([*self.loss.operations, scaled, *self._backward()])

    def run(self, error_factor: float) -> float:
        """Return the mean loss; leave the gradient, times a factor, where the update finds it."""
        self.scale.fill(self.factor * error_factor)
        for call in self.calls:
            call()
        return (self.loss.total.item() - self.loss.fit.item()) * self.factor

    def set_masks(self, masks: Sequence[Array | None], step: int) -> None:
        """Take over the masks of one step of a call; without any, nothing is dropped."""
        for i, mine in self.masks:
            mask = masks[i] if masks else None
            mine[...] = 1 if mask is None else mask[step]

    def _backward(self) -> list[Operation]:
        """The gradient by the outputs stands where the outputs were."""
        delta = self.outputs.T
        last = len(self.hidden)
        found = [product(self.entered[last].T, delta, self.gradients[last])]
        for i in reversed(range(last)):
            layer = self.hidden[i]
            kernel = self.layers[i + 1][:-1]
            found.append(product(delta, kernel.T, layer.delta))
            delta = layer.delta
            if layer.mask is not None:
                found.append((np.multiply, delta, units_of(layer.mask, delta), delta))
            found += layer.activation.backward
            found.append(product(self.entered[i].T, delta, self.gradients[i]))
        return found

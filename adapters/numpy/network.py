"""A network in NumPy: forward pass and hand-written backward pass, as in a textbook.

Shapes: rows B, layer widths n0 ... nL. Kernels are (fan_in, fan_out), so a layer is x @ kernel + b.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from samenet.adapter import Array, Layer, Weights
from samenet.adapters.numpy.functions import FUNCTIONS, Functions
from samenet.spec import Loss, Network

Masks = Sequence[Array | None]


class DenseLayers:
    """Kernels, biases and the function after each layer."""

    def __init__(
        self,
        network: Network,
        loss: Loss,
        weights: Weights,
        dtype: np.dtype,
        functions: Functions = FUNCTIONS,
    ) -> None:
        """Copy the weights in the precision of the computation, to where the functions work."""
        activations = [layer.activation for layer in network.layers]
        self.functions = [(*functions.activations[of.name], of.slope) for of in activations]
        self.loss: Callable[[Array, Array], tuple[Array, Array]] = partial(
            functions.losses[loss.name], spec=loss
        )
        asarray = functions.xp.asarray
        self.kernels = [asarray(layer.kernel.astype(dtype)) for layer in weights]
        self.biases = [asarray(layer.bias.astype(dtype)) for layer in weights]

    def forward(self, inputs: Array, masks: Masks = ()) -> tuple[list[Array], list[Array]]:
        """Return the weighted sums of every layer and the values that entered it."""
        sums: list[Array] = []
        values = [inputs]
        for i, (function, _, constant) in enumerate(self.functions):
            z = values[i] @ self.kernels[i] + self.biases[i]
            activated = function(z, constant)
            sums.append(z)
            values.append(apply_dropout(activated, masks[i]) if masks else activated)
        return sums, values

    def gradients(
        self, inputs: Array, targets: Array, masks: Masks = ()
    ) -> tuple[Array, list[Array]]:
        """Return mean loss and gradients by kernels, then biases (Rumelhart et al. 1986)."""
        sums, values = self.forward(inputs, masks)
        loss, delta = self.loss(sums[-1], targets)  # delta: (B, nL)
        kernels: list[Array] = []
        biases: list[Array] = []
        for i in reversed(range(len(self.kernels))):
            kernels.append(values[i].T @ delta)  # (n_i, n_i+1)
            biases.append(delta.sum(axis=0))
            if i > 0:
                _, slope, constant = self.functions[i - 1]
                delta = (delta @ self.kernels[i].T) * slope(sums[i - 1], constant)
                delta = apply_dropout(delta, masks[i - 1]) if masks else delta
        return loss, kernels[::-1] + biases[::-1]

    def copies(self) -> Weights:
        """Return copies of all weights."""
        return [Layer(k.copy(), b.copy()) for k, b in zip(self.kernels, self.biases, strict=True)]


def apply_dropout(values: Array, mask: Array | None) -> Array:
    """Return what dropout leaves of a layer's values, or of what flows back through them."""
    return values if mask is None else values * mask


def masks_of(masks: Masks, step: int) -> Masks:
    """Return the masks of one step of a call."""
    return [None if mask is None else mask[step] for mask in masks]

"""The network in JAX, as a function of its parameters, and what a program does beside training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from samenet.adapter import Array, DataSource, Layer, Target, Weights
from samenet.adapters.jax.functions import activate
from samenet.adapters.jax.optimizers import new_slots, parted
from samenet.spec import Network, TrainSpec

Masks = Sequence[Any]
"""One entry per layer: an array, or None."""


def device_of(target: Target) -> jax.Device:
    """Return the device of a target."""
    return jax.devices(target.device)[target.index]


def set_precision(dtype: str) -> None:
    """Let JAX make float64 arrays where the program is one of float64, and nowhere else.

    With JAX's switch always on, a float32 program would count its steps in int64 and be another
    one than users run.
    """
    jax.config.update("jax_enable_x64", dtype == "float64")


def outputs(
    network: Network, parameters: Sequence[Layer], values: jax.Array, masks: Masks = ()
) -> jax.Array:
    """Return the outputs of the linear head; masks (B, units) are those of dropout."""
    for i, (layer, (kernel, bias)) in enumerate(zip(network.layers, parameters, strict=True)):
        values = activate(layer.activation, values @ kernel + bias)
        if masks and masks[i] is not None:
            values = values * masks[i]
    return values


class JaxProgram:
    """A network, its optimiser's memory and the rows it works on; a mode adds `train`."""

    vector = False
    """Whether parameters, and each memory of the optimiser, are one vector: fewer arrays to hand
    over and fewer operations to compile, at the price of copying gradients into it.

    https://optax.readthedocs.io/en/latest/api/transformations.html#optax.flatten
    """

    def __init__(
        self, network: Network, training: TrainSpec, weights: Weights, target: Target
    ) -> None:
        """Copy the weights in: every call overwrites the state that it is given."""
        self.network = network
        self.training = training
        self.device = device_of(target)
        self.dtype = target.dtype
        self.like = [tuple(layer) for layer in weights]  # named ones cost each call 2 µs
        parts = [part.ravel() for layer in weights for part in layer]
        start: Any = np.concatenate(parts) if self.vector else self.like
        set_precision(self.dtype)
        self.state = jax.tree.map(self.resident, (start, new_slots(training.optimizer, start)))
        self.data: tuple[jax.Array, ...] = ()
        self.step_losses: Any = ()
        self.predicted: Any = ()
        self.outputs_of = jax.jit(self.of_rows)

    def resident(self, values: Array) -> jax.Array:
        """Return a copy on the device, numbers in the precision of the computation."""
        kind = "int32" if values.dtype.kind == "i" else self.dtype
        return jax.device_put(values.astype(kind), self.device)

    def load(self, source: DataSource) -> None:
        """Keep all rows on the device."""
        set_precision(self.dtype)
        self.data = tuple(map(self.resident, source.arrays()))

    def layers_of(self, parameters: Any) -> Any:
        """Return kernel and bias of every layer, of parameters as the state holds them."""
        return parted(parameters, self.like) if self.vector else parameters

    def of_rows(self, parameters: Any, inputs: jax.Array, rows: jax.Array) -> jax.Array:
        """Return the outputs of these rows; compiled once for every number of them."""
        return outputs(self.network, self.layers_of(parameters), inputs[rows])

    def predict(self, rows: NDArray[np.int32]) -> Any:
        """Return the outputs of the linear head; NumPy can read them."""
        set_precision(self.dtype)
        self.predicted = self.outputs_of(self.state[0], self.data[0], rows)
        return self.predicted

    def losses(self) -> Array:
        """Return the loss before each update of the latest call."""
        return np.array(jax.device_get(self.step_losses))

    def weights(self) -> Weights:
        """Return copies."""
        layers = self.layers_of(np.array(self.state[0]) if self.vector else self.state[0])
        return [Layer(np.array(kernel), np.array(bias)) for kernel, bias in layers]

    def sync(self) -> None:
        """Wait for everything asked for: JAX returns before its devices are done, the CPU too."""
        jax.block_until_ready((self.data, self.state, self.step_losses, self.predicted))

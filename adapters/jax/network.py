"""The network in JAX, as a function of its parameters, and what a program does beside training."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from numpy.typing import NDArray

from samenet.adapter import Array, DataSource, Layer, Target, Weights
from samenet.adapters.jax.functions import activate
from samenet.adapters.jax.layers import LAYERS, batch_norm_training
from samenet.adapters.jax.optimizers import new_slots, parted
from samenet.spec import Network, TrainSpec

Parameters = Sequence[Mapping[str, Any]]
"""What is trained, by place and name: ordered dictionaries, whose order JAX keeps."""
Kept = Mapping[int, Mapping[str, Any]]
"""The statistics of batch norms, by place and name: no optimiser sees them."""
Masks = Sequence[Any]
"""One entry per place: an array, or None."""


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
    network: Network,
    parameters: Parameters,
    kept: Kept,
    values: jax.Array,
    *,
    training: bool = False,
    masks: Masks = (),
) -> tuple[jax.Array, Kept]:
    """Return the outputs of the linear head, and what batch norms keep from now on.

    In training those go by their batch, otherwise by what they kept; masks are those of dropout.
    """
    waiting = []
    new = dict(kept)
    for i, (place, given) in enumerate(zip(network.places, parameters, strict=True)):
        if place.kind == "fork":
            waiting.append(values)
        elif place.kind == "join":
            values = waiting.pop() + values
        elif place.kind == "batch_norm" and training:
            values, new[i] = batch_norm_training(place, {**given, **kept[i]}, values)
        else:
            values = LAYERS[place.kind](place, {**given, **kept[i]} if i in kept else given, values)
        values = activate(place.activation, values)
        if masks and masks[i] is not None:
            values = values * masks[i]
    return values, new


BLOCK_ROWS = 64
"""Rows that a processor predicts at once: what a layer makes of them is still in its caches for the
next layer. A convolution network, or a transformer, takes half or a quarter of the time."""


def predicted(
    network: Network, parameters: Parameters, kept: Kept, values: jax.Array, *, in_blocks: bool
) -> jax.Array:
    """Return the outputs of the linear head in use, in one go or by a loop over blocks of rows."""

    def of(rows: jax.Array) -> jax.Array:
        return outputs(network, parameters, kept, rows)[0]

    whole = len(values) // BLOCK_ROWS * BLOCK_ROWS
    if not in_blocks or whole <= BLOCK_ROWS:
        return of(values)
    blocks = values[:whole].reshape(-1, BLOCK_ROWS, *values.shape[1:])
    found = lax.map(of, blocks).reshape(whole, -1)
    if whole == len(values):
        return found
    return jnp.concatenate([found, of(values[whole:])])


def arrays_of(
    network: Network, weights: Weights, *, trained: bool
) -> list[OrderedDict[str, Array]]:
    """Return the arrays that are trained, or those that are not, by place and name."""
    return [
        OrderedDict(
            (name, layer[name])
            for name, found in place.parameters.items()
            if found.is_trained is trained
        )
        for place, layer in zip(network.places, weights, strict=True)
    ]


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
        self.like = arrays_of(network, weights, trained=True)
        self.decayed = [
            OrderedDict((name, place.parameters[name].is_decayed) for name in arrays)
            for place, arrays in zip(network.places, self.like, strict=True)
        ]
        parts = [part.ravel() for part in jax.tree.leaves(self.like)]
        start: Any = np.concatenate(parts) if self.vector else self.like
        beside = enumerate(arrays_of(network, weights, trained=False))
        kept = {place: dict(arrays) for place, arrays in beside if arrays}
        set_precision(self.dtype)
        self.state = jax.tree.map(
            self.resident, (start, new_slots(training.optimizer, start), kept)
        )
        self.in_blocks = not network.is_dense and self.device.platform == "cpu"
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
        """Return what is trained by place and name, of parameters as the state holds them."""
        return parted(parameters, self.like) if self.vector else parameters

    def of_rows(self, parameters: Any, kept: Kept, inputs: jax.Array, rows: jax.Array) -> jax.Array:
        """Return the outputs of these rows; compiled once for every number of them."""
        layers = self.layers_of(parameters)
        return predicted(self.network, layers, kept, inputs[rows], in_blocks=self.in_blocks)

    def predict(self, rows: NDArray[np.int32]) -> Any:
        """Return the outputs of the linear head; NumPy can read them."""
        set_precision(self.dtype)
        parameters, _, kept = self.state
        self.predicted = self.outputs_of(parameters, kept, self.data[0], rows)
        return self.predicted

    def losses(self) -> Array:
        """Return the loss before each update of the latest call."""
        return np.array(jax.device_get(self.step_losses))

    def weights(self) -> Weights:
        """Return copies, statistics included."""
        parameters, _, kept = self.state
        layers = self.layers_of(np.array(parameters) if self.vector else parameters)
        whole = [{**given, **kept.get(i, {})} for i, given in enumerate(layers)]
        return [
            Layer(**{name: np.array(arrays[name]) for name in place.parameters})
            for place, arrays in zip(self.network.places, whole, strict=True)
        ]

    def sync(self) -> None:
        """Wait for everything asked for: JAX returns before its devices are done, the CPU too."""
        jax.block_until_ready((self.data, self.state, self.step_losses, self.predicted))

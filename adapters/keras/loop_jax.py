"""A Keras model on JAX in a loop of one's own: Keras' guide for JAX, its loop in a lax.scan.

https://keras.io/guides/writing_a_custom_training_loop_in_jax/ jits a step of `stateless_call` and
`stateless_apply`. With all steps of a call in one scan it takes 0.24 of fit's time (44 steps,
64-64-32-10, batch 32, one core). Convolutions on a CPU are the exception, as XLA's gradients of one
are 22 to 35 times slower inside a loop, https://github.com/jax-ml/jax/issues/12868: their steps are
called one by one.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
from jax import lax
from numpy.typing import NDArray

from samenet.adapter import Array, Batches, DataSource, Target, Weights
from samenet.adapters.keras import layers as kinds
from samenet.adapters.keras.precision import scope
from samenet.adapters.keras.program import LoopProgram
from samenet.spec import Network, TrainSpec

Data = tuple[jax.Array, ...]
State = tuple[list[jax.Array], list[jax.Array], list[jax.Array]]
"""The values of the model's trained variables, of its others, and of its optimiser's."""
Given = tuple[Any, tuple[Any, ...]]
"""Row numbers and masks; of one step or, stacked, of all."""


def copies(variables: list[keras.Variable]) -> list[jax.Array]:
    """Return the values of variables, copied."""
    return [jnp.copy(variable.value) for variable in variables]


def single(given: Given) -> Iterator[Given]:
    """Yield what is given for each step."""
    order, masks = given
    for rows, *kept in zip(order, *masks, strict=True):
        yield rows, tuple(kept)


class ScanProgram(LoopProgram):
    """Keras' model, loss and optimiser as pure functions; JAX's gradients and loop."""

    def __init__(
        self, network: Network, training: TrainSpec, weights: Weights, target: Target
    ) -> None:
        """Copy the state out: every call overwrites what it is given."""
        super().__init__(network, training, weights, target)
        with scope(target):
            self.variables = (
                copies(self.model.trainable_variables),
                copies(self.model.non_trainable_variables),
                copies(self.optimizer.variables),
            )
        self.one_by_one = network.family == "convolution" and target.device == "cpu"
        self.jitted = jax.jit(self.step if self.one_by_one else self.steps, donate_argnums=1)
        self.latest: Given | None = None
        self.outputs_of = jax.jit(self.of_rows)
        self.predicted = jnp.zeros(0)
        self.step_losses: jax.Array | list[jax.Array] = []

    def load(self, source: DataSource) -> None:
        """Keep all rows on the device."""
        with scope(self.target):
            inputs, targets = self.host_arrays(source)
            self.data = (jnp.asarray(inputs), jnp.asarray(targets))

    def train(self, batches: Batches) -> None:
        """Run all steps in one call, or one by one; losses stay on the device."""
        given = batches.order, tuple(self.masks(batches))
        with scope(self.target):
            if self.one_by_one:
                self.step_losses = [self.call(each) for each in single(given)]
            else:
                self.step_losses = self.call(given)

    def call(self, given: Given) -> jax.Array:
        """Take one step, or all, and return the losses."""
        self.latest = given
        self.variables, losses = self.jitted(self.data, self.variables, given)
        return losses

    def steps(self, data: Data, state: State, given: Given) -> tuple[State, jax.Array]:
        """Take all steps and return the loss before each."""
        return lax.scan(partial(self.step, data), state, given)

    def step(self, data: Data, state: State, given: Given) -> tuple[State, jax.Array]:
        """Take one step and return the loss before it."""
        parameters, others, slots = state
        rows, masks = given
        inputs, targets = (values[rows] for values in data)
        asked = [inputs, *masks] if masks else inputs

        def total(parameters: list[jax.Array]) -> tuple[jax.Array, tuple[jax.Array, Any]]:
            z, kept, penalties = self.model.stateless_call(
                parameters, others, asked, training=True, return_losses=True
            )
            loss = self.loss(targets, z)
            return loss + sum(penalties), (loss, kept)

        gradients, (loss, kept) = jax.grad(total, has_aux=True)(parameters)
        parameters, slots = self.optimizer.stateless_apply(slots, gradients, parameters)
        return (parameters, kept, slots), loss

    def losses(self) -> Array:
        """Return the loss before each update of the latest call."""
        return np.array(self.step_losses)

    def of_rows(self, held: tuple[Any, ...], inputs: jax.Array, rows: Any) -> jax.Array:
        """Return the outputs of these rows; compiled once for every number of them."""
        return self.predictor.stateless_call(*held, inputs[rows], training=False)[0]

    def predict(self, rows: NDArray[np.int32]) -> Any:
        """Return the outputs of the linear head; NumPy can read them."""
        with scope(self.target):
            self.predicted = self.outputs_of(self.variables[:2], self.data[0], rows)
            return self.predicted

    def weights(self) -> Weights:
        """Return copies."""
        held = [*self.model.trainable_variables, *self.model.non_trainable_variables]
        names = [id(variable) for variable in held]
        values = dict(zip(names, [*self.variables[0], *self.variables[1]], strict=True))
        return kinds.read_weights(self.network, self.layers, lambda variable: values[id(variable)])

    def state(self) -> list[Any]:
        """Return the arrays of the model and of its optimiser."""
        return [value for values in self.variables for value in values]

    def compiler(self) -> str:
        """Return what made the machine code: XLA's has the optimised HLO that it was made from."""
        if self.latest is None:
            return "none"
        with scope(self.target):  # lowering again what was called compiles nothing: `jit` kept it
            made = self.jitted.lower(self.data, self.variables, self.latest).compile()
        return "xla" if str(made.as_text()).startswith("HloModule") else "none"

    def sync(self) -> None:
        """Wait for everything asked for: JAX returns before its devices are done, the CPU too."""
        jax.block_until_ready((self.data, self.variables, self.step_losses, self.predicted))

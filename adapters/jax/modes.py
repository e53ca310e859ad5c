"""The training step in JAX as one pure function, and the two ways of running it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
from jax import lax

from samenet.adapter import Batches, Layer, Target, Weights
from samenet.adapter.schedules import learning_rates, step_factors
from samenet.adapters.jax.functions import mean_loss
from samenet.adapters.jax.network import JaxProgram, outputs, set_precision
from samenet.adapters.jax.optimizers import Slots, update
from samenet.spec import Network, TrainSpec

Data = tuple[jax.Array, ...]
State = tuple[list[Layer], Slots]
Given = tuple[Any, Any, tuple[Any, ...]]
"""What varies: row numbers, adapter.schedules.step_factors, masks; of one step or, stacked, of all.

It goes in as arrays, so that calls of one shape are one program.
"""


class CompiledProgram(JaxProgram):
    """A step that a mode wraps into the function it compiles."""

    def __init__(
        self, network: Network, training: TrainSpec, weights: Weights, target: Target
    ) -> None:
        """Nothing is traced yet; the state that goes in is donated: its memory is used again."""
        super().__init__(network, training, weights, target)
        self.rates = learning_rates(training)
        self.jitted = jax.jit(self.compiled_part(), donate_argnums=1)
        self.latest: Given | None = None

    def compiled_part(self) -> Callable[[Data, State, Given], tuple[State, jax.Array]]:
        """Return the function that is compiled: one step, unless a mode says otherwise."""
        return self.step

    def step(self, data: Data, state: State, given: Given) -> tuple[State, jax.Array]:
        """Take one step and return the loss before it."""
        parameters, slots = state
        rows, factors, masks = given
        inputs, targets = (values[rows] for values in data)

        def batch_loss(parameters: list[Layer]) -> jax.Array:
            z = outputs(self.network, parameters, inputs, masks)
            return mean_loss(self.training.loss, z, targets)

        loss, gradients = jax.value_and_grad(batch_loss)(parameters)
        return update(self.training.optimizer, parameters, slots, gradients, factors), loss

    def given(self, batches: Batches) -> Given:
        """Return what varies from step to step; it reaches the device with the call."""
        factors = step_factors(self.training, self.rates, batches).astype(self.dtype)
        masks = [None if mask is None else mask.astype(self.dtype) for mask in batches.masks]
        return batches.order, factors, tuple(masks)

    def run(self, given: Given) -> jax.Array:
        """Call the compiled function; the fast path of `jit` is 3 % faster than a `Compiled`."""
        self.state, found = self.jitted(self.data, self.state, given)
        return found

    def compiler(self) -> str:
        """Return what made the machine code: XLA's has the optimised HLO that it was made from.

        Lowering again what was called compiles nothing: `jit` has kept it.
        """
        if self.latest is None:
            return "none"
        set_precision(self.dtype)
        made = self.jitted.lower(self.data, self.state, self.latest).compile()
        return "xla" if str(made.as_text()).startswith("HloModule") else "none"


class ScanProgram(CompiledProgram):
    """All steps of a call as one loop on the device."""

    def compiled_part(self) -> Callable[[Data, State, Given], tuple[State, jax.Array]]:
        """Return the loop over all steps."""
        return lambda data, state, given: lax.scan(partial(self.step, data), state, given)

    def train(self, batches: Batches) -> None:
        """Run all steps in one call."""
        set_precision(self.dtype)
        self.latest = self.given(batches)
        self.step_losses = self.run(self.latest)


class LoopProgram(CompiledProgram):
    """The compiled step in a Python loop."""

    def train(self, batches: Batches) -> None:
        """Run the steps; losses stay on the device until somebody asks."""
        set_precision(self.dtype)
        self.step_losses = []
        order, factors, masks = self.given(batches)
        for i, rows in enumerate(order):
            now = tuple(None if mask is None else mask[i] for mask in masks)
            self.latest = rows, factors[i], now
            self.step_losses.append(self.run(self.latest))

"""The training step in JAX as one pure function, and the two ways of running it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
from jax import lax

from samenet.adapter import Batches, Target, Weights
from samenet.adapter.schedules import learning_rates, step_factors
from samenet.adapters.jax.functions import mean_loss
from samenet.adapters.jax.network import JaxProgram, Kept, Parameters, outputs, set_precision
from samenet.adapters.jax.optimizers import Slots, update
from samenet.spec import SGD, Network, Optimizer, TrainSpec

Data = tuple[jax.Array, ...]
State = tuple[Any, Slots, Kept]
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
        self.vector = self.as_vector(training.optimizer)
        super().__init__(network, training, weights, target)
        self.rates = learning_rates(training)
        self.jitted = jax.jit(self.compiled_part(), donate_argnums=1)
        self.latest: Given | None = None

    def as_vector(self, rule: Optimizer) -> bool:
        """Return whether the state is to be held in vectors."""
        raise NotImplementedError

    def compiled_part(self) -> Callable[[Data, State, Given], tuple[State, jax.Array]]:
        """Return the function that is compiled: one step, unless a mode says otherwise."""
        return self.step

    def step(self, data: Data, state: State, given: Given) -> tuple[State, jax.Array]:
        """Take one step and return the loss before it."""
        parameters, slots, kept = state
        rows, factors, masks = given
        inputs, targets = (values[rows] for values in data)

        def batch_loss(layers: Parameters) -> tuple[jax.Array, Kept]:
            z, new = outputs(self.network, layers, kept, inputs, training=True, masks=masks)
            return mean_loss(self.training.loss, z, targets), new

        with_gradients = jax.value_and_grad(batch_loss, has_aux=True)
        (loss, kept), gradients = with_gradients(self.layers_of(parameters))
        moved = update(self.training.optimizer, parameters, slots, gradients, factors, self.decayed)
        return (*moved, kept), loss

    def given(self, batches: Batches) -> Given:
        """Return what varies from step to step; it reaches the device with the call."""
        factors = step_factors(self.training, self.rates, batches).astype(self.dtype)
        masks = [None if mask is None else mask.astype(self.dtype) for mask in batches.masks]
        return batches.order, factors, tuple(masks)

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

    def as_vector(self, rule: Optimizer) -> bool:
        """Where the optimiser remembers something: compiled in 0.7 of the time, steps the same.

        Plain SGD would take a tenth longer for the copies.
        """
        return not isinstance(rule, SGD) or rule.momentum > 0

    def compiled_part(self) -> Callable[[Data, State, Given], tuple[State, jax.Array]]:
        """Return the loop over all steps."""
        return lambda data, state, given: lax.scan(partial(self.step, data), state, given)

    def train(self, batches: Batches) -> None:
        """Run all steps in one call."""
        set_precision(self.dtype)
        self.latest = self.given(batches)
        self.state, self.step_losses = self.jitted(self.data, self.state, self.latest)


class LoopProgram(CompiledProgram):
    """The compiled step in a Python loop."""

    def as_vector(self, rule: Optimizer) -> bool:
        """Always: what a call costs grows with the number of arrays that go in and come out."""
        del rule
        return True

    def train(self, batches: Batches) -> None:
        """Run the steps; losses stay on the device until somebody asks.

        The fast path of `jit` is 3 % faster than a `Compiled`, and rows from NumPy as fast as rows
        that the step finds on the device by a number that it counts up.
        """
        set_precision(self.dtype)
        order, factors, masks = self.given(batches)
        jitted, data, state, losses = self.jitted, self.data, self.state, []
        columns = [itertools.repeat(None) if mask is None else mask for mask in masks]
        for rows, now, *kept in zip(order, factors, *columns, strict=False):
            state, loss = jitted(data, state, (rows, now, tuple(kept)))
            losses.append(loss)
        self.state, self.step_losses = state, losses
        self.latest = rows, now, tuple(kept)

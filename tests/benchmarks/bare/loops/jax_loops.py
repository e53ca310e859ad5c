"""Bare JAX: a jitted step in a Python loop, and all steps of a call on the device.

Tried for scan and not faster anywhere than the best form here; shares of its time, S / M: unroll=2
and unroll=8 1.0 to 1.1, and up to three times as long to compile; the batches of all steps gathered
before the loop 1.0 to 1.2; lax.fori_loop 1.0 to 1.05. One vector costs SGD 1.2 / 1.1 for the
copies. Tried for jit: parameters by layers with Adam 1.35 / 1.06.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from case import Array, Bare, Case, Steps
from jax import lax
from jax.flatten_util import ravel_pytree

LOOPS = {
    "jax:jit": {
        "layers": {},
        "one vector": {"vector": True},
        "one vector, rows on the device": {"vector": True, "counted": True},
    },
    "jax:scan": {
        "layers": {},
        "one vector": {"vector": True},
        "layers, unroll=2": {"unroll": 2},
        "one vector, fori_loop": {"fori": True, "vector": True},
        "one vector, logsumexp": {"picked": False, "vector": True},
    },
}

BESIDE = {"jax:jit": {"one vector, 8 steps a call: a scan": {"vector": True, "steps": 8}}}
"""Measured to see what is left, not compared: what makes the mode another one."""
SLOWER = {
    "jax:jit": {"layers, rows on the device": {"counted": True}},
    "jax:scan": {
        "one vector, unroll=2": {"vector": True, "unroll": 2},
        "one vector, unroll=8": {"vector": True, "unroll": 8},
        "layers, batches gathered first": {"gathered": True},
        "one vector, batches gathered first": {"gathered": True, "vector": True},
        "layers, fori_loop": {"fori": True},
        "layers, logsumexp": {"picked": False},
    },
}
"""Tried, never the fastest: measured with --all-forms."""


class Step:
    """One step as a pure function of data, state and what varies."""

    def __init__(self, case: Case, *, vector: bool, picked: bool = True) -> None:
        """Hold parameters, and each memory of the optimiser, layer by layer or in one vector."""
        jax.config.update("jax_default_matmul_precision", "highest")
        self.adam, self.picked = case.adam, picked
        layers: Any = [(jnp.array(kernel), jnp.array(bias)) for kernel, bias in case.weights]
        flat, self.layers_of = ravel_pytree(layers)
        if not vector:
            self.layers_of = lambda layers: layers
        start = flat if vector else layers
        slots = [jax.tree.map(jnp.zeros_like, start) for _ in range(2 if case.adam else 0)]
        self.start = (start, slots)
        self.data = jnp.array(case.inputs), jnp.array(case.targets)

    def loss(self, parameters: Any, x: jax.Array, y: jax.Array) -> jax.Array:
        """Return the mean cross entropy."""
        (w1, b1), (w2, b2), (w3, b3) = self.layers_of(parameters)
        x = jax.nn.relu(x @ w1 + b1)
        x = jax.nn.relu(x @ w2 + b2)
        z = x @ w3 + b3
        if self.picked:
            return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(z), y[:, None], axis=1))
        one_hot = jax.nn.one_hot(y, z.shape[1], dtype=z.dtype)
        return jnp.mean(jax.nn.logsumexp(z, axis=1) - jnp.sum(z * one_hot, axis=1))

    def of_rows(self, data: Any, state: Any, given: Any) -> Any:
        """Take one step on rows given by their numbers."""
        rows, factors = given
        return self.of_batch(state, (*(values[rows] for values in data), factors))

    def of_batch(self, state: Any, given: Any) -> Any:
        """Take one step and return the loss before it."""
        (parameters, slots), (x, y, (rate, root)) = state, given
        loss, g = jax.value_and_grad(self.loss)(parameters, x, y)
        if self.adam is None:
            return (jax.tree.map(lambda p, g: p - rate * g, parameters, g), slots), loss
        beta1, beta2, epsilon = self.adam
        m = jax.tree.map(lambda m, g: m + (1 - beta1) * (g - m), slots[0], g)
        v = jax.tree.map(lambda v, g: v + (1 - beta2) * (g * g - v), slots[1], g)
        moved = jax.tree.map(
            lambda p, m, v: p - rate * m / (jnp.sqrt(v) / root + epsilon), parameters, m, v
        )
        return (moved, [m, v]), loss

    def counted(self, data: Any, state: Any, order: Any, factors: Any) -> Any:
        """Take the step that the state's counter asks for, of rows that are on the device."""
        state, i = state
        state, loss = self.of_rows(data, state, (order[i], factors[i]))
        return (state, i + 1), loss


def jit(case: Case, *, vector: bool = False, counted: bool = False, steps: int = 1) -> Bare:
    """Call the jitted step once per batch; the parameters' memory is used again.

    Several steps a call are a short scan: beside what this mode is, to see what is left.
    """
    step, count = Step(case, vector=vector), Steps(case)
    state: dict[str, Any] = {"now": step.start}
    once = jax.jit(step.of_rows, donate_argnums=1)
    several = jax.jit(
        lambda data, now, given: lax.scan(partial(step.of_rows, data), now, given), donate_argnums=1
    )
    by_count = jax.jit(step.counted, donate_argnums=1)

    def train(order: Array) -> None:
        now, losses, factors = state["now"], [], count.factors(len(order))
        if counted:
            order, factors, now = jnp.asarray(order), jnp.asarray(factors), (now, 0)
            for _ in range(len(order)):
                now, loss = by_count(step.data, now, order, factors)
                losses.append(loss)
            now = now[0]
        elif steps > 1:
            for i in range(0, len(order), steps):
                given = order[i : i + steps], factors[i : i + steps]
                now, loss = several(step.data, now, given)
                losses.append(loss)
        else:
            for given in zip(order, factors, strict=True):
                now, loss = once(step.data, now, given)
                losses.append(loss)
        state.update(now=now, losses=losses)

    return bare(train, state, step)


def scan(
    case: Case,
    *,
    vector: bool = False,
    unroll: int = 1,
    gathered: bool = False,
    fori: bool = False,
    picked: bool = True,
) -> Bare:
    """Run all steps on the device."""
    step, count = Step(case, vector=vector, picked=picked), Steps(case)

    def scanned(data: Any, now: Any, order: Any, factors: Any) -> Any:
        if gathered:
            given = (*(values[order] for values in data), factors)
            return lax.scan(step.of_batch, now, given, unroll=unroll)
        return lax.scan(partial(step.of_rows, data), now, (order, factors), unroll=unroll)

    def looped(data: Any, now: Any, order: Any, factors: Any) -> Any:
        def body(i: Any, carried: Any) -> Any:
            now, losses = carried
            now, loss = step.of_rows(data, now, (order[i], factors[i]))
            return now, losses.at[i].set(loss)

        return lax.fori_loop(0, len(order), body, (now, jnp.zeros(len(order))))

    all_steps = jax.jit(looped if fori else scanned, donate_argnums=1)
    state: dict[str, Any] = {"now": step.start}

    def train(order: Array) -> None:
        factors = count.factors(len(order))
        state["now"], state["losses"] = all_steps(step.data, state["now"], order, factors)

    return bare(train, state, step)


def bare(train: Any, state: dict[str, Any], step: Step) -> Bare:
    """Return the loop; JAX returns before it has finished, so everything is waited for."""
    return Bare(
        train,
        lambda: jax.block_until_ready(state),
        lambda: np.array(jax.device_get(state["losses"])).ravel(),
        lambda: [np.array(part) for pair in step.layers_of(state["now"][0]) for part in pair],
    )

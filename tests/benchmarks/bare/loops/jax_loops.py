"""Bare JAX: a jitted step in a Python loop, and all steps of a call in one lax.scan."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from case import Array, Bare, Case
from jax import lax

LOOPS = {"jax:jit": "jit", "jax:scan": "scan"}

Parameters = list[tuple[jax.Array, jax.Array]]


def batch_loss(parameters: Parameters, x: jax.Array, y: jax.Array) -> jax.Array:
    """Return the mean cross entropy."""
    (w1, b1), (w2, b2), (w3, b3) = parameters
    x = jax.nn.relu(x @ w1 + b1)
    x = jax.nn.relu(x @ w2 + b2)
    log_shares = jax.nn.log_softmax(x @ w3 + b3)
    return -jnp.mean(jnp.take_along_axis(log_shares, y[:, None], axis=1))


def step(
    rate: float, data: tuple[jax.Array, jax.Array], parameters: Parameters, rows: jax.Array
) -> tuple[Parameters, jax.Array]:
    """Take one step and return the loss before it."""
    inputs, targets = data
    loss, gradients = jax.value_and_grad(batch_loss)(parameters, inputs[rows], targets[rows])
    return jax.tree.map(lambda p, g: p - rate * g, parameters, gradients), loss


def jit(case: Case) -> Bare:
    """Call the jitted step once per batch; the parameters' memory is used again."""
    once = jax.jit(partial(step, case.rate), donate_argnums=1)
    data, state = resident(case)

    def train(order: Array) -> None:
        parameters, losses = state["parameters"], []
        for rows in order:
            parameters, loss = once(data, parameters, rows)
            losses.append(loss)
        state.update(parameters=parameters, losses=losses)

    return bare(train, state)


def scan(case: Case) -> Bare:
    """Run all steps on the device."""

    @partial(jax.jit, donate_argnums=1)
    def all_steps(
        data: tuple[jax.Array, jax.Array], parameters: Parameters, order: jax.Array
    ) -> tuple[Parameters, jax.Array]:
        return lax.scan(partial(step, case.rate, data), parameters, order)

    data, state = resident(case)

    def train(order: Array) -> None:
        state["parameters"], state["losses"] = all_steps(data, state["parameters"], order)

    return bare(train, state)


def resident(case: Case) -> tuple[tuple[jax.Array, jax.Array], dict[str, Any]]:
    """Return the data and the changing state on the device."""
    jax.config.update("jax_default_matmul_precision", "highest")
    parameters = [(jnp.array(kernel), jnp.array(bias)) for kernel, bias in case.weights]
    data = jnp.array(case.inputs), jnp.array(case.targets)
    return data, {"parameters": parameters, "losses": ()}


def bare(train: Any, state: dict[str, Any]) -> Bare:
    """Return the loop; JAX returns before it has finished, so everything is waited for."""
    return Bare(
        train,
        lambda: jax.block_until_ready(state),
        lambda: np.array(jax.device_get(state["losses"])),
        lambda: [np.array(part) for pair in state["parameters"] for part in pair],
    )

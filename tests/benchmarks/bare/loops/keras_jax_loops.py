"""Bare Keras on JAX: fit on arrays, and the guide's stateless step in one lax.scan."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
from case import Array, Bare, Case
from jax import lax
from keras_model import compiled, loss, sequential

LOOPS = {"keras-jax:fit": "fit", "keras-jax:native": "native"}


def fit(case: Case) -> Bare:
    """One fit per pass, many steps in one execution."""
    jax.config.update("jax_default_matmul_precision", "highest")
    model, losses = compiled(case, steps=256), [np.nan]

    def train(order: Array) -> None:
        rows, given = order.ravel(), {"batch_size": order.shape[1], "shuffle": False, "verbose": 0}
        losses[:] = model.fit(case.inputs[rows], case.targets[rows], **given).history["loss"]

    def sync() -> None:
        jax.block_until_ready([variable.value for variable in model.variables])

    return Bare(train, sync, lambda: losses, model.get_weights)


def native(case: Case) -> Bare:
    """All steps of a call on the device; the state's memory is used again."""
    jax.config.update("jax_default_matmul_precision", "highest")
    model, loss_of, optimizer = sequential(case), loss(), keras.optimizers.SGD(case.rate)
    optimizer.build(model.trainable_variables)
    inputs, targets = jnp.array(case.inputs), jnp.array(case.targets)
    parts = model.trainable_variables, optimizer.variables
    state: dict[str, Any] = {"now": tuple([jnp.copy(v.value) for v in part] for part in parts)}

    def batch_loss(parameters: Any, x: Any, y: Any) -> Any:
        return loss_of(y, model.stateless_call(parameters, [], x, training=True)[0])

    def step(data: Any, now: Any, rows: Any) -> Any:
        (parameters, slots), (x, y) = now, (values[rows] for values in data)
        value, gradients = jax.value_and_grad(batch_loss)(parameters, x, y)
        return optimizer.stateless_apply(slots, gradients, parameters), value

    @partial(jax.jit, donate_argnums=1)
    def all_steps(data: Any, now: Any, order: Any) -> Any:
        return lax.scan(partial(step, data), now, order)

    def train(order: Array) -> None:
        state["now"], state["losses"] = all_steps((inputs, targets), state["now"], order)

    return Bare(
        train,
        lambda: jax.block_until_ready(state),
        lambda: np.array(state["losses"]),
        lambda: [np.array(part) for part in state["now"][0]],
    )

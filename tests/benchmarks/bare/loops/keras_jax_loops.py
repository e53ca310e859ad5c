"""Bare Keras on JAX: fit on arrays, and the guide's stateless step in one lax.scan."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
from case import Array, Bare, Case
from jax import lax
from keras_model import compiled, loss, optimizer, sequential

LOOPS = {
    "keras-jax:fit": {
        "arrays, 256 steps an execution": {},
        "generator of ready batches": {"generator": True},
        "PyDataset of ready batches": {"dataset": True},
        "PyDataset of ready batches of JAX": {"dataset": True, "resident": True},
    },
    "keras-jax:native": {
        "model": {},
        "layers in turn, loss.call": {"layers": True, "call": True},
        "model, batches gathered first": {"gathered": True},
        "model, fori_loop": {"fori": True},
    },
}
SLOWER = {
    "keras-jax:fit": {"arrays, 32 steps an execution": {"steps": 32}},
    "keras-jax:native": {"model, unroll=2": {"unroll": 2}, "layers in turn": {"layers": True}},
}
"""Tried, never the fastest: measured with --all-forms."""


class Ready(keras.utils.PyDataset):
    """Batches that only have to be handed over."""

    def __init__(self, inputs: Any, targets: Any) -> None:
        """Keep them."""
        super().__init__()
        self.ready = list(zip(inputs, targets, strict=True))

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.ready)

    def __getitem__(self, i: int) -> Any:
        """Return one."""
        return self.ready[i]


def fit(
    case: Case,
    *,
    steps: int = 256,
    generator: bool = False,
    dataset: bool = False,
    resident: bool = False,
) -> Bare:
    """One fit per pass, many steps in one execution."""
    jax.config.update("jax_default_matmul_precision", "highest")
    model, losses = compiled(case, steps_per_execution=steps), [np.nan]
    data = case.inputs, case.targets
    on_device = tuple(map(jnp.array, data))

    def generated(order: Array) -> Iterator[Any]:
        for rows in order:
            yield tuple(values[rows] for values in data)

    def train(order: Array) -> None:
        if generator:
            ran = model.fit(generated(order), shuffle=False, verbose=0)
        elif dataset:
            ready = [values[order] for values in (on_device if resident else data)]
            ran = model.fit(Ready(*ready), shuffle=False, verbose=0)
        else:
            rows, size = order.ravel(), order.shape[1]
            arrays = [values[rows] for values in data]
            ran = model.fit(*arrays, batch_size=size, shuffle=False, verbose=0)
        losses[:] = ran.history["loss"]

    def sync() -> None:
        jax.block_until_ready([variable.value for variable in model.variables])

    return Bare(train, sync, lambda: losses, model.get_weights)


def native(
    case: Case,
    *,
    layers: bool = False,
    call: bool = False,
    unroll: int = 1,
    gathered: bool = False,
    fori: bool = False,
) -> Bare:
    """All steps of a call on the device; the state's memory is used again."""
    jax.config.update("jax_default_matmul_precision", "highest")
    model, loss_of, rule = sequential(case), loss(), optimizer(case)
    rule.build(model.trainable_variables)
    data = jnp.array(case.inputs), jnp.array(case.targets)
    parts = model.trainable_variables, rule.variables
    state: dict[str, Any] = {"now": tuple([jnp.copy(v.value) for v in part] for part in parts)}

    def outputs(parameters: Any, x: Any) -> Any:
        if not layers:
            return model.stateless_call(parameters, [], x, training=True)[0]
        for layer, *pair in zip(model.layers, parameters[::2], parameters[1::2], strict=True):
            x = layer.stateless_call(pair, [], x)[0]
        return x

    def batch_loss(parameters: Any, x: Any, y: Any) -> Any:
        z = outputs(parameters, x)
        return jnp.mean(loss_of.call(y, z)) if call else loss_of(y, z)

    def of_batch(now: Any, batch: Any) -> Any:
        parameters, slots = now
        value, gradients = jax.value_and_grad(batch_loss)(parameters, *batch)
        return rule.stateless_apply(slots, gradients, parameters), value

    def of_rows(data: Any, now: Any, rows: Any) -> Any:
        return of_batch(now, [values[rows] for values in data])

    def scanned(data: Any, now: Any, order: Any) -> Any:
        if gathered:
            return lax.scan(of_batch, now, tuple(values[order] for values in data), unroll=unroll)
        return lax.scan(partial(of_rows, data), now, order, unroll=unroll)

    def looped(data: Any, now: Any, order: Any) -> Any:
        def body(i: Any, carried: Any) -> Any:
            now, losses = carried
            now, value = of_rows(data, now, order[i])
            return now, losses.at[i].set(value)

        return lax.fori_loop(0, len(order), body, (now, jnp.zeros(len(order))))

    all_steps = jax.jit(looped if fori else scanned, donate_argnums=1)

    def train(order: Array) -> None:
        state["now"], state["losses"] = all_steps(data, state["now"], order)

    return Bare(
        train,
        lambda: jax.block_until_ready(state),
        lambda: np.array(state["losses"]),
        lambda: [np.array(part) for part in state["now"][0]],
    )

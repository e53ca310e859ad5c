"""JAX's programs at work: `python jax_program_run.py`, in a worker's environment of float64.

Prints one JSON line: how far the gradients of convolutions are from those that JAX writes itself;
in which orders of axes the convolutions of a compiled training loop are computed, and in which they
go to XLA for a GPU; how far rows predicted in blocks are from those predicted as a whole; how many
compilations a second prediction with the function as it stands takes.
"""

from __future__ import annotations

import itertools
import json
import re
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from samenet.adapter import Batches, DataSource, Target, draws
from samenet.adapters.jax import adapter, predict
from samenet.adapters.jax.convolution import correlated
from samenet.adapters.jax.modes import CompiledProgram
from samenet.adapters.jax.network import BLOCK_ROWS
from samenet.spec import Network, TrainSpec
from samenet.spec.layers import padding_of

ROWS, BATCH = 8, 4
IMAGE = {
    "inputs": (7, 6, 2),
    "layers": [
        {"kind": "conv2d", "filters": 3, "activation": "tanh"},
        {"kind": "conv2d", "filters": 4, "size": [2, 3], "stride": 2},
        {"kind": "flatten"},
        {"units": 3},
    ],
}
SEQUENCE = {
    "inputs": (5, 4),
    "layers": [
        {"kind": "conv1d", "filters": 4},
        {"kind": "lstm", "units": 4, "sequences": True},
        {"kind": "gru", "units": 4, "sequences": True},
        {"kind": "attention", "heads": 2},
        {"kind": "simple_rnn", "units": 4},
        {"units": 3},
    ],
}


def gradients_apart() -> float:
    """Return the largest difference to JAX's own, over uneven windows along one axis and two."""
    draw, worst = np.random.default_rng(0), 0.0
    for axes, size, stride, padding in itertools.product(
        (1, 2), (1, 2, 5), (1, 2, 3), ("same", "valid")
    ):
        lengths, sizes = (7, 5)[:axes], (size, 3)[:axes]
        strides = (stride, 2)[:axes]
        around = tuple(
            padding_of(length, wide, apart, padding)
            for length, wide, apart in zip(lengths, sizes, strides, strict=True)
        )
        x = jnp.asarray(draw.normal(size=(3, *lengths, 2)))
        kernel = jnp.asarray(draw.normal(size=(*sizes, 2, 4)))
        names = "HW"[:axes]
        order = (f"N{names}C", f"{names}IO", f"N{names}C")

        def own(x: Any, kernel: Any, given: Any = (strides, around, order)) -> Any:
            return lax.conv_general_dilated(x, kernel, *given[:2], dimension_numbers=given[2])

        def ours(x: Any, kernel: Any, given: Any = (strides, around)) -> Any:
            return correlated(x, kernel, *given)

        expected, back = jax.vjp(own, x, kernel)
        found, our_back = jax.vjp(ours, x, kernel)
        above = jnp.asarray(draw.normal(size=expected.shape))
        pairs = zip((expected, *back(above)), (found, *our_back(above)), strict=True)
        worst = max(worst, *(float(jnp.max(jnp.abs(one - other))) for one, other in pairs))
    return worst


def trained(given: dict[str, Any], mode: str) -> CompiledProgram:
    """Return a program after one call of two steps."""
    network, target = Network.model_validate(given), Target(dtype="float64")
    training = TrainSpec.model_validate(
        {
            "loss": "sparse_categorical_cross_entropy",
            "optimizer": {"name": "sgd", "learning_rate": 0.125},
            "batch_size": BATCH,
            "epochs": 1,
        }
    )
    weights = draws.initial_weights(network, task="jax", repeat=0)
    program = adapter.build(network, training, weights, target=target, mode=mode)
    inputs = np.random.default_rng(0).normal(size=(ROWS, *network.input_shape))
    targets = (np.arange(ROWS) % 3).astype(np.int32)
    program.load(DataSource(inputs=inputs, targets=targets, train_rows=ROWS))
    program.train(Batches(order=np.arange(ROWS, dtype=np.int32).reshape(-1, BATCH)))
    program.sync()
    return program


def orders_of_axes(mode: str) -> list[str]:
    """Return in which orders of axes the convolutions of the compiled program are computed."""
    program = trained(IMAGE, mode)
    text = program.jitted.lower(program.data, program.state, program.latest).compile().as_text()
    return re.findall(r" convolution\(.*dim_labels=([\w>-]+)", str(text))


def orders_on_a_gpu() -> list[str]:
    """Return in which orders of axes a convolution and its gradients go to XLA for a GPU."""

    def of(x: jax.Array, kernel: jax.Array) -> jax.Array:
        return jnp.sum(correlated(x, kernel, (1, 1), ((1, 1), (1, 1))) ** 2)

    both = jax.jit(jax.grad(of, argnums=(0, 1)))
    traced = both.trace(jnp.ones((2, 6, 5, 3)), jnp.ones((3, 3, 3, 4)))
    text = traced.lower(lowering_platforms=("cuda",)).as_text()
    return re.findall(r"dim_numbers = (\[.*?\]x\[.*?\]->\[.*?\])", text)


def blocks_apart() -> float:
    """Return the largest difference between many rows predicted block by block and as a whole."""
    numbers = np.arange(2 * BLOCK_ROWS + 5, dtype=np.int32) % ROWS
    worst = 0.0
    for given in (IMAGE, SEQUENCE):
        program = trained(given, "jit")
        rows = np.asarray(program.data[0])[numbers]
        ways = predict.predictors(program, Target(dtype="float64"))
        expected = ways["usual"](rows)
        for found in (program.predict(numbers), ways["fast"](rows)):
            worst = max(worst, float(np.abs(np.asarray(found) - expected).max()))
    return worst


def compilations() -> int:
    """Return how often JAX compiles when the function as it stands predicts a second time."""
    program = trained(SEQUENCE, "scan")
    usual = predict.predictors(program, Target(dtype="float64"))["usual"]
    rows = np.asarray(program.data[0])
    first = usual(rows)
    before = adapter.reported[adapter.COMPILED]
    np.testing.assert_array_equal(usual(rows), first)
    return adapter.reported[adapter.COMPILED] - before


if __name__ == "__main__":
    jax.config.update("jax_enable_x64", True)
    adapter.wake(Target(dtype="float64"))
    orders = {mode: orders_of_axes(mode) for mode in adapter.ADAPTER["modes"]}
    found = {
        "apart": gradients_apart(),
        "orders": orders,
        "orders on a GPU": orders_on_a_gpu(),
        "blocks": blocks_apart(),
        "compilations": compilations(),
    }
    print(json.dumps(found))

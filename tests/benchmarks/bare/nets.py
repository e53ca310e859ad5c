"""The three nets: as samenet's program, as a bare loop's case, and the calls for both."""

from __future__ import annotations

from types import ModuleType
from typing import NamedTuple

import numpy as np
from case import Case

from samenet.adapter import Batches, DataSource, Program, Target, draws
from samenet.spec import Network, TrainSpec

RATE = 2.0**-6
ROWS = 4096
"""Of the data: gathering from more than the caches hold would be a measurement of memory."""

ORDERS = 16
"""Different passes, one after the other, then again from the first."""


class Net(NamedTuple):
    """Layer widths, inputs first, and the batch size; a call is one pass over the data."""

    widths: tuple[int, ...]
    batch_size: int


NETS = {
    "S": Net((64, 64, 32, 10), 32),
    "M": Net((64, 256, 128, 10), 128),
    "L": Net((256, 1024, 1024, 10), 512),
}


def network(net: Net) -> Network:
    """Return the net as samenet's spec."""
    layers = [{"units": units, "activation": "relu"} for units in net.widths[1:-1]]
    head = {"units": net.widths[-1], "activation": "identity"}
    return Network.model_validate({"inputs": net.widths[0], "layers": [*layers, head]})


def training(net: Net) -> TrainSpec:
    """Return softmax cross entropy and plain SGD."""
    return TrainSpec.model_validate(
        {
            "loss": "sparse_categorical_cross_entropy",
            "optimizer": {"name": "sgd", "learning_rate": RATE},
            "batch_size": net.batch_size,
            "epochs": 1,
        }
    )


def case(net: Net) -> Case:
    """Return weights and data for a bare loop."""
    weights = draws.initial_weights(network(net), task="bare", repeat=0)
    inputs = np.random.default_rng(0).normal(size=(ROWS, net.widths[0])).astype(np.float32)
    return Case(
        weights=[tuple(layer) for layer in draws.as_dtype(weights, "float32")],
        inputs=inputs,
        targets=(np.arange(ROWS) % net.widths[-1]).astype(np.int32),
        batch_size=net.batch_size,
        rate=RATE,
    )


def program(net: Net, adapter: ModuleType, mode: str) -> Program:
    """Return samenet's program with the same weights and data."""
    given = case(net)
    weights = draws.initial_weights(network(net), task="bare", repeat=0)
    made: Program = adapter.build(
        network(net), training(net), draws.as_dtype(weights, "float32"), target=Target(), mode=mode
    )
    made.load(DataSource(inputs=given.inputs, targets=given.targets, train_rows=ROWS))
    made.sync()
    return made


def calls(net: Net) -> list[Batches]:
    """Return passes over the data, each in an order of its own."""
    draw, steps = np.random.default_rng(1), ROWS // net.batch_size
    orders = [draw.permutation(ROWS).astype(np.int32) for _ in range(ORDERS)]
    return [
        Batches(order=order.reshape(steps, net.batch_size), first_step=i * steps)
        for i, order in enumerate(orders)
    ]

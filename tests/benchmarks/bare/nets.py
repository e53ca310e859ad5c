"""The three nets: as samenet's program, as a bare loop's case, and the calls for both."""

from __future__ import annotations

from types import ModuleType
from typing import NamedTuple

import numpy as np
from case import Adam, Case

from samenet.adapter import Batches, DataSource, Layer, Program, Target, draws
from samenet.spec import Network, TrainSpec

RULES = {
    "sgd": {"name": "sgd", "learning_rate": 2.0**-6},
    "adam": {
        "name": "adam",
        "learning_rate": 2.0**-10,
        "beta1": 0.875,
        "beta2": 1 - 2.0**-10,
        "epsilon": 2.0**-40,
    },
}
"""The optimisers, Adam with the constants of the main job."""

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


def training(net: Net, rule: str) -> TrainSpec:
    """Return softmax cross entropy and an optimiser."""
    return TrainSpec.model_validate(
        {
            "loss": "sparse_categorical_cross_entropy",
            "optimizer": RULES[rule],
            "batch_size": net.batch_size,
            "epochs": 1,
        }
    )


def case(net: Net, rule: str) -> Case:
    """Return weights and data for a bare loop."""
    weights = draws.initial_weights(network(net), task="bare", repeat=0)
    inputs = np.random.default_rng(0).normal(size=(ROWS, net.widths[0])).astype(np.float32)
    return Case(
        weights=[(w.kernel, w.bias) for w in draws.as_dtype(weights, "float32")],
        inputs=inputs,
        targets=(np.arange(ROWS) % net.widths[-1]).astype(np.int32),
        batch_size=net.batch_size,
        rate=RULES[rule]["learning_rate"],
        adam=Adam(*(RULES[rule][name] for name in Adam._fields)) if rule == "adam" else None,
    )


def program(net: Net, rule: str, adapter: ModuleType, mode: str, given: Case) -> Program:
    """Return samenet's program with the weights and data of a case."""
    weights = [Layer(kernel.copy(), bias.copy()) for kernel, bias in given.weights]
    made: Program = adapter.build(
        network(net), training(net, rule), weights, target=Target(), mode=mode
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

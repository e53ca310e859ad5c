"""Random networks of a family, drawn from a seed: an independent set that nobody has chosen.

    python -P random_networks.py NAME ADAPTER.py MODE FAMILY FIRST LAST

puts those of seeds FIRST to LAST through an adapter, in a process of its own, and prints one JSON
line: of every network its layers, its training, and the checks that it failed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from samenet._random import make_generator
from samenet.adapter import Capabilities, DataSource, Target, discovery, draws
from samenet.adapter.support import lacking
from samenet.certificate import cases
from samenet.certificate.admissibility import is_admissible
from samenet.certificate.problem import Build, Problem, builder
from samenet.spec import Network, TrainSpec
from samenet.worker.cases import checks_of

Draw = np.random.Generator
Data = dict[str, Any]

SMOOTH = ("tanh", "sigmoid", "silu", "softplus", "gelu", "identity")
ROWS, BATCH = 48, 16


def either(draw: Draw, *values: Any) -> Any:
    """Return one of these values."""
    return values[int(draw.integers(len(values)))]


def norm(draw: Draw) -> Data:
    """Return a norm of some kind."""
    if draw.random() < 0.5:
        return {"kind": "layer_norm", "epsilon": either(draw, 2.0**-10, 2.0**-16)}
    rates = {"rate": either(draw, 0.125, 0.25), "epsilon": 2.0**-10}
    return {"kind": "batch_norm", **rates}


def products(draw: Draw, width: int = 0) -> Data:
    """Return a dense layer."""
    units = width or int(draw.integers(2, 7))
    found: Data = {"kind": "dense", "units": units, "activation": either(draw, *SMOOTH)}
    return {**found, "dropout": 0.25} if draw.random() < 0.25 else found


def convolution(draw: Draw, axes: int, filters: int = 0) -> Data:
    """Return a convolution; with `filters` one that keeps its shape."""
    found: Data = {
        "kind": f"conv{axes}d",
        "filters": filters or int(draw.integers(2, 5)),
        "size": either(draw, 1, 2, 3, (3, 2) if axes == 2 else 3),
        "activation": either(draw, *SMOOTH),
    }
    if not filters:
        found |= {"stride": either(draw, 1, 1, 2), "padding": either(draw, "same", "same", "valid")}
    return {**found, "dropout": 0.25} if draw.random() < 0.2 else found


def pool(draw: Draw) -> Data:
    """Return a pool."""
    stride = either(draw, 0, 1, 2)
    if draw.random() < 0.5:
        return {"kind": "average_pool", "size": 2, "stride": stride}
    size, padding = either(draw, 2, 3), "same"
    return {"kind": "max_pool", "size": size, "stride": stride, "padding": padding}


def around(draw: Draw, *layers: Data) -> Data:
    """Return a residual of a chain, sometimes with a norm before or after it."""
    chain = list(layers)
    if draw.random() < 0.5:
        chain.insert(either(draw, 0, len(chain)), norm(draw))
    return {"kind": "residual", "layers": chain}


def to_rows(draw: Draw) -> Data:
    """Return what makes rows of an image or a sequence."""
    return {"kind": either(draw, "flatten", "global_average_pool", "global_max_pool")}


def of_rows(draw: Draw) -> tuple[tuple[int, ...], int, list[Data]]:
    """Return dense layers with norms and residuals."""
    layers: list[Data] = []
    for _ in range(int(draw.integers(1, 4))):
        layer = products(draw)
        layers.append(layer)
        if draw.random() < 0.4:
            layers.append(norm(draw))
        if draw.random() < 0.4:
            layers.append(around(draw, products(draw), products(draw, layer["units"])))
    return (int(draw.integers(2, 9)),), 0, [each for each in layers if _wide(each)]


def _wide(layer: Data) -> bool:
    return layer.get("units", 2) >= 2


def of_windows(draw: Draw) -> tuple[tuple[int, ...], int, list[Data]]:
    """Return convolutions of an image or a sequence, pools, norms and residuals."""
    axes = either(draw, 1, 2, 2)
    shape = (*draw.integers(6, 9, axes).tolist(), int(draw.integers(1, 4)))
    layers: list[Data] = []
    for _ in range(int(draw.integers(1, 3))):
        layer = convolution(draw, axes)
        layers.append(layer)
        if draw.random() < 0.4:
            layers.append(norm(draw))
        if draw.random() < 0.4:
            layers.append(around(draw, convolution(draw, axes, layer["filters"])))
        if draw.random() < 0.4 and layer.get("stride", 1) == 1:
            layers.append(pool(draw))
    layers.append(to_rows(draw))
    return shape, 0, layers


def of_steps(draw: Draw) -> tuple[tuple[int, ...], int, list[Data]]:
    """Return recurrent layers over a sequence of numbers or of tokens."""
    steps = int(draw.integers(1, 8))
    tokens = draw.random() < 0.4
    layers: list[Data] = (
        [{"kind": "embedding", "width": int(draw.integers(2, 6))}] if tokens else []
    )
    if not tokens and draw.random() < 0.3:
        layers.append({"kind": "conv1d", "filters": 3, "size": 2, "activation": "tanh"})
    count = int(draw.integers(1, 3))
    for number in range(count):
        kind = either(draw, "lstm", "gru", "simple_rnn")
        whole = number < count - 1 or draw.random() < 0.3
        layers.append({"kind": kind, "units": int(draw.integers(2, 7)), "sequences": bool(whole)})
        if draw.random() < 0.3:
            layers.append({"kind": "dropout", "rate": 0.25})
        if whole and draw.random() < 0.3:
            layers.append(norm(draw))
    if layers[-1]["kind"] in ("batch_norm", "layer_norm") or whole:
        layers.append(to_rows(draw))
    return ((steps,) if tokens else (steps, int(draw.integers(1, 6)))), 12 * tokens, layers


def of_looks(draw: Draw) -> tuple[tuple[int, ...], int, list[Data]]:
    """Return attention, with residuals and norms around it or without."""
    steps, heads = int(draw.integers(2, 8)), int(draw.integers(1, 4))
    width = heads * int(draw.integers(1, 4)) * 2
    tokens = draw.random() < 0.5
    first: Data = {"kind": "embedding", "width": width} if tokens else products(draw, width)
    layers = [first]
    if draw.random() < 0.7:
        layers.append({"kind": "positions"})
    for _ in range(int(draw.integers(1, 3))):
        causal = bool(draw.random() < 0.4)
        attention = {"kind": "attention", "heads": heads, "causal": causal}
        layers.append(around(draw, attention) if draw.random() < 0.6 else attention)
        if draw.random() < 0.5:
            layers.append(around(draw, products(draw), products(draw, width)))
    if draw.random() < 0.5:
        layers.append(norm(draw))
    layers.append(to_rows(draw))
    return ((steps,) if tokens else (steps, int(draw.integers(2, 6)))), 12 * tokens, layers


FAMILIES: dict[str, Callable[[Draw], tuple[tuple[int, ...], int, list[Data]]]] = {
    "dense": of_rows,
    "convolution": of_windows,
    "recurrent": of_steps,
    "attention": of_looks,
}


def random_training(draw: Draw) -> tuple[TrainSpec, str]:
    """Return a training, and the loss of its parity rows."""
    rule = dict(either(draw, *cases.RULES.values()))
    change = either(draw, {}, {"l2": 0.125}, {"weight_decay": 0.125}, {"clip_norm": 0.5})
    if not (rule["name"] == "adamw" and set(change) & {"l2", "weight_decay"}):
        rule |= change
    loss = either(draw, "sparse_categorical_cross_entropy", "mean_squared_error")
    spec = {"loss": loss, "optimizer": rule, "batch_size": BATCH, "epochs": 10}
    return TrainSpec.model_validate(spec), loss


REPEATS_TRIED = 8


def random_problem(family: str, seed: int) -> Problem:
    """Return the network of a seed, in training: the first repeat that rounding can be told on.

    If it is on none, the first repeat: such a network is held to gates 1 and 2.
    """
    draw = make_generator("random network", family, seed)
    inputs, vocabulary, layers = FAMILIES[family](draw)
    training, loss = random_training(draw)
    outputs = int(draw.integers(2, 5))
    network = Network.model_validate(
        {"inputs": inputs, "layers": [*layers, {"units": outputs}], "vocabulary": vocabulary}
    )
    name = f"random {family} {seed}"
    found = [_problem(name, network, training, loss, repeat) for repeat in range(REPEATS_TRIED)]
    return next((each for each in found if is_admissible(each)), found[0])


def _problem(name: str, network: Network, training: TrainSpec, loss: str, repeat: int) -> Problem:
    numbers = int(np.prod(network.input_shape))
    inputs, targets = draws.parity_rows(
        ROWS, numbers, network.outputs, loss=loss, words=(name, repeat)
    )
    inputs = inputs.reshape(ROWS, *network.input_shape)
    if network.vocabulary:
        draw = make_generator(name, repeat, "tokens")
        inputs = draw.integers(0, network.vocabulary, inputs.shape).astype(np.int32)
    source = DataSource(inputs=inputs, targets=targets, train_rows=ROWS)
    return Problem(name=name, network=network, training=training, source=source, repeat=repeat)


def failures(problem: Problem, build: Build, offered: Capabilities) -> list[str]:
    """Return what an adapter fails of a random network, a line for each check."""
    gates = "1 to 3" if is_admissible(problem) else "1 and 2"
    case = cases.Case(name=problem.name, gates=gates, shown=problem)
    return [
        f"{c.gate}, {c.quantity}, {c.dtype}: {c.error:.1e} instead of at most {c.limit:.1e}"
        for c in checks_of(case, build, offered)
        if not c.passed
    ]


def summary(problem: Problem) -> dict[str, Any]:
    """Return layers and training as plain data."""
    network = problem.network
    layers = [
        layer.model_dump(exclude_defaults=True) | {"kind": layer.kind} for layer in network.layers
    ]
    rule = problem.training.optimizer.model_dump(exclude_defaults=True)
    return {"inputs": network.input_shape, "layers": layers, "rule": rule}


def main(path: Path, mode: str, family: str, seeds: range) -> None:
    """Put the networks of these seeds through an adapter."""
    adapter = discovery.load(path)
    adapter.wake(Target())
    build, offered = builder(adapter, mode, Target()), adapter.capabilities()
    answer = {}
    for seed in seeds:
        problem = random_problem(family, seed)
        missing = lacking(offered, problem.network, problem.training)
        answer[seed] = {
            **summary(problem),
            "gate 3": is_admissible(problem),
            "not offered": missing or "",
            "failed": [] if missing else failures(problem, build, offered),
        }
    print(json.dumps(answer, default=str))


if __name__ == "__main__":
    main(Path(sys.argv[2]), sys.argv[3], sys.argv[4], range(int(sys.argv[5]), int(sys.argv[6]) + 1))

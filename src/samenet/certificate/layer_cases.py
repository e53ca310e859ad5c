"""The parity cases of layers: small networks that between them hold every kind and every option.

Each is proved whole: initial weights, gradients at both ends, ten epochs in 64 bits and, where no
kink can be crossed by rounding, in 32 bits, with what batch norm keeps and the predictions in use.
Every optimiser meets several of them, and each of these an optimiser that divides by roots: one
that is fed squares of occurrences instead of squares of their sum shows there alone.

    network lstm by adam + l2 · network conv2d relu, max pool by momentum
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from samenet._random import make_generator
from samenet.adapter import draws
from samenet.adapter.arrays import DataSource
from samenet.certificate.admissibility import is_admissible
from samenet.certificate.oracle import network as oracle
from samenet.certificate.problem import Problem
from samenet.spec.network import Network
from samenet.spec.training import TrainSpec

ROWS, BATCH, CLASSES, EPOCHS = 96, 16, 5, 10
REPEATS_TRIED = 200
MARGIN_MIN = 1e-6
"""Of a kinked network: so far from every kink are the gradients that are read."""

MANY_STEPS = 72
"""Longer sequences go other ways in some frameworks: one operation for all steps, or a loop."""

IMAGE, SEQUENCE, TOKENS, VOCABULARY = (7, 6, 2), (6, 5), (6,), 9
RARE = 64
"""So many tokens that some repeat within a batch and others do not occur in it at all."""
RATE, EPSILON, NORM_EPSILON = 0.125, 2.0**-10, 2.0**-16


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerCase:
    """One small network, and by which rules it is trained."""

    inputs: tuple[int, ...]
    layers: tuple[dict[str, Any], ...]
    rules: tuple[str, ...]
    vocabulary: int = 0
    rows: int = ROWS
    kinked: bool = False


def _layer(kind: str, **keys: Any) -> dict[str, Any]:
    return {"kind": kind, **keys}


def _conv(filters: int, **keys: Any) -> dict[str, Any]:
    return _layer("conv2d", filters=filters, **{"activation": "tanh", **keys})


def _image(*layers: dict[str, Any], rules: tuple[str, ...], kinked: bool = False) -> LayerCase:
    return LayerCase(inputs=IMAGE, layers=layers, rules=rules, kinked=kinked)


def _sequence(*layers: dict[str, Any], rules: tuple[str, ...]) -> LayerCase:
    return LayerCase(inputs=SEQUENCE, layers=layers, rules=rules)


def _tokens(
    *layers: dict[str, Any], rules: tuple[str, ...], vocabulary: int = VOCABULARY
) -> LayerCase:
    return LayerCase(inputs=TOKENS, layers=layers, rules=rules, vocabulary=vocabulary)


_FLAT = _layer("flatten")
_MEAN = _layer("global_average_pool")
_BATCH_NORM = _layer("batch_norm", rate=RATE, epsilon=EPSILON)
_LAYER_NORM = _layer("layer_norm", epsilon=NORM_EPSILON)


def _block(heads: int, width: int, *, causal: bool = False) -> tuple[dict[str, Any], ...]:
    attention = [_LAYER_NORM, _layer("attention", heads=heads, causal=causal)]
    products = [
        _LAYER_NORM,
        _layer("dense", units=2 * width, activation="gelu"),
        _layer("dense", units=width),
    ]
    return _layer("residual", layers=attention), _layer("residual", layers=products)


NETWORKS: dict[str, LayerCase] = {
    "conv2d same": _image(
        _conv(3, dropout=0.25),
        _conv(4, size=2),
        _FLAT,
        rules=("momentum + l2", "adam + decay + clipping"),
    ),
    "conv2d one channel": LayerCase(
        inputs=(6, 7, 1), layers=(_conv(3, padding="valid"), _FLAT), rules=("adam",)
    ),
    "conv2d stride": _image(
        _conv(3, stride=2), _conv(4, stride=(2, 1), size=(2, 3)), _MEAN, rules=("sgd", "rmsprop")
    ),
    "conv2d valid": _image(
        _conv(3, padding="valid", size=(3, 2)),
        _layer("average_pool", size=2),
        _FLAT,
        rules=("nesterov", "adagrad"),
    ),
    "conv2d relu, max pool": _image(
        _conv(3, activation="relu"),
        _layer("max_pool"),
        _conv(4, activation="relu", dropout=0.25),
        _FLAT,
        _layer("dense", units=6, activation="relu"),
        rules=("momentum", "adam"),
        kinked=True,
    ),
    "max pool": _image(_conv(2), _layer("max_pool", size=(2, 3)), _FLAT, rules=("adamw",)),
    "max pool overlapping": _image(
        _conv(2),
        _layer("max_pool", size=3, stride=2, padding="same"),
        _FLAT,
        rules=("momentum",),
    ),
    "global max pool": _image(_conv(2), _layer("global_max_pool"), rules=("momentum",)),
    "average pool overlapping": _image(
        _conv(3), _layer("average_pool", size=(3, 2), stride=(2, 1)), _MEAN, rules=("adam",)
    ),
    "conv1d": _sequence(
        _layer("conv1d", filters=4, size=3, stride=2, activation="tanh", dropout=0.25),
        _layer("conv1d", filters=3, size=2, padding="valid", activation="sigmoid"),
        _FLAT,
        rules=("momentum + l2", "adam"),
    ),
    "pools of sequences": _sequence(
        _layer("conv1d", filters=4, size=2),
        _BATCH_NORM,
        _layer("max_pool", size=3, stride=2, padding="same"),
        _layer("average_pool", size=2, stride=1),
        _layer("global_max_pool"),
        rules=("adam",),
    ),
    "batch norm": LayerCase(
        inputs=(6,),
        layers=(
            _layer("dense", units=8),
            _BATCH_NORM,
            _layer("activation", activation="tanh"),
            _layer("dropout", rate=0.25),
            _layer("dense", units=6, activation="tanh"),
            _BATCH_NORM,
        ),
        rules=("momentum + decay", "adam"),
    ),
    "batch norm after conv2d": _image(
        _conv(3, activation="identity"),
        _BATCH_NORM,
        _layer("activation", activation="tanh"),
        _MEAN,
        rules=("adam + l2", "nesterov"),
    ),
    "layer norm": LayerCase(
        inputs=(6,),
        layers=(_layer("dense", units=8, activation="tanh"), _LAYER_NORM),
        rules=("momentum", "adam"),
    ),
    "dense and layer norm of images": _image(
        _layer("dense", units=4, activation="tanh"), _LAYER_NORM, _MEAN, rules=("adam",)
    ),
    "residual": _image(
        _conv(3),
        _layer(
            "residual",
            layers=[_conv(4, activation="silu"), _conv(3, activation="identity"), _BATCH_NORM],
        ),
        _layer(
            "residual",
            layers=[_conv(3, size=1), _layer("residual", layers=[_conv(3)]), _conv(3, size=1)],
        ),
        _MEAN,
        rules=("momentum", "adam + clipping"),
    ),
    "embedding": _tokens(
        _layer("embedding", width=4),
        _FLAT,
        vocabulary=RARE,
        rules=("sgd", "adam + l2", "rmsprop", "adagrad", "momentum + clipping"),
    ),
    "embedding, lstm": _tokens(
        _layer("embedding", width=4), _layer("lstm", units=6), rules=("adam + decay",)
    ),
    "positions": _tokens(
        _layer("embedding", width=4),
        _layer("positions"),
        _layer("dense", units=4, activation="tanh", dropout=0.25),
        _MEAN,
        rules=("adam",),
    ),
    "simple rnn": _sequence(_layer("simple_rnn", units=5), rules=("momentum + l2", "adam")),
    "simple rnn twice": _sequence(
        _layer("simple_rnn", units=4, sequences=True),
        _layer("simple_rnn", units=3),
        rules=("rmsprop",),
    ),
    "lstm": _sequence(_layer("lstm", units=5), rules=("momentum + l2", "adam + decay")),
    "lstm twice": _sequence(
        _layer("lstm", units=4, sequences=True),
        _layer("dropout", rate=0.25),
        _layer("lstm", units=3),
        rules=("adam + clipping",),
    ),
    "lstm one step": LayerCase(
        inputs=(1, 5), layers=(_layer("lstm", units=4),), rules=("momentum",)
    ),
    "lstm of many steps": LayerCase(
        inputs=(MANY_STEPS, 2), layers=(_layer("lstm", units=3),), rows=2 * BATCH, rules=("adam",)
    ),
    "gru": _sequence(_layer("gru", units=6), rules=("momentum + l2", "adam + decay")),
    "gru twice": _sequence(
        _layer("gru", units=4, sequences=True), _layer("gru", units=3), rules=("rmsprop",)
    ),
    "attention": _sequence(
        _layer("dense", units=8),
        _layer("attention", heads=2),
        _MEAN,
        rules=("momentum + l2", "adam"),
    ),
    "attention one head": _sequence(
        _layer("dense", units=4), _layer("attention", heads=1), _FLAT, rules=("sgd",)
    ),
    "attention causal": _sequence(
        _layer("dense", units=8),
        _layer("positions"),
        _layer("attention", heads=2, causal=True),
        _FLAT,
        rules=("adam + decay",),
    ),
    "attention odd heads": _sequence(
        _layer("dense", units=6), _layer("attention", heads=3), _MEAN, rules=("momentum",)
    ),
    "transformer": _tokens(
        _layer("embedding", width=8),
        _layer("positions"),
        *_block(2, 8),
        _LAYER_NORM,
        _MEAN,
        rules=("momentum", "adam"),
    ),
    "transformer causal": _tokens(
        _layer("embedding", width=8),
        _layer("positions"),
        *_block(2, 8, causal=True),
        *_block(2, 8, causal=True),
        _LAYER_NORM,
        _FLAT,
        rules=("adamw",),
    ),
}


def kinds_of(name: str) -> set[str]:
    """Return the kinds of layers in a case by its name; none if it is not one of layers."""
    network, _, _ = name.removeprefix("network ").rpartition(" by ")
    return set(_kinds(NETWORKS[network].layers)) if network in NETWORKS else set()


def _kinds(layers: Sequence[dict[str, Any]]) -> Iterator[str]:
    for layer in layers:
        yield layer["kind"]
        yield from _kinds(layer.get("layers", ()))


def names() -> list[str]:
    """Return the names of all cases of layers."""
    return [f"network {name} by {rule}" for name, case in NETWORKS.items() for rule in case.rules]


def layer_problem(name: str, network_name: str, rule: dict[str, Any]) -> Problem:
    """Return the first repeat of a case that rounding can be told from a mistake on.

    Raises KeyError if there is no such network, and ValueError if no repeat is fit.
    """
    case = NETWORKS[network_name]
    for repeat in range(REPEATS_TRIED):
        found = _problem(name, case, rule, repeat)
        if _keeps_off(found) if case.kinked else is_admissible(found):
            return found
    raise ValueError(f"no admissible problem for '{name}' in {REPEATS_TRIED} tries")


def _keeps_off(problem: Problem) -> bool:
    """Return whether the gradients that gate 1 reads keep away from every kink."""
    batch = problem.steps([problem.whole[0].first(1)])[0]
    arguments = (problem.network, problem.training.loss, problem.weights, batch)
    return oracle.kink_margin(*arguments) >= MARGIN_MIN


def _problem(name: str, case: LayerCase, rule: dict[str, Any], repeat: int) -> Problem:
    loss = "sparse_categorical_cross_entropy"
    network = Network.model_validate(
        {
            "inputs": case.inputs,
            "layers": [*case.layers, {"units": CLASSES}],
            "vocabulary": case.vocabulary,
        }
    )
    training = TrainSpec.model_validate(
        {"loss": loss, "optimizer": rule, "batch_size": BATCH, "epochs": EPOCHS}
    )
    numbers = int(np.prod(case.inputs))
    inputs, targets = draws.parity_rows(
        case.rows, numbers, CLASSES, loss=loss, words=(name, repeat)
    )
    inputs = inputs.reshape(case.rows, *case.inputs)
    if case.vocabulary:
        draw = make_generator(name, repeat, "tokens")
        inputs = draw.integers(0, case.vocabulary, inputs.shape).astype(np.int32)
    source = DataSource(inputs=inputs, targets=targets, train_rows=case.rows)
    return Problem(name=name, network=network, training=training, source=source, repeat=repeat)

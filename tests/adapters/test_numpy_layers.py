"""NumPy's layers: every gradient against differences, every training against the oracle."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from samenet.adapter import Batches, DataSource, Layer, Target, discovery, draws
from samenet.adapters.numpy import predict
from samenet.adapters.numpy.adapter import NumpyProgram, capabilities
from samenet.adapters.numpy.layers import MAKE
from samenet.adapters.numpy.network import Layers
from samenet.certificate import cases
from samenet.certificate.problem import builder
from samenet.spec import KINDS, Network, TrainSpec
from samenet.worker.cases import checks_of

ADAPTER = discovery.load(discovery.shipped_adapters()["numpy"].path)
ROWS = 6
IMAGE, SEQUENCE = (5, 4, 3), (5, 4)
NORM = {"epsilon": 2.0**-10}
FLAT = {"kind": "flatten"}
DROP = {"kind": "dropout", "rate": 0.25}
MEAN = {"kind": "global_average_pool"}
BEFORE = {"units": 4, "activation": "tanh"}
"""A dense layer works along the last axis of anything: what flows back to it is looked at, too."""


def layer(kind: str, **keys: Any) -> dict[str, Any]:
    return {"kind": kind, **keys}


def residual(*layers: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "residual", "layers": list(layers)}


def tokens(*layers: dict[str, Any]) -> dict[str, Any]:
    chain = [layer("embedding", width=4), *layers]
    return {"inputs": (5,), "vocabulary": 7, "layers": chain}


def on(inputs: tuple[int, ...], *layers: dict[str, Any]) -> dict[str, Any]:
    return {"inputs": inputs, "layers": [BEFORE, *layers]}


CONV = {"filters": 3, "activation": "tanh"}
RELU = {"kind": "activation", "activation": "relu"}
NETWORKS: dict[str, dict[str, Any]] = {
    "dense of rows": on((4,), {"units": 3, "activation": "gelu"}),
    "dense of places": on(SEQUENCE, {"units": 3, "activation": "elu"}, FLAT),
    "conv2d": on(IMAGE, layer("conv2d", **CONV), FLAT),
    "conv2d, uneven": on(IMAGE, layer("conv2d", size=(2, 3), stride=(2, 1), **CONV), FLAT),
    "conv2d, valid": on(IMAGE, layer("conv2d", stride=2, padding="valid", **CONV), FLAT),
    "conv2d, wide strides": on(IMAGE, layer("conv2d", size=1, stride=2, **CONV), FLAT),
    "conv1d": on(SEQUENCE, layer("conv1d", size=3, stride=2, **CONV), FLAT),
    "max pool": on(IMAGE, layer("max_pool"), FLAT),
    "max pool, overlapping": on(IMAGE, layer("max_pool", size=3, stride=2, padding="same"), FLAT),
    "max pool of a sequence": on(SEQUENCE, layer("max_pool", size=2, stride=1), FLAT),
    "average pool": on(IMAGE, layer("average_pool", size=2), FLAT),
    "average pool, overlapping": on(IMAGE, layer("average_pool", size=(3, 2), stride=1), FLAT),
    "global average pool": on(IMAGE, layer("global_average_pool")),
    "global max pool": on(IMAGE, layer("global_max_pool")),
    "batch norm of rows": on((4,), {"units": 3}, layer("batch_norm", rate=0.25, **NORM), RELU),
    "batch norm of places": on(
        IMAGE, layer("conv2d", filters=3), layer("batch_norm", rate=0.25, **NORM), MEAN
    ),
    "layer norm of rows": on((4,), layer("layer_norm", **NORM)),
    "layer norm of places": on(SEQUENCE, layer("layer_norm", **NORM), FLAT),
    "embedding": tokens(FLAT),
    "positions": tokens(layer("positions"), FLAT),
    "simple rnn": on(SEQUENCE, layer("simple_rnn", units=3)),
    "simple rnn, sequences": on(SEQUENCE, layer("simple_rnn", units=3, sequences=True), FLAT),
    "lstm": on(SEQUENCE, layer("lstm", units=3)),
    "lstm, sequences": on(SEQUENCE, layer("lstm", units=3, sequences=True), DROP, FLAT),
    "gru": on(SEQUENCE, layer("gru", units=3)),
    "gru, sequences": on(SEQUENCE, layer("gru", units=3, sequences=True), FLAT),
    "recurrent first": {"inputs": SEQUENCE, "layers": [layer("lstm", units=3)]},
    "one step": on((1, 4), layer("gru", units=3)),
    "attention": on(SEQUENCE, layer("attention", heads=2), FLAT),
    "attention, causal": on(SEQUENCE, layer("attention", heads=1, causal=True), FLAT),
    "attention first": {"inputs": SEQUENCE, "layers": [layer("attention", heads=2), MEAN]},
    "residual": on((4,), residual({"units": 4, "activation": "tanh"}, {"units": 4})),
    "residual in a residual": on((4,), residual(BEFORE, residual(BEFORE), BEFORE)),
    "residual first": {"inputs": (4,), "layers": [residual(BEFORE)]},
    "residual of nothing trained": {"inputs": SEQUENCE, "layers": [residual(RELU), MEAN]},
}


def network(name: str) -> Network:
    asked = NETWORKS[name]
    return Network.model_validate({**asked, "layers": [*asked["layers"], {"units": 2}]})


def training(**changes: Any) -> TrainSpec:
    rule = {"name": "sgd", "learning_rate": 2.0**-4, **changes}
    asked = {"loss": "mean_squared_error", "optimizer": rule, "batch_size": ROWS, "epochs": 1}
    return TrainSpec.model_validate(asked)


def weights(net: Network) -> list[Layer]:
    """Return what a network may hold after some training: nothing is 0, no variance negative."""
    draw = np.random.default_rng(5)
    return [
        Layer(
            **{
                name: draw.uniform(0.5, 1.5, found.shape)
                if found.role in ("scale", "state")
                else draw.normal(0, 0.6, found.shape)
                for name, found in place.parameters.items()
            }
        )
        for place in net.places
    ]


def rows_of(net: Network, rows: int = ROWS) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(7)
    shape = (rows, *net.input_shape)
    inputs = draw.integers(0, net.vocabulary, shape) if net.vocabulary else draw.normal(size=shape)
    return inputs, draw.normal(size=(rows, net.outputs))


def program(net: Network, spec: TrainSpec, rows: int = ROWS) -> NumpyProgram:
    built: NumpyProgram = ADAPTER.build(
        net, spec, weights(net), target=Target(dtype="float64"), mode="plain"
    )
    inputs, targets = rows_of(net, rows)
    kind = np.int32 if net.vocabulary else np.float32
    built.load(DataSource(inputs=inputs.astype(kind), targets=targets, train_rows=rows))
    return built


def differences(layers: Layers, inputs: np.ndarray, targets: np.ndarray) -> list[np.ndarray]:
    """Return the gradients as differences of losses: (L(w + d) - L(w - d)) / 2 d."""
    step = 2.0**-17
    found = []
    for parameter in layers.parameters:
        slopes = np.empty_like(parameter)
        for index in np.ndindex(parameter.shape):
            kept = parameter[index]
            ends = []
            for moved in (kept + step, kept - step):
                parameter[index] = moved
                ends.append(float(layers.gradients(inputs, targets)[0]))
            parameter[index] = kept
            slopes[index] = (ends[0] - ends[1]) / (2 * step)
        found.append(slopes)
    return found


@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_are_the_slopes_of_the_loss(name: str) -> None:
    """By every number of every array, in each kind of layer and in what stands before it."""
    net = network(name)
    layers = Layers(net, training().loss, weights(net), np.dtype("float64"))
    inputs, targets = rows_of(net)
    found = layers.gradients(inputs, targets)[1]
    wanted = differences(layers, inputs, targets)
    size = max(float(np.abs(slopes).max()) for slopes in wanted)
    assert len(found) == len(wanted) > 0
    for gradient, slopes in zip(found, wanted, strict=True):
        assert gradient.shape == slopes.shape
        assert np.abs(gradient - slopes).max() <= 1e-8 * size


def test_every_kind_is_tried() -> None:
    """The networks above hold all kinds of layers that there are, and the adapter offers them."""
    held = {place.kind for name in NETWORKS for place in network(name).places}
    assert held - {"fork", "join"} == set(KINDS) - {"residual"}
    assert (
        set(MAKE) == set(capabilities().layers) == held - {"fork", "join", "activation", "dropout"}
    )


OF_NETWORKS = [name for name in cases.names() if name.startswith("network")]


@pytest.mark.parametrize("name", OF_NETWORKS)
def test_every_network_is_the_oracles(name: str) -> None:
    """Gradients, trainings, kept statistics, outputs in use pass the gates, without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        build = builder(ADAPTER, "plain", Target())
        checks = checks_of(cases.find_case(name), build, capabilities())
    assert [check for check in checks if not check.passed] == []


def test_the_first_of_equal_numbers_is_the_largest() -> None:
    """Of a window of equal numbers the first gets what flows back, and gets it once."""
    net = Network.model_validate(
        {"inputs": (2, 2, 1), "layers": [{"units": 1}, layer("max_pool"), FLAT, {"units": 1}]}
    )
    held = [Layer(*(np.ones(p.shape) for p in place.parameters.values())) for place in net.places]
    layers = Layers(net, training().loss, held, np.dtype("float64"))
    inputs = np.array([3.0, 1.0, 1.0, 1.0]).reshape(1, 2, 2, 1)
    layers.arrays[0]["kernel"][...] = 0  # all four places become the bias, 1
    by_kernel = layers.gradients(inputs, np.zeros((1, 1)))[1][2]
    assert by_kernel.item() == 2 * 2 * 3.0  # the error is 2, the first number 3


def test_decay_and_penalty_act_on_kernels_alone() -> None:
    """Kernels and recurrent kernels shrink; biases, scales, tables and statistics do not."""
    for name in ("lstm", "batch norm of places", "positions", "attention"):
        net = network(name)
        plain, decayed = (program(net, training(**c)) for c in ({}, {"weight_decay": 0.5}))
        call = Batches(order=np.arange(ROWS, dtype=np.int32)[None])
        for each in (plain, decayed):
            each.train(call)
        for place, one, other in zip(net.places, plain.weights(), decayed.weights(), strict=True):
            for key, found in place.parameters.items():
                same = np.array_equal(one[key], other[key])
                assert same != (found.role in ("kernel", "recurrent")), (place.path, key)


@pytest.mark.parametrize("name", ["batch norm of rows", "batch norm of places"])
def test_statistics_are_kept_in_training_and_used_in_predicting(name: str) -> None:
    """They move by their rate once a step; a prediction moves none and depends on no other row."""
    net = network(name)
    trained = program(net, training())
    (number,) = (i for i, place in enumerate(net.places) if place.kind == "batch_norm")
    before = trained.weights()[number]
    every = np.arange(ROWS, dtype=np.int32)
    alone = np.concatenate([trained.predict(every[i : i + 1]) for i in range(ROWS)])
    np.testing.assert_allclose(trained.predict(every), alone, rtol=1e-13)
    after = trained.weights()[number]
    assert all(np.array_equal(before[key], after[key]) for key in before)
    trained.train(Batches(order=every[None]))
    after = trained.weights()[number]
    x = trained.inputs
    layers = Layers(net, trained.training.loss, weights(net), np.dtype("float64"))
    for transform in layers.transforms[: layers.transforms.index(_norm(layers))]:
        x = transform.forward(x)[0]
    table = x.reshape(-1, x.shape[-1])
    wanted = {"mean": table.mean(axis=0), "variance": table.var(axis=0)}
    for key, new in wanted.items():
        np.testing.assert_allclose(after[key], 0.75 * before[key] + 0.25 * new, rtol=1e-12)


def _norm(layers: Layers) -> Any:
    return next(one for one in layers.transforms if "mean" in getattr(one, "arrays", {}))


def steps_of(net: Network, sizes: Sequence[int]) -> list[Batches]:
    found, first = [], 0
    for size in sizes:
        order = np.random.default_rng(first).integers(0, ROWS, (2, size)).astype(np.int32)
        masks = draws.dropout_masks(net, order.shape, task="n", repeat=0, first_step=first)
        found.append(Batches(order=order, first_step=first, masks=masks))
        first += 2
    return found


@pytest.mark.parametrize("name", NETWORKS)
def test_a_prediction_disturbs_no_training(name: str) -> None:
    """Batches of any size follow each other; what is predicted in between changes no bit."""
    net = network(name)
    quiet, asked = (program(net, training(momentum=0.5)) for _ in range(2))
    for batches in steps_of(net, (ROWS, 3, ROWS)):
        quiet.train(batches)
        asked.predict(np.arange(2, dtype=np.int32))
        asked.train(batches)
        np.testing.assert_array_equal(quiet.losses(), asked.losses())
    for one, other in zip(quiet.weights(), asked.weights(), strict=True):
        assert all(np.array_equal(one[key], other[key]) for key in one)
    assert quiet.layers.stack == []


@pytest.mark.parametrize("name", NETWORKS)
def test_both_ways_to_predict_give_what_the_program_does(name: str) -> None:
    """Usual and fast, of no rows, of one and of more than go through at once."""
    net = network(name)
    trained = program(net, training(), rows=70)
    wanted = trained.predict(np.arange(70, dtype=np.int32))
    ways = predict.predictors(trained, Target(dtype="float64"))
    assert set(ways) == set(predict.PREDICT) == {"usual", "fast"}
    for way in ways.values():
        np.testing.assert_allclose(way(trained.inputs), wanted, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(way(trained.inputs[:1]), wanted[:1], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", NETWORKS)
def test_float32_stays_float32(name: str) -> None:
    """Gradients, weights and outputs of a float32 program are float32."""
    net = network(name)
    given = draws.as_dtype(weights(net), "float32")
    layers = Layers(net, training().loss, given, np.dtype("float32"))
    inputs, targets = rows_of(net)
    inputs = inputs if net.vocabulary else inputs.astype(np.float32)
    loss, gradients = layers.gradients(inputs, targets.astype(np.float32))
    made = [loss, *gradients, layers.outputs(inputs)]
    made += [array for one in layers.copies() for array in one.values()]
    assert {str(each.dtype) for each in made} == {"float32"}

"""NumPy in mode "buffers": what its arrays are, that no step makes one, and that it is the same."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest

from samenet.adapter import Batches, DataSource, Dtype, Layer, Program, Target, discovery, draws
from samenet.adapter import batching as cutting
from samenet.adapters.numpy.functions import FUNCTIONS
from samenet.adapters.numpy.inplace.operations import row_length
from samenet.adapters.numpy.mode_buffers import BLOCK_ROWS
from samenet.certificate import limits
from samenet.certificate.oracle import network as oracle
from samenet.certificate.problem import Problem, builder, task_problem
from samenet.spec import Network, TrainSpec, load_task
from samenet.tasks import sources

ADAPTER = discovery.load(discovery.shipped_adapters()["numpy"].path)
ROWS = 60
SGD = {"name": "sgd", "learning_rate": 2.0**-5}
MOMENTS = {"learning_rate": 2.0**-10, "beta1": 0.875, "beta2": 1 - 2.0**-10, "epsilon": 2.0**-20}
RULES: dict[str, dict[str, Any]] = {
    "sgd": SGD,
    "sgd, l2": {**SGD, "l2": 0.125},
    "sgd, decay": {**SGD, "weight_decay": 0.125},
    "sgd, l2, clipped": {**SGD, "l2": 0.125, "clip_norm": 0.25},
    "momentum": {**SGD, "momentum": 0.875},
    "nesterov": {**SGD, "momentum": 0.875, "nesterov": True},
    "adam": {"name": "adam", **MOMENTS},
    "adamw": {"name": "adamw", **MOMENTS, "weight_decay": 0.125},
    "rmsprop": {"name": "rmsprop", "learning_rate": 2.0**-9, "rho": 0.875, "epsilon": 2.0**-20},
    "adagrad": {"name": "adagrad", "learning_rate": 2.0**-7, "epsilon": 2.0**-20},
}


def network(activation: str = "relu", units: int = 8, outputs: int = 3, drop: float = 0) -> Network:
    hidden = [
        {"units": units, "activation": activation, "dropout": drop},
        {"units": 6, "activation": activation},
    ]
    head = {"units": outputs, "activation": "identity"}
    return Network.model_validate({"inputs": 5, "layers": [*hidden, head]})


def training(loss: str = "sparse_categorical_cross_entropy", rule: str = "adam") -> TrainSpec:
    asked = {"loss": loss, "optimizer": RULES[rule], "batch_size": 12, "epochs": 1}
    return TrainSpec.model_validate(
        {**asked, "schedule": {"name": "cosine", "steps": 7, "warmup_steps": 2}}
    )


def outputs_of(loss: str) -> int:
    return 1 if loss.startswith("binary") else 3


def source(loss: str) -> DataSource:
    draw = np.random.default_rng(3)
    classes = draw.integers(0, 3, ROWS).astype(np.int32)
    targets = {
        "sparse_categorical_cross_entropy": classes,
        "categorical_cross_entropy": np.eye(3, dtype=np.float32)[classes],
        "binary_cross_entropy": (classes[:, None] > 1).astype(np.float32),
    }.get(loss, draw.normal(size=(ROWS, 3)).astype(np.float32))
    inputs = draw.normal(size=(ROWS, 5)).astype(np.float32)
    return DataSource(inputs=inputs, targets=targets, train_rows=ROWS)


def program(net: Network, spec: TrainSpec, mode: str, dtype: Dtype = "float64") -> Program:
    weights = draws.as_dtype(draws.initial_weights(net, task="buffers", repeat=0), dtype)
    biased = [Layer(w.kernel, w.bias + np.asarray(0.125, w.bias.dtype)) for w in weights]
    target = Target(dtype=dtype)
    built: Program = ADAPTER.build(net, spec, biased, target=target, mode=mode)
    built.load(source(spec.loss.name))
    return built


def call(net: Network, steps: int = 5, rows: int = 12, first_step: int = 0) -> Batches:
    order = np.random.default_rng(first_step).integers(0, ROWS, (steps, rows)).astype(np.int32)
    masks = draws.dropout_masks(net, order.shape, task="buffers", repeat=0, first_step=first_step)
    return Batches(order=order, first_step=first_step, masks=masks)


def law(steps: int, values: Any) -> limits.RoundingLaw:
    """Return what the certificate grants to rounding in float64, where nothing amplifies it.

    Less than what a framework is granted: neither the order of sums nor the training counts here.
    """
    return limits.RoundingLaw(
        dtype="float64",
        growth=1.0,
        realised_weights={steps: 0.0},
        realised_losses=np.zeros(np.shape(values)),
        losses=np.asarray(values),
    )


def assert_close(actual: Any, wanted: Any) -> None:
    """Losses or outputs, which come of a chain of layers, are the same but for rounding."""
    allowed = law(0, wanted).loss_limits()
    assert (np.abs(np.asarray(actual) - np.asarray(wanted)) <= allowed).all()


def assert_weights_close(actual: Program, wanted: Program, steps: int) -> None:
    """Weights after so many steps are the same but for rounding."""
    distance = oracle.distance(actual.weights(), wanted.weights())
    assert distance <= law(steps, 0.0).weights_limit(steps)


def assert_modes_agree(net: Network, spec: TrainSpec, calls: list[Batches]) -> None:
    """Both modes report the same losses, hold the same weights and predict the same."""
    plain, buffers = (program(net, spec, mode) for mode in ("plain", "buffers"))
    for batches in calls:
        plain.train(batches)
        buffers.train(batches)
        assert_close(buffers.losses(), plain.losses())
    assert_weights_close(buffers, plain, sum(len(batches.order) for batches in calls))
    rows = np.arange(ROWS, dtype=np.int32)
    assert_close(buffers.predict(rows), plain.predict(rows))


def arrays(thing: Any, seen: set[int] | None = None) -> Iterator[np.ndarray]:
    """Yield every array that an object holds, however deep, those of bound calls included."""
    seen = set() if seen is None else seen
    if id(thing) in seen:
        return
    seen.add(id(thing))
    if isinstance(thing, np.ndarray):
        yield thing
    inside = (np.ndarray, dict, list, tuple, partial)
    for part in gc.get_referents(thing):
        if isinstance(part, inside) or type(part).__module__.startswith("samenet.adapters"):
            yield from arrays(part, seen)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("activation", ["relu", "gelu", "selu"])
def test_float32_stays_float32(activation: str, rule: str) -> None:
    """Every array of a float32 program is float32, or of truth values, whatever it has computed."""
    net = network(activation, drop=0.5)
    spec = training(rule=rule)
    trained = program(net, spec, "buffers", "float32")
    trained.train(call(net))
    trained.predict(np.arange(ROWS, dtype=np.int32))
    passes = [trained.training_pass(12), trained.forward_pass(ROWS)]
    held = [one for thing in (trained, *passes) for one in arrays(thing)]
    kinds = {str(one.dtype) for one in held if one is not trained.losses()}
    assert len(held) > 40
    assert kinds <= {"float32", "bool"}
    assert {str(part.dtype) for layer in trained.weights() for part in layer.values()} == {
        "float32"
    }


@pytest.mark.parametrize("loss", FUNCTIONS.losses)
def test_losses_are_computed_in_float32(loss: str) -> None:
    """Targets, gradient and the sums of every loss are float32 in a float32 program."""
    net = network(outputs=outputs_of(loss))
    trained = program(net, training(loss), "buffers", "float32")
    trained.train(call(net))
    work = trained.training_pass(12)
    kept = [trained.targets, trained.gradient, work.outputs, work.loss.total, work.loss.fit]
    assert {str(one.dtype) for one in kept} == {"float32"}


def most_memory(trained: Program, batches: Batches) -> int:
    """Return the most bytes that a call holds beyond what was held before it."""
    gc.collect()
    tracemalloc.start()
    try:
        trained.train(batches)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


PAIRS = [
    *((loss, "adam") for loss in FUNCTIONS.losses),
    *(("mean_squared_error", rule) for rule in RULES),
]


@pytest.mark.parametrize(("loss", "rule"), PAIRS)
def test_memory_does_not_grow_with_the_steps(loss: str, rule: str) -> None:
    """A second call holds, beside its losses, as much for 800 steps as for 100: nearly nothing."""
    net = network("tanh", drop=0.25, outputs=outputs_of(loss))
    trained = program(net, training(loss, rule), "buffers", "float32")
    trained.train(call(net))
    few, many = call(net, 100, first_step=5), call(net, 800, first_step=105)
    extra = [most_memory(trained, one) - 8 * len(one.order) for one in (few, many)]
    assert extra[1] <= extra[0] + 256
    assert extra[1] < 2**14


@pytest.mark.parametrize("activation", [*FUNCTIONS.activations, "leaky_relu(slope=-1)"])
def test_a_wide_step_makes_no_array_of_its_size(activation: str) -> None:
    """A step of 128 x 600 numbers makes no such array, not by NumPy inside a function either.

    What NumPy does make are its own buffers, of 8192 numbers whatever the arrays: for truth values
    that become numbers, and for rows with gaps between them.
    """
    net = network(activation, units=600)
    trained = program(net, training(), "buffers", "float32")
    trained.train(call(net, rows=128))
    assert most_memory(trained, call(net, 20, rows=128)) < 4 * 8192 * 4 < 4 * 128 * 600


@pytest.mark.parametrize("rule", RULES)
def test_every_optimiser_agrees_with_the_plain_mode(rule: str) -> None:
    """Both modes train alike, to roundings in float64: two calls and a short last batch."""
    net = network("tanh")
    calls = [call(net), call(net, first_step=5), call(net, 1, rows=7, first_step=10)]
    assert_modes_agree(net, training(rule=rule), calls)


@pytest.mark.parametrize("loss", [*FUNCTIONS.losses, "huber(delta=0.25)"])
@pytest.mark.parametrize("drop", [0.0, 0.25])
def test_every_loss_agrees_with_the_plain_mode(loss: str, drop: float) -> None:
    """Both modes reduce every loss alike, with dropout and without, batches of one row too."""
    net = network("softplus", drop=drop, outputs=outputs_of(loss))
    calls = [call(net), call(net, 3, rows=1, first_step=5), call(net, first_step=8)]
    assert_modes_agree(net, training(loss), calls)


SLOPES = [f"leaky_relu(slope={slope})" for slope in (-0.5, 0, 0.0078125, 3)]


@pytest.mark.parametrize("activation", [*FUNCTIONS.activations, *SLOPES])
@pytest.mark.parametrize("units", [1, 8, 600])
def test_every_activation_agrees_with_the_plain_mode(activation: str, units: int) -> None:
    """Both modes activate alike in one unit, in few, and in so many that rows are stretched."""
    net = network(activation, units)
    assert_modes_agree(net, training(), [call(net), call(net, first_step=5)])


def test_a_relu_of_exactly_0_passes_nothing_back() -> None:
    """At the kink itself the slope is 0: rows of zeros leave the first kernel as it was."""
    spec = training(rule="sgd")
    net = network()
    drawn = draws.initial_weights(net, task="kink", repeat=0)
    weights = [Layer(layer.kernel, 0 * layer.bias) for layer in drawn]
    built: Program = ADAPTER.build(net, spec, weights, target=Target(), mode="buffers")
    zeros = np.zeros((ROWS, 5), np.float32)
    built.load(DataSource(inputs=zeros, targets=source(spec.loss.name).targets, train_rows=ROWS))
    built.train(call(net, 1))
    after = built.weights()
    assert not after[0].bias.any()
    assert after[-1].bias.any()


def test_dropout_without_masks_drops_nothing() -> None:
    """A call without masks is trained as if there were no dropout, also after one with masks."""
    net = network("tanh", drop=0.5)
    unmasked = Batches(order=call(net).order, first_step=5)
    assert_modes_agree(net, training(), [call(net), unmasked])


def problem(name: str) -> Problem:
    task = load_task(name)
    return task_problem(task, sources.prepare(task))


@pytest.mark.parametrize("name", ["iris", "digits", "diabetes"])
def test_a_task_agrees_with_the_plain_mode(name: str) -> None:
    """Both modes go through an epoch of a shipped task alike, its short last batch included."""
    asked = problem(name)
    plain, buffers = (
        builder(ADAPTER, mode, Target())(asked, asked.training, asked.weights, "float64")
        for mode in ("plain", "buffers")
    )
    epoch = list(asked.epoch(0))
    for batches in epoch:
        plain.train(batches)
        buffers.train(batches)
        assert_close(buffers.losses(), plain.losses())
    assert_weights_close(buffers, plain, sum(len(batches.order) for batches in epoch))
    assert cutting.call_shape(asked.source.train_rows, asked.training.batch_size) == asked.shape


@pytest.mark.parametrize("rows", [1, 12, ROWS])
def test_a_prediction_disturbs_no_training(rows: int) -> None:
    """Training goes on to the same bits, whether or not something was predicted in between."""
    net = network("gelu", drop=0.5)
    quiet, asked = (program(net, training(), "buffers") for _ in range(2))
    for first_step in (0, 5):
        for each in (quiet, asked):
            each.train(call(net, first_step=first_step))
        losses = asked.losses().copy()
        asked.predict(np.arange(rows, dtype=np.int32))
        np.testing.assert_array_equal(asked.losses(), losses)
    for one, other in zip(asked.weights(), quiet.weights(), strict=True):
        np.testing.assert_array_equal(one.kernel, other.kernel)
        np.testing.assert_array_equal(one.bias, other.bias)


def test_predictions_come_in_blocks_and_are_copies() -> None:
    """More rows than a block are predicted as one by one, and a later call changes none of them."""
    trained = program(network(), training(), "buffers")
    many = (np.arange(2 * BLOCK_ROWS + 7) % ROWS).astype(np.int32)
    found = np.asarray(trained.predict(many))
    kept = found.copy()
    singles = [np.asarray(trained.predict(many[i : i + 1]))[0] for i in range(ROWS)]
    np.testing.assert_array_equal(found, kept)
    assert_close(found[:ROWS], singles)
    assert_close(found[-7:], found[(len(many) - 7) % ROWS :][:7])
    assert trained.predict(many[:0]).shape == (0, 3)


def test_few_batch_sizes_are_kept() -> None:
    """Arrays of sizes that came long ago are given up, and made again when the size comes back."""
    net = network()
    trained = program(net, training(), "buffers")
    for rows in range(1, 20):
        trained.train(call(net, 1, rows=rows))
        trained.predict(np.arange(rows, dtype=np.int32))
    sizes = [one.cache_info().currsize for one in (trained.training_pass, trained.forward_pass)]
    assert max(sizes) <= 8


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_wide_rows_are_no_power_of_two_apart(dtype: str) -> None:
    """Wide rows take an odd number of cache lines; narrow ones only what they need."""
    kind = np.dtype(dtype)
    for width in (1, 10, 64, 257, 511):
        assert row_length(width, kind) == width
    for width in (512, 513, 1024, 1025, 4096):
        lines, rest = divmod(row_length(width, kind) * kind.itemsize, 64)
        assert (lines % 2, rest) == (1, 0)
        assert width <= row_length(width, kind) < width + 128 // kind.itemsize

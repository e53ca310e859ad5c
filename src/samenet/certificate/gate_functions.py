"""Gate 0: every activation and loss on its own, value and derivative, through the six methods.

A function is put into the smallest network that shows it without any other rounding: row i of the
inputs is the i-th unit vector, so row i of the first kernel, which is ours to choose, *is* what the
function gets. Points: ordinary, next to a kink and
exactly at it, and saturated.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from samenet.adapter.api import Capabilities
from samenet.adapter.arrays import Array, Batches, DataSource, Dtype, Layer
from samenet.certificate import limits
from samenet.certificate.gate_gradients import nan_as_infinite, plain_rule, read_gradient
from samenet.certificate.oracle.functions import delta_terms, derivative, loss_per_row, value
from samenet.certificate.problem import Build, Check, Problem, train_call
from samenet.spec.layers import Activation, Dense
from samenet.spec.network import Network
from samenet.spec.parsing import parse_call
from samenet.spec.training import Loss, LossName, TrainSpec

NEAR = 2.0**-20
POINTS = np.array(
    [s * z for z in (0.0, NEAR, 0.125, 1.0, 3.0, 8.0, 20.0, 30.0, 100.0) for s in (-1, 1)]
)
"""Weighted sums and logits; exact in float32. At 0 itself a function has the slope of the side that
the adapter's forms name: frameworks differ there."""

FAR_TARGET = -4096.0
"""So far from every output that the error of an output does not matter in the difference."""

SMALL_HEAD = 2.0**-6
"""By which another loss than the squared error sees an activation: no probability is saturated."""

NO_STEP = 2.0**-100
"""A learning rate that changes no weight."""


def check_activation(
    activation: Activation, build: Build, capabilities: Capabilities
) -> list[Check]:
    """Return the checks of an activation's value and derivative in every precision."""
    return [
        check
        for dtype in capabilities.dtypes
        for check in _activation_checks(activation, build, dtype, capabilities)
    ]


def check_loss(loss: Loss, build: Build, capabilities: Capabilities) -> list[Check]:
    """Return the checks of a loss's value and derivative by the logits in every precision."""
    return [
        check
        for dtype in capabilities.dtypes
        for check in _loss_checks(loss, build, dtype, capabilities)
    ]


def _activation_checks(
    activation: Activation, build: Build, dtype: Dtype, offered: Capabilities
) -> list[Check]:
    problem = activation_problem(activation, offered)
    head = np.zeros((1, problem.network.outputs))
    head[0, 0] = scale = 1.0 if problem.training.loss.name == "mean_squared_error" else SMALL_HEAD
    at = [_layer(POINTS[:, None]), _layer(head)]
    everything = np.arange(len(POINTS), dtype=np.int32)
    program = build(problem, problem.training, at, dtype)
    found = np.asarray(program.predict(everything), dtype=np.float64)[:, 0] / scale
    exact = value(activation, POINTS)
    call = Batches(order=everything[None, :])
    gradient = read_gradient(problem, build, dtype, at, call, offered)[: len(POINTS)]
    kept = problem.steps([call])[0].targets
    terms = delta_terms(problem.training.loss, exact[:, None] * head, kept, offered.forms)
    outer = ((terms[0] - terms[1]) * head).sum(axis=1)
    return [
        _check(f"{activation}", dtype, found, exact),
        _check(
            f"derivative of {activation}",
            dtype,
            gradient / outer,
            derivative(activation, POINTS, offered.forms),
        ),
    ]


def activation_problem(activation: Activation, offered: Capabilities | None = None) -> Problem:
    """Return one unit with the activation, and a head that passes its value on.

    Its derivative is read from a mean squared error, whose slope is the same at every point; where
    there is none, from the first loss that is offered.
    """
    rows = len(POINTS)
    name: LossName = "mean_squared_error"
    if offered and offered.losses and name not in offered.losses:
        name = Loss.model_validate(parse_call(offered.losses[0])).name
    classes = max(3, offered.classes_min) if offered else 3
    targets: dict[str, Array] = {
        "binary_cross_entropy": np.zeros((rows, 1), dtype=np.float32),
        "categorical_cross_entropy": np.eye(classes, dtype=np.float32)[np.ones(rows, dtype=int)],
        "sparse_categorical_cross_entropy": np.ones(rows, dtype=np.int32),
    }
    wanted = targets.get(name, np.full((rows, 1), FAR_TARGET, dtype=np.float32))
    hidden = Dense(units=1, activation=activation)
    units = classes if "categorical" in name else 1
    head = Dense(units=units, activation=Activation(name="identity"))
    network = Network(inputs=rows, layers=(hidden, head))
    return _problem(f"gate 0 {activation}", network, Loss(name=name), wanted, offered)


def _problem(
    name: str, network: Network, loss: Loss, targets: Array, offered: Capabilities | None
) -> Problem:
    rows = network.input_shape[0]
    rule = plain_rule(offered, NO_STEP, 1.0)
    training = TrainSpec(loss=loss, optimizer=rule, batch_size=rows, epochs=1)
    inputs = np.eye(rows, dtype=np.float32)
    source = DataSource(inputs=inputs, targets=targets, train_rows=rows)
    return Problem(name=name, network=network, training=training, source=source)


def _layer(kernel: Array) -> Layer:
    return Layer(kernel, np.zeros(kernel.shape[1]))


class LossPoints(NamedTuple):
    """Logits (rows, outputs) and the targets they are compared with."""

    logits: NDArray[np.float64]
    targets: Array


def loss_points(loss: Loss) -> LossPoints:
    """Return ordinary, nearly kinked and saturated logits for a loss, right and wrong ones."""
    if loss.name == "binary_cross_entropy":
        targets = np.repeat([0.0, 1.0], len(POINTS)).astype(np.float32)[:, None]
        return LossPoints(np.tile(POINTS, 2)[:, None], targets)
    if loss.name.endswith("categorical_cross_entropy"):
        logits = np.stack([POINTS, -POINTS / 2, np.zeros_like(POINTS)], axis=1)
        classes = np.repeat([0, 1, 2], len(POINTS)).astype(np.int32)
        one_hot = np.eye(3, dtype=np.float32)[classes]
        sparse = loss.name.startswith("sparse")
        return LossPoints(np.tile(logits, (3, 1)), classes if sparse else one_hot)
    beside = loss.delta * np.array([1 - 2.0**-10, 1.0, 1 + 2.0**-10])
    errors = np.concatenate([POINTS, beside, -beside])
    targets = np.stack([np.zeros_like(errors), np.full_like(errors, 0.5)], axis=1)
    return LossPoints(targets + errors[:, None], targets.astype(np.float32))


def loss_problem(loss: Loss, offered: Capabilities | None = None) -> Problem:
    """Return a single layer whose kernel is the logits."""
    logits, targets = loss_points(loss)
    rows, outputs = logits.shape
    head = Dense(units=outputs, activation=Activation(name="identity"))
    network = Network(inputs=rows, layers=(head,))
    return _problem(f"gate 0 {loss}", network, loss, targets, offered)


def _loss_checks(loss: Loss, build: Build, dtype: Dtype, capabilities: Capabilities) -> list[Check]:
    problem, logits = loss_problem(loss, capabilities), loss_points(loss).logits
    rows = len(logits)
    at, numbers = [_layer(logits)], np.arange(rows, dtype=np.int32)
    program = build(problem, problem.training, at, dtype)
    calls = [Batches(order=numbers[i : i + 1, None], first_step=i) for i in range(rows)]
    found = np.concatenate([train_call(program, call) for call in calls])
    call = Batches(order=numbers[None, :])
    gradient = read_gradient(problem, build, dtype, at, call, capabilities)[: logits.size]
    kept = problem.steps([call])[0].targets
    predicted, wanted = delta_terms(loss, logits, kept, capabilities.forms)
    exact = loss_per_row(loss, logits, kept)
    told = capabilities.losses_from
    if told == "probabilities" and "cross_entropy" in loss.name and np.isfinite(found).all():
        found, exact = np.exp(-found), np.exp(-exact)
    return [
        _check(f"{loss}", dtype, found, exact),
        _check(
            f"derivative of {loss}",
            dtype,
            gradient.reshape(logits.shape) * rows,
            (predicted - wanted) * rows,
        ),
    ]


def _check(quantity: str, dtype: Dtype, found: Array, exact: Array) -> Check:
    """Compare value by value, relative to the larger of the value and 1."""
    errors = [nan_as_infinite(float(e)) for e in np.ravel(np.abs(found - exact) / _scale(exact))]
    return Check(
        gate="gate 0",
        quantity=quantity,
        dtype=dtype,
        error=max(errors),
        limit=limits.function_limit(dtype),
        detail=f"worst of {len(errors)} points",
    )


def _scale(exact: Array) -> Array:
    return np.maximum(1.0, np.abs(exact))

"""Gate 1: gradients along the trajectory, read through an SGD step."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from samenet.adapter import draws
from samenet.adapter.api import Capabilities
from samenet.adapter.arrays import Batches, Dtype, Weights
from samenet.certificate import limits as certificate_limits
from samenet.certificate.oracle import network as oracle
from samenet.certificate.oracle.functions import SPEC
from samenet.certificate.oracle.setting import Setting
from samenet.certificate.problem import Build, Check, Problem, ends_of
from samenet.spec.training import SGD, Adam, Optimizer, Schedule

PROBE_RATE: dict[Dtype, float] = {"float32": 2.0**24, "float64": 2.0**40}
"""An exact power of two, so large that the gradient is read from one SGD step without cancellation
(a rate of 1 loses the digits by which gradient and weight differ)."""

PROBE_EPSILON: dict[Dtype, float] = {"float32": 2.0**40, "float64": 2.0**80}
"""Beside it a gradient is lost to rounding: a step of Adam that remembers nothing, which is
r * g / (|g| + epsilon), is then one of SGD with the rate r / epsilon."""


def check_weights_and_gradients(
    problem: Problem, build: Build, capabilities: Capabilities, *, also_after: Sequence[int] = ()
) -> list[Check]:
    """Return the checks of initial weights, and of gradients at both ends of ten epochs.

    `also_after` names steps between them.
    """
    last = ends_of(problem.whole)[-1]
    points = sorted({*also_after, last} & set(range(1, last + 1)))
    truth = problem.truth(capabilities.forms, problem.whole, snapshots=points)
    places = {0: problem.weights, **truth.snapshots}
    checks: list[Check] = []
    for dtype in capabilities.dtypes:
        checks.append(check_initial_weights(problem, build, dtype))
        checks.append(check_gradients(problem, build, dtype, places, capabilities))
    return checks


def check_initial_weights(problem: Problem, build: Build, dtype: Dtype) -> Check:
    """Compare the weights right after `build` with the drawn ones: they must be identical."""
    given = draws.as_dtype(problem.weights, dtype)
    found = build(problem, problem.training, problem.weights, dtype).weights()
    wrong = _shape_problem(found, given) or _dtype_problem(found, dtype)
    error = (
        float("inf")
        if wrong
        else float(np.max(np.abs(oracle.flatten_float64(found) - oracle.flatten_float64(given))))
    )
    return Check(
        gate="initial weights",
        quantity="largest difference",
        dtype=dtype,
        error=error,
        limit=0.0,
        detail=wrong,
    )


def _shape_problem(found: Weights, given: Weights) -> str:
    strange = sorted({type(layer).__name__ for layer in found if not isinstance(layer, Mapping)})
    if strange:
        return f"weights() gives {', '.join(strange)} instead of samenet.adapter.Layer"
    shapes = [
        [{name: array.shape for name, array in layer.items()} for layer in weights]
        for weights in (found, given)
    ]
    return "" if shapes[0] == shapes[1] else f"shapes {shapes[0]} instead of {shapes[1]}"


def _dtype_problem(found: Weights, dtype: Dtype) -> str:
    kinds = {str(part.dtype) for layer in found for part in layer.values()}
    return "" if kinds == {dtype} else f"weights are {', '.join(sorted(kinds))}, not {dtype}"


def check_gradients(
    problem: Problem,
    build: Build,
    dtype: Dtype,
    places: dict[int, Weights],
    offered: Capabilities | None = None,
) -> Check:
    """Compare the gradient of the first batch at several points of the trajectory."""
    errors = {
        step: _gradient_error(problem, build, dtype, at, offered) for step, at in places.items()
    }
    worst = max(errors, key=lambda step: nan_as_infinite(errors[step]))
    return Check(
        gate="gate 1",
        quantity="gradient",
        dtype=dtype,
        error=errors[worst],
        limit=certificate_limits.gradient_limit(problem.network, dtype),
        detail=f"worst at step {worst} of {sorted(errors)}",
    )


def nan_as_infinite(error: float) -> float:
    """Return the error; one that is not a number counts as infinite."""
    return float("inf") if math.isnan(error) else error


def _gradient_error(
    problem: Problem, build: Build, dtype: Dtype, at: Weights, offered: Capabilities | None
) -> float:
    """Return the error of a gradient, relative to its magnitude without cancellation."""
    point = draws.as_dtype(draws.as_dtype(at, "float32"), "float64")
    call = problem.whole[0].first(1)
    found = read_gradient(problem, build, dtype, point, call, offered)
    forms = offered.forms if offered else SPEC
    batch = problem.steps([call])[0]
    loss = problem.training.loss
    setting = Setting(forms=forms)
    exact = oracle.gradient_alone(problem.network, loss, point, batch, setting).gradient
    scale = float(np.linalg.norm(oracle.magnitude(problem.network, loss, point, batch)))
    wrong = (found - oracle.flatten(exact))[oracle.trained(problem.network)]
    return float(np.linalg.norm(wrong)) / max(scale, 1e-300)


def plain_rule(offered: Capabilities | None, rate: float, epsilon: float) -> Optimizer:
    """Return a rule whose step is `rate` times the gradient: SGD, or Adam where there is no SGD."""
    if offered is None or "sgd" in offered.optimizers or "adam" not in offered.optimizers:
        return SGD(learning_rate=rate)
    return Adam(learning_rate=rate * epsilon, beta1=0.0, beta2=0.0, epsilon=epsilon)


def read_gradient(
    problem: Problem,
    build: Build,
    dtype: Dtype,
    at: Weights,
    call: Batches,
    offered: Capabilities | None = None,
) -> NDArray[np.float64]:
    """Return the gradient by all weights, read through the six methods.

    It is the change of one step of plain descent whose rate is an exact, huge power of two.
    """
    rule = plain_rule(offered, PROBE_RATE[dtype], PROBE_EPSILON[dtype])
    probe = {"optimizer": rule, "schedule": Schedule()}
    program = build(problem, problem.training.model_copy(update=probe), at, dtype)
    before = oracle.flatten_float64(program.weights())
    program.train(call)
    program.sync()
    return (before - oracle.flatten_float64(program.weights())) / PROBE_RATE[dtype]

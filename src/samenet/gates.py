"""Gates 1 to 3: initial weights, gradients, and whole trainings along the oracle's.

    initial weights   what `weights()` returns right after `build` equals the drawn numbers exactly
    gate 1            the gradient at points of the oracle's trajectory, in float32 and float64
    gate 2            ten epochs in float64 along the oracle's trajectory
    gate 3            the same in float32, on problems that are fit for it (samenet.parity)

Gate 0 (functions) is in samenet.gate_0, gate 4 (the timed program) in samenet.gate_4, the limits
are in samenet.rounding.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from samenet import draws, oracle, rounding
from samenet.adapter import Array, Batches, Capabilities, Dtype, Program, Weights
from samenet.certificate import Build, Check, Problem, ends_of, trained
from samenet.rounding import Law
from samenet.training import SGD, Schedule

PROBE_RATE: dict[Dtype, float] = {"float32": 2.0**24, "float64": 2.0**40}
"""An exact power of two, so large that the gradient is read from one SGD step without cancellation
(a rate of 1 loses the digits by which gradient and weight differ)."""

TRAJECTORY_GATE: dict[Dtype, str] = {"float64": "gate 2", "float32": "gate 3"}


def of_task(problem: Problem, build: Build, capabilities: Capabilities) -> list[Check]:
    """Return the checks of a task before anything is timed: gates 1 and 2."""
    checks = of_gradients(problem, build, capabilities, also_after=(10, 100))
    if "float64" in capabilities.dtypes:
        checks += of_training(problem, build, capabilities, "float64")
    return checks


def of_gradients(
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
        checks.append(initial_weights(problem, build, dtype))
        checks.append(gate_1(problem, build, dtype, places))
    return checks


def initial_weights(problem: Problem, build: Build, dtype: Dtype) -> Check:
    """Compare the weights right after `build` with the drawn ones: they must be identical."""
    given = draws.as_dtype(problem.weights, dtype)
    found = build(problem, problem.training, problem.weights, dtype).weights()
    wrong = _shape_problem(found, given) or _dtype_problem(found, dtype)
    error = (
        float("inf") if wrong else float(np.max(np.abs(oracle.exact(found) - oracle.exact(given))))
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
    shapes = [
        [(layer.kernel.shape, layer.bias.shape) for layer in weights] for weights in (found, given)
    ]
    return "" if shapes[0] == shapes[1] else f"shapes {shapes[0]} instead of {shapes[1]}"


def _dtype_problem(found: Weights, dtype: Dtype) -> str:
    kinds = {str(part.dtype) for layer in found for part in layer}
    return "" if kinds == {dtype} else f"weights are {', '.join(sorted(kinds))}, not {dtype}"


def gate_1(problem: Problem, build: Build, dtype: Dtype, places: dict[int, Weights]) -> Check:
    """Compare the gradient of the first batch at several points of the trajectory."""
    errors = {step: _gradient_error(problem, build, dtype, at) for step, at in places.items()}
    worst = max(errors, key=lambda step: nan_last(errors[step]))
    return Check(
        gate="gate 1",
        quantity="gradient",
        dtype=dtype,
        error=errors[worst],
        limit=rounding.gradient_limit(problem.network, dtype),
        detail=f"worst at step {worst} of {sorted(errors)}",
    )


def nan_last(error: float) -> float:
    """Return the error; one that is not a number counts as infinite."""
    return float("inf") if math.isnan(error) else error


def _gradient_error(problem: Problem, build: Build, dtype: Dtype, at: Weights) -> float:
    """Return the error of a gradient, relative to its magnitude without cancellation."""
    point = draws.as_dtype(draws.as_dtype(at, "float32"), "float64")
    call = problem.whole[0].first(1)
    found = read_gradient(problem, build, dtype, point, call)
    batch = problem.steps([call])[0]
    loss = problem.training.loss
    exact = oracle.flat(oracle.gradient(problem.network, loss, point, batch).gradient)
    scale = np.linalg.norm(oracle.flat(oracle.magnitude(problem.network, loss, point, batch)))
    return float(np.linalg.norm(found - exact) / max(float(scale), 1e-300))


def read_gradient(
    problem: Problem, build: Build, dtype: Dtype, at: Weights, call: Batches
) -> NDArray[np.float64]:
    """Return the gradient by all weights, read through the six methods.

    It is the change of one SGD step whose rate is an exact, huge power of two.
    """
    probe = {"optimizer": SGD(learning_rate=PROBE_RATE[dtype]), "schedule": Schedule()}
    program = build(problem, problem.training.model_copy(update=probe), at, dtype)
    before = oracle.exact(program.weights())
    program.train(call)
    program.sync()
    return (before - oracle.exact(program.weights())) / PROBE_RATE[dtype]


def of_training(
    problem: Problem, build: Build, capabilities: Capabilities, *dtypes: Dtype
) -> list[Check]:
    """Follow the oracle for ten epochs in each precision: gate 2 in float64, gate 3 in float32."""
    forms = capabilities.forms
    truth = problem.truth(forms, problem.whole, snapshots=ends_of(problem.whole))
    growth = rounding.growth(problem, forms, truth)
    checks: list[Check] = []
    for dtype in dtypes:
        law = rounding.law(problem, forms, truth, dtype, growth)
        program = build(problem, problem.training, problem.weights, dtype)
        checks += follow(problem, program, capabilities, truth, law)
    return checks


def follow(
    problem: Problem,
    program: Program,
    capabilities: Capabilities,
    truth: oracle.Trajectory,
    law: Law,
) -> list[Check]:
    """Train call by call; compare the weights after each, and the loss before every step."""
    losses, distances = [], {}
    for call, end in zip(problem.whole, ends_of(problem.whole), strict=True):
        losses.append(trained(program, call))
        distances[end] = oracle.distance(program.weights(), truth.snapshots[end])
    lengths = [len(call.order) for call in problem.whole]
    outputs = _outputs_check(problem, program, law.dtype)
    step = max(distances, key=lambda end: nan_last(distances[end]) / law.weights_limit(end))
    loss, limit = worst_loss(losses, truth.losses, law.loss_limits(), lengths)
    about = f"growth {law.growth:.1f}, {len(truth.losses)} steps"
    names = {"dtype": law.dtype, "gate": TRAJECTORY_GATE[law.dtype]}
    return [
        Check(
            **names,
            quantity="weights",
            error=distances[step],
            limit=law.weights_limit(step),
            detail=f"after {step} steps; {about}",
        ),
        Check(
            **names,
            quantity=f"loss per {capabilities.losses_per}",
            error=loss,
            limit=limit,
            detail=about,
        ),
        outputs,
    ]


def _outputs_check(problem: Problem, program: Program, dtype: Dtype) -> Check:
    """Compare what `predict` gives with the oracle's outputs of the program's own weights."""
    rows = np.arange(len(problem.source.inputs), dtype=np.int32)
    found = np.asarray(program.predict(rows), dtype=np.float64)
    inputs = problem.source.inputs.astype(np.float64)
    exact = oracle.outputs(problem.network, draws.as_dtype(program.weights(), "float64"), inputs)
    return Check(
        gate=TRAJECTORY_GATE[dtype],
        quantity="outputs",
        dtype=dtype,
        error=float(np.linalg.norm(found - exact) / np.linalg.norm(exact)),
        limit=rounding.function_limit(dtype),
        detail=f"predictions for {len(rows)} rows after the training",
    )


def worst_loss(
    found: Sequence[Array],
    exact: NDArray[np.float64],
    limits: NDArray[np.float64],
    lengths: Sequence[int],
) -> tuple[float, float]:
    """Return the loss error that is nearest its limit, and that limit.

    `found` has one array per call: a loss per step, or (1,), compared with the mean of the call.
    `exact` and `limits` hold every step of all calls. Missing losses are an infinite error.
    """
    pairs, start = [], 0
    for losses, count in zip(found, lengths, strict=True):
        truth, limit = exact[start : start + count], limits[start : start + count]
        if len(losses) == 1:
            truth, limit = truth.mean(keepdims=True), limit.max(keepdims=True)
        if len(losses) != len(truth):
            return float("inf"), float(limit.max())
        pairs += list(zip(np.abs(losses - truth), limit, strict=True))
        start += count
    error, limit = max(pairs, key=lambda pair: nan_last(float(pair[0])) / float(pair[1]))
    return float(error), float(limit)

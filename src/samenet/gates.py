"""Proof that a framework computes the same network: gates with limits derived from rounding.

    initial weights   what `weights()` returns right after `build` equals the drawn numbers exactly
    gate 1            the gradient at points of the oracle's trajectory, in float32 and float64
    gate 2            ten epochs in float64 along the oracle's trajectory
    gate 4            the timed program itself: first loss, first update, epoch losses

Limits are multiples of the unit roundoff u (2^-24 in float32, 2^-53 in float64); where the factors
come from is measured in the reference page on frameworks, section D. Gates 0 and 3 carry
functions and float32 trajectories; they come with the complete certificate.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from samenet import draws, oracle
from samenet.adapter import Array, Batches, Capabilities, Dtype, Program, Weights
from samenet.certificate import Build, Check, Problem
from samenet.spec import SGD

ROUNDOFF: dict[Dtype, float] = {"float32": 2.0**-24, "float64": 2.0**-53}
PROBE_RATE: dict[Dtype, float] = {"float32": 2.0**24, "float64": 2.0**40}
"""An exact power of two, so large that the gradient is read from one SGD step without cancellation
(a rate of 1 loses the digits by which gradient and weight differ)."""

GRADIENT_ROUNDINGS = 16
"""Gate 1: u times this; a gradient of these networks takes a few roundings per layer."""

TRAJECTORY_ERROR = 1e-12
LOSS_ERROR = 1e-11
"""Gate 2: five hundred times what the best and worst framework were measured at (2e-15, 3e-14)."""

FIRST_LOSS_ERROR = 1e-5
FIRST_UPDATE_ERROR = 1e-4
TOLD_APART = 2.0**-14
"""A gradient below this share of its terms has ten of float32's 24 binary digits left: left out."""
FIRST_CALL_ERROR = 0.002
"""Gate 4: half of what one batch too few does to the longest call (256 steps); measured 3e-6."""
FIRST_CALL_DISTURBANCE = 2.0**-20
FIRST_CALL_ALLOWANCE = 10
"""Where a ReLU crosses its kink within rounding, float32 alone moves the first call further. How
far is computed: ten times what a disturbance of 16 float32 roundings does to the oracle itself."""
EPOCH_LOSS_ERROR = 0.01
"""Gate 4: float32 with kinks; one sign flip of a ReLU moves a later loss by up to 1e-2."""


def before_timing(problem: Problem, build: Build, capabilities: Capabilities) -> list[Check]:
    """Return the checks that run once per adapter, versions, task and machine: gates 1 and 2."""
    last = sum(len(call.order) for call in problem.calls)
    points = sorted({10, 100, last} & set(range(1, last + 1)))
    truth = problem.truth(capabilities, points)
    places = {0: problem.weights, **truth.snapshots}
    checks: list[Check] = []
    for dtype in capabilities.dtypes:
        checks.append(initial_weights(problem, build, dtype))
        checks.append(gate_1(problem, build, dtype, places))
    if "float64" in capabilities.dtypes:
        checks += gate_2(problem, build, truth, capabilities)
    return checks


def initial_weights(problem: Problem, build: Build, dtype: Dtype) -> Check:
    """Compare the weights right after `build` with the drawn ones: they must be identical."""
    given = draws.as_dtype(problem.weights, dtype)
    found = build(problem, problem.training, problem.weights, dtype).weights()
    wrong = _shape_problem(found, given) or _dtype_problem(found, dtype)
    error = (
        float("inf") if wrong else float(np.max(np.abs(oracle.flat(found) - oracle.flat(given))))
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
    worst = max(errors, key=lambda step: _nan_last(errors[step]))
    return Check(
        gate="gate 1",
        quantity="gradient",
        dtype=dtype,
        error=errors[worst],
        limit=GRADIENT_ROUNDINGS * ROUNDOFF[dtype],
        detail=f"worst at step {worst} of {sorted(errors)}",
    )


def _nan_last(error: float) -> float:
    return float("inf") if math.isnan(error) else error


def _gradient_error(problem: Problem, build: Build, dtype: Dtype, at: Weights) -> float:
    """Read the gradient through the six methods: one SGD step of an exact, huge rate."""
    point = draws.as_dtype(draws.as_dtype(at, "float32"), "float64")
    probe = SGD(learning_rate=PROBE_RATE[dtype])
    training = problem.training.model_copy(update={"optimizer": probe})
    program = build(problem, training, point, dtype)
    before = oracle.flat(program.weights())
    order = problem.calls[0].order[:1]
    program.train(Batches(order=order))
    program.sync()
    found = (before - oracle.flat(program.weights())) / PROBE_RATE[dtype]
    inputs, targets = problem.rows(order)[0]
    exact = oracle.gradient(problem.network, training.loss, point, inputs, targets)
    scale = float(np.linalg.norm(oracle.flat(_magnitude(problem, point))))
    return float(np.linalg.norm(found - oracle.flat(exact.gradient))) / max(scale, 1e-300)


def _magnitude(problem: Problem, at: Weights) -> Weights:
    inputs, targets = problem.rows(problem.calls[0].order[:1])[0]
    return oracle.magnitude(problem.network, problem.training.loss, at, inputs, targets)


def gate_2(
    problem: Problem, build: Build, truth: oracle.Trajectory, capabilities: Capabilities
) -> list[Check]:
    """Follow the oracle for ten epochs in float64; compare every loss and the final weights."""
    calls = problem.calls
    growth = oracle.growth(
        problem.network,
        problem.training,
        problem.weights,
        problem.rows(np.concatenate([call.order for call in calls])),
        truth.final,
    )
    program = build(problem, problem.training, problem.weights, "float64")
    losses = [_call_losses(program, call) for call in calls]
    loss_error = worst_loss_error(losses, truth.losses, [len(call.order) for call in calls])
    allowed = max(1.0, growth)
    steps = len(truth.losses)
    return [
        Check(
            gate="gate 2",
            quantity="weights",
            dtype="float64",
            error=oracle.distance(program.weights(), truth.final),
            limit=TRAJECTORY_ERROR * allowed,
            detail=f"after {steps} steps, growth {growth:.1f}, {capabilities.adam_form} form",
        ),
        Check(
            gate="gate 2",
            quantity=f"loss per {capabilities.losses_per}",
            dtype="float64",
            error=loss_error,
            limit=LOSS_ERROR * allowed,
            detail=f"worst of {steps} steps",
        ),
    ]


def _call_losses(program: Program, call: Batches) -> Array:
    program.train(call)
    program.sync()
    return np.asarray(program.losses(), dtype=np.float64)


def worst_loss_error(
    found: Sequence[Array], exact: NDArray[np.float64], steps: Sequence[int]
) -> float:
    """Return the worst relative loss error; a call that reports one mean is compared with the mean.

    `found` has one array per call, (steps,) or (1,); `exact` holds every step of all calls.
    """
    errors, start = [], 0
    for losses, count in zip(found, steps, strict=True):
        part = exact[start : start + count]
        truth = part if len(losses) == count else part.mean(keepdims=True)
        if len(losses) != len(truth):
            return float("inf")
        errors.append(float(np.max(np.abs(losses - truth) / np.maximum(np.abs(truth), 1e-300))))
        start += count
    return max(errors, key=_nan_last)


def after_timing(
    problem: Problem,
    build: Build,
    capabilities: Capabilities,
    timed_losses: Sequence[Array],
    dtype: Dtype,
    *,
    timed_weights: Weights | None = None,
) -> list[Check]:
    """Return gate 4: `timed_losses` are those of the timed program's own first calls.

    `timed_weights` are its weights after the first of them: a batch left out in the timed
    precision alone can hide in the losses, not in the weights.
    """
    calls = problem.calls[: len(timed_losses)]
    steps = [len(call.order) for call in calls]
    truth = problem.truth(capabilities, [1, steps[0]])
    first_loss, first_update = _first_step(problem, build, dtype, truth)
    found = [
        ("first loss", first_loss, FIRST_LOSS_ERROR),
        ("first update", first_update, FIRST_UPDATE_ERROR),
        ("epoch loss", _epoch_loss_error(timed_losses, truth.losses, steps), EPOCH_LOSS_ERROR),
    ]
    if timed_weights is not None:
        moved = _update_error(timed_weights, truth.snapshots[steps[0]], problem.weights)
        limit = _first_call_limit(problem, capabilities, truth.snapshots[steps[0]])
        found.insert(2, ("first call", moved, limit))
    return [
        Check(gate="gate 4", quantity=quantity, dtype=dtype, error=error, limit=limit)
        for quantity, error, limit in found
    ]


def _first_call_limit(problem: Problem, capabilities: Capabilities, truth: Weights) -> float:
    """Return how far rounding may move the weights of the first call, relative to their way."""
    batches = problem.rows(problem.calls[0].order)
    moves = []
    for pattern in range(3):
        start = oracle.disturbed(problem.weights, FIRST_CALL_DISTURBANCE, pattern)
        moved = oracle.trajectory(
            *(problem.network, problem.training, start, batches), adam_form=capabilities.adam_form
        )
        moves.append(_update_error(moved.final, truth, problem.weights))
    return max(FIRST_CALL_ERROR, FIRST_CALL_ALLOWANCE * max(moves))


def _epoch_loss_error(
    found: Sequence[Array], exact: NDArray[np.float64], steps: Sequence[int]
) -> float:
    """Return the worst error of a call's mean loss; losses that are missing are an error."""
    if any(len(losses) not in {count, 1} for losses, count in zip(found, steps, strict=True)):
        return float("inf")
    means = [float(np.mean(losses)) for losses in found]
    truth = _call_means(exact, steps)
    return max(
        (abs(m - e) / (1 + abs(e)) for m, e in zip(means, truth, strict=True)), key=_nan_last
    )


def _call_means(losses: NDArray[np.float64], steps: Sequence[int]) -> list[float]:
    ends = np.cumsum(steps)
    return [float(losses[end - count : end].mean()) for end, count in zip(ends, steps, strict=True)]


def _first_step(
    problem: Problem, build: Build, dtype: Dtype, truth: oracle.Trajectory
) -> tuple[float, float]:
    program = build(problem, problem.training, problem.weights, dtype)
    loss = _call_losses(program, Batches(order=problem.calls[0].order[:1]))
    loss_error = abs(float(loss[0]) - truth.losses[0]) / max(abs(truth.losses[0]), 1e-300)
    told = _told(problem)
    return loss_error, _update_error(program.weights(), truth.snapshots[1], problem.weights, told)


def _told(problem: Problem) -> NDArray[np.bool_]:
    """Return which weights have a gradient that rounding cannot turn round.

    Adam's first update is a sign times the rate: a gradient that cancels to almost nothing gives
    either sign, and is left out of the comparison.
    """
    inputs, targets = problem.rows(problem.calls[0].order[:1])[0]
    found = oracle.gradient(
        problem.network, problem.training.loss, problem.weights, inputs, targets
    )
    scale = oracle.flat(_magnitude(problem, problem.weights))
    return np.abs(oracle.flat(found.gradient)) >= TOLD_APART * scale


def _update_error(
    found: Weights, truth: Weights, start: Weights, told: NDArray[np.bool_] | None = None
) -> float:
    """Return the relative error of the way from the initial weights to `truth`."""
    chosen = slice(None) if told is None else told
    exact = (oracle.flat(truth) - oracle.flat(start))[chosen]
    wrong = (oracle.flat(found) - oracle.flat(truth))[chosen]
    return float(np.linalg.norm(wrong) / max(float(np.linalg.norm(exact)), 1e-300))

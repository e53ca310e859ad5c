"""Gates 1 to 3: initial weights, gradients, and whole trainings along the oracle's.

    initial weights   what `weights()` returns right after `build` equals the drawn numbers exactly
    gate 1            the gradient at points of the oracle's trajectory, in float32 and float64
    gate 2            ten epochs in float64 along the oracle's trajectory
    gate 3            the same in float32, on problems that are fit for it (cases)

Gate 0 (functions) is in gate_functions, gate 4 (the timed program) in gate_timed, the limits are in
limits, all of this package.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from samenet.adapter import draws
from samenet.adapter.api import Capabilities, Precision, Program
from samenet.adapter.arrays import Array, Dtype
from samenet.certificate import deviations
from samenet.certificate import limits as certificate_limits
from samenet.certificate.gate_gradients import check_weights_and_gradients, nan_as_infinite
from samenet.certificate.limits import RoundingLaw
from samenet.certificate.oracle import network as oracle
from samenet.certificate.problem import Build, Check, Problem, ends_of, train_call

ROWS = 4_097
"""So many are predicted of other than dense layers, whose outputs cost the oracle seconds."""

TRAJECTORY_GATE: dict[Dtype, str] = {"float64": "gate 2", "float32": "gate 3"}


def check_task(problem: Problem, build: Build, capabilities: Capabilities) -> list[Check]:
    """Return the checks of a task before anything is timed: gates 1 and 2."""
    checks = check_weights_and_gradients(problem, build, capabilities, also_after=(10, 100))
    if "float64" in capabilities.dtypes:
        checks += check_training(problem, build, capabilities, "float64")
    return checks + deviations.sizes(problem, capabilities)


def check_training(
    problem: Problem, build: Build, capabilities: Capabilities, *dtypes: Dtype
) -> list[Check]:
    """Follow the oracle for ten epochs in each precision: gate 2 in float64, gate 3 in float32."""
    forms = capabilities.forms
    truth = problem.truth(forms, problem.whole, snapshots=ends_of(problem.whole))
    growth = certificate_limits.measure_growth(problem, forms, truth)
    checks: list[Check] = []
    for dtype in dtypes:
        law = certificate_limits.rounding_law(problem, forms, truth, dtype, growth)
        program = build(problem, problem.training, problem.weights, dtype)
        checks += check_trajectory(problem, program, capabilities, truth, law)
    return checks


def check_trajectory(
    problem: Problem,
    program: Program,
    capabilities: Capabilities,
    truth: oracle.Trajectory,
    law: RoundingLaw,
) -> list[Check]:
    """Train call by call; compare the weights after each, and the loss before every step."""
    losses, distances = [], {}
    trained = oracle.trained(problem.network)
    for call, end in zip(problem.whole, ends_of(problem.whole), strict=True):
        losses.append(train_call(program, call))
        distances[end] = oracle.distance(program.weights(), truth.snapshots[end], trained)
    lengths = [len(call.order) for call in problem.whole]
    outputs = check_outputs(problem, program, law.dtype, TRAJECTORY_GATE[law.dtype])
    kept = _state_checks(problem, program, truth, law)
    step = max(distances, key=lambda end: nan_as_infinite(distances[end] / law.weights_limit(end)))
    loss, limit = worst_loss(losses, truth.losses, law.loss_limits(), lengths)
    about = f"growth {law.growth:.1f}, {len(truth.losses)} steps"
    last = max(distances)
    hint = ""
    if law.dtype == "float64" and not distances[step] <= law.weights_limit(step):
        hint = deviations.explained(
            problem, capabilities, program.weights(), law.weights_limit(last)
        )
    names = {"dtype": law.dtype, "gate": TRAJECTORY_GATE[law.dtype]}
    return [
        Check(
            **names,
            quantity="weights",
            error=distances[step],
            limit=law.weights_limit(step),
            detail="; ".join(filter(None, [f"after {step} steps", about, hint])),
        ),
        Check(
            **names,
            quantity=f"loss per {capabilities.losses_per}",
            error=loss,
            limit=limit,
            detail=about,
        ),
        *kept,
        outputs,
    ]


def _state_checks(
    problem: Problem, program: Program, truth: oracle.Trajectory, law: RoundingLaw
) -> list[Check]:
    """Compare what batch norms keep: a wrong share of the new shows in no gradient and no loss."""
    if not problem.network.has_state:
        return []
    is_state = ~oracle.trained(problem.network)
    return [
        Check(
            gate=TRAJECTORY_GATE[law.dtype],
            quantity="kept statistics",
            dtype=law.dtype,
            error=oracle.distance(program.weights(), truth.final, is_state),
            limit=law.state_limit(max(truth.snapshots)),
            detail=f"mean and variance of {int(np.sum(is_state)) // 2} channels",
        )
    ]


def check_outputs(
    problem: Problem,
    program: Program,
    dtype: Dtype,
    gate: str,
    precision: Precision = "strict-float32",
) -> Check:
    """Compare what `predict` gives with the oracle's outputs of the program's own weights.

    Of other than dense layers some thousand rows are predicted, from the first to the last.
    """
    network = problem.network
    inputs = problem.rows()
    count = len(inputs) if network.is_dense else min(ROWS, len(inputs))
    rows = np.linspace(0, len(inputs) - 1, count).astype(np.int32)
    found = np.asarray(program.predict(rows), dtype=np.float64)
    held = draws.as_dtype(program.weights(), "float64")
    exact = oracle.outputs(network, held, inputs[rows])
    length = float(np.linalg.norm(exact))
    cancelled = oracle.outputs_magnitude(network, held, inputs[rows]) / length
    return Check(
        gate=gate,
        quantity="outputs",
        dtype=dtype,
        error=float(np.linalg.norm(found - exact)) / length,
        limit=certificate_limits.outputs_limit(network, dtype, cancelled, precision),
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
    if not np.isfinite(pairs).all():  # of which none would be the largest
        return float("inf"), float(limits.max())
    error, limit = max(pairs, key=lambda pair: nan_as_infinite(float(pair[0])) / float(pair[1]))
    return float(error), float(limit)

"""Gate 4: the timed program itself, looked at after the clock has stopped.

    first loss     of the very first step, before any update
    first update   what one step changed, relative to the change
    first call     what the whole first call changed: a batch left out hides in losses, not here
    epoch loss     the mean loss of every call of the first ten epochs

The timed program runs in float32 and may have kinks: a ReLU that crosses zero within rounding
changes every later number. How far that may go is computed: ten times what a disturbance of 16
roundings does to the oracle itself, or half of what one batch left out does, whichever is more.

With TF32 products the disturbed oracle rounds the matrices it multiplies as they do; roundings of
products are then counted in TF32's unit, all others in float32's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from samenet.adapter.api import Capabilities, Precision
from samenet.adapter.arrays import Array, Dtype, Weights
from samenet.certificate import limits as certificate_limits
from samenet.certificate.gate_gradients import nan_as_infinite
from samenet.certificate.oracle import network as oracle
from samenet.certificate.oracle.setting import Multiply
from samenet.certificate.problem import Build, Check, Problem, ends_of, train_call

DISTURBED_ROUNDINGS = 16
PATTERNS = 2
ALLOWANCE = 10
TOLD_APART = 2.0**-14
"""A gradient below this share of its terms has ten of float32's 24 binary digits left: left out."""


class TimedCalls(NamedTuple):
    """What the timed program gave: losses of each of its first calls, weights after the first."""

    losses: Sequence[Array]
    weights: Weights


def check_timed_program(
    problem: Problem,
    build: Build,
    capabilities: Capabilities,
    timed: TimedCalls,
    dtype: Dtype,
    precision: Precision = "strict-float32",
) -> list[Check]:
    """Return the four checks of a program that was timed on `problem.calls`."""
    calls = problem.calls[: len(timed.losses)]
    ends = ends_of(calls)
    truth = problem.truth(capabilities.forms, calls, snapshots=[1, ends[0]])
    allowed = _Allowed(problem, capabilities, truth, dtype, precision)
    loss, update = _first_step(problem, build, dtype, truth, allowed.told)
    trained = oracle.trained(problem.network)
    call = update_error(timed.weights, truth.snapshots[ends[0]], problem.weights, trained)
    means = _means(truth.losses, ends)
    epoch, limit = _epoch_loss(timed.losses, means, allowed.epoch_losses(), ends)
    found = [
        ("first loss", loss, allowed.first_loss()),
        ("first update", update, allowed.first_update()),
        ("first call", call, allowed.first_call()),
        ("epoch loss", epoch, limit),
    ]
    return [
        Check(gate="gate 4", quantity=quantity, dtype=dtype, error=error, limit=limit)
        for quantity, error, limit in found
    ]


class _Allowed:
    """The four limits, from the oracle's own trainings: disturbed, and with one batch left out."""

    def __init__(
        self,
        problem: Problem,
        capabilities: Capabilities,
        truth: oracle.Trajectory,
        dtype: Dtype,
        precision: Precision,
    ) -> None:
        self.problem, self.truth, self.unit = problem, truth, certificate_limits.ROUNDOFF[dtype]
        self.product = certificate_limits.product_roundoff(dtype, precision)
        self.chain = certificate_limits.LAYER_ROUNDINGS * (
            certificate_limits.depth_of(problem.network) + 1
        )
        self.gradient, self.scale = _first_gradient(problem)
        is_told = _told(self.gradient, self.scale, 2 * self.chain * self.product)
        self.is_trained = oracle.trained(problem.network)
        self.told = is_told & self.is_trained
        multiply = certificate_limits.tf32_product if precision == "tf32" else np.matmul
        count = len(truth.losses)
        self.ends = [end for end in ends_of(problem.calls) if end <= count]
        self.steps = problem.steps(problem.calls)[:count]
        self.forms = capabilities.forms
        size = DISTURBED_ROUNDINGS * self.unit
        self.moved = [
            self.trained(
                oracle.disturb(problem.weights, size, pattern), self.steps, multiply=multiply
            )
            for pattern in range(PATTERNS)
        ]

    def trained(
        self,
        start: Weights,
        steps: Sequence[oracle.Batch],
        *,
        multiply: Multiply = np.matmul,
    ) -> oracle.Trajectory:
        return oracle.trajectory(
            *(self.problem.network, self.problem.training, start, steps),
            forms=self.forms,
            snapshots=[self.ends[0] - 1, self.ends[0]],
            multiply=multiply,
        )

    def first_loss(self) -> float:
        roundings = max(certificate_limits.LOSS_ROUNDINGS * self.unit, self.chain * self.product)
        return roundings * (1 + abs(float(self.truth.losses[0])))

    def first_update(self) -> float:
        """Count roundings of the gradient where it cancels, and of the weights it is added to."""
        start, told = oracle.flatten_float64(self.problem.weights), self.told
        way = (oracle.flatten_float64(self.truth.snapshots[1]) - start)[told]
        cancelled = np.linalg.norm(self.scale[told]) / _norm(self.gradient[told])
        stored = np.linalg.norm(start[told]) / _norm(way)
        return self.chain * float(self.product * (1 + cancelled) + self.unit * stored)

    def first_call(self) -> float:
        """Weights: half of what the last batch of the call does, or what the disturbance does."""
        exact, start = self.truth.snapshots[self.ends[0]], self.problem.weights
        shaken = max(
            update_error(m.snapshots[self.ends[0]], exact, start, self.is_trained)
            for m in self.moved
        )
        return max(ALLOWANCE * shaken, self._last_batch() / 2, self.first_update())

    def _last_batch(self) -> float:
        """Return the share of the first call's way that its last batch has."""
        if self.ends[0] == 1:
            return 0.0
        exact = self.truth.snapshots[self.ends[0]]
        before = self.trained(self.problem.weights, self.steps[: self.ends[0] - 1]).final
        return update_error(before, exact, self.problem.weights, self.is_trained)

    def epoch_losses(self) -> NDArray[np.float64]:
        """Return the limit of each call's mean loss."""
        means = _means(self.truth.losses, self.ends)
        shaken = [np.abs(_means(m.losses, self.ends) - means) for m in self.moved]
        rounded = certificate_limits.LOSS_ROUNDINGS * self.unit * (1 + np.abs(means))
        return np.max([ALLOWANCE * np.max(shaken, axis=0), self._left_out() / 2, rounded], axis=0)

    def _left_out(self) -> NDArray[np.float64]:
        """Return by how much each call's mean loss moves if the first call lacks its last batch."""
        first, means = self.ends[0], _means(self.truth.losses, self.ends)
        if first == 1:
            return np.zeros_like(means)
        rest = self.trained(self.problem.weights, [*self.steps[: first - 1], *self.steps[first:]])
        shorter = _means(rest.losses, [end - 1 for end in self.ends])
        return np.maximum.accumulate(np.abs(shorter - means))


def _means(losses: NDArray[np.float64], ends: Sequence[int]) -> NDArray[np.float64]:
    """Return the mean loss of each call, whose last steps are `ends`."""
    return np.array([part.mean() for part in np.split(losses, ends)[: len(ends)]])


def _epoch_loss(
    found: Sequence[Array],
    means: NDArray[np.float64],
    limits: NDArray[np.float64],
    ends: Sequence[int],
) -> tuple[float, float]:
    """Return the error of the mean loss that is nearest its limit; missing losses are an error."""
    lengths = np.diff([0, *ends])
    if any(len(losses) not in {count, 1} for losses, count in zip(found, lengths, strict=True)):
        return float("inf"), float(limits.max())
    errors = [
        nan_as_infinite(float(abs(np.mean(f) - m))) for f, m in zip(found, means, strict=True)
    ]
    worst = int(np.argmax(errors / limits))
    return errors[worst], float(limits[worst])


def _first_step(
    problem: Problem,
    build: Build,
    dtype: Dtype,
    truth: oracle.Trajectory,
    told: NDArray[np.bool_],
) -> tuple[float, float]:
    program = build(problem, problem.training, problem.weights, dtype)
    loss = train_call(program, problem.calls[0].first(1))
    found = program.weights()
    error = nan_as_infinite(abs(float(loss[0]) - float(truth.losses[0])))
    return error, update_error(found, truth.snapshots[1], problem.weights, told)


def _first_gradient(problem: Problem) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the gradient of the first batch and its magnitude without cancellation."""
    batch = problem.steps([problem.calls[0].first(1)])[0]
    arguments = (problem.network, problem.training.loss, problem.weights, batch)
    found = oracle.gradient(*arguments).gradient
    return oracle.flatten_float64(found), oracle.magnitude(*arguments)


def _told(gradient: Array, scale: Array, share: float) -> NDArray[np.bool_]:
    """Return which weights have a gradient that rounding, `share` of its terms, cannot turn round.

    Adam's first update is a sign times the rate: a gradient that cancels to almost nothing gives
    either sign, and is left out of the comparison.
    """
    return np.abs(gradient) >= max(TOLD_APART, share) * scale


def update_error(
    found: Weights, truth: Weights, start: Weights, chosen: NDArray[np.bool_]
) -> float:
    """Return the relative error of the way of the chosen weights from the initial to `truth`."""
    way = (oracle.flatten_float64(truth) - oracle.flatten_float64(start))[chosen]
    wrong = (oracle.flatten_float64(found) - oracle.flatten_float64(truth))[chosen]
    return float(np.linalg.norm(wrong)) / _norm(way)


def _norm(vector: Array) -> float:
    return max(float(np.linalg.norm(vector)), 1e-300)

"""Gate 4 to the end: the timed program after thousands of steps, and all that it was timed on.

What is asked of every timed process, once the clock has stopped:

    last loss        the first loss of a call on an order never used before, which has rows never
                     trained on: the oracle's at the weights read just before
    last call        where that call ends: along the oracle from those weights; where the optimiser
                     remembers earlier gradients, that it ends elsewhere at all, as long as its
                     schedule has a rate that moves a weight
    machine's limit  how many times faster its steps are than this machine multiplies matrices

and of one process per result, the first one, because it takes about as long as the timing itself:

    replayed         a second program does all calls of the first again: it ends at the same weights
    losses between   the losses that the timed program had between two stretches of the timing
    farthest call    the second program beside the oracle, call by call: see follower
    usual call       the middle of the same: a small error in every call adds up to no large one
    outputs          what the timed program predicts, of more rows than any task here scores at once
    last call, to its end   the last call once more, with what the oracle's optimiser remembers of
                     all calls before; where it was beside all of them

"Checked" asks for them by these names, but for the last one.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from samenet.adapter import draws
from samenet.adapter.api import Capabilities, Precision, Program
from samenet.adapter.arrays import Array, Batches, Dtype, Weights
from samenet.certificate import limits
from samenet.certificate.follower import (
    ALLOWANCE,
    DISTURBED_ROUNDINGS,
    Follower,
    allowed,
    usual,
)
from samenet.certificate.gate_gradients import nan_as_infinite
from samenet.certificate.oracle import network as oracle
from samenet.certificate.oracle.functions import loss_per_row
from samenet.certificate.problem import Build, Check, Problem, train_call
from samenet.spec.training import SGD

GATE = "gate 4"
STEPS_MIN, STEPS_MAX = 2_048, 32_768
"""So many steps are followed at least, however few were timed, and never fewer than a training has;
of a large network fewer, see WORK_MIN. And at most: of a tiny network, a hundred thousand steps may
be timed in a second, which the oracle would need a minute for."""

WORK_MIN, WORK_MAX = 2**30, 2**33
"""Weights times rows times steps: what is followed beyond the timing, and at most."""

ROWS = 4_097
"""One more than the largest batch whose predictions are timed."""

FASTER_THAN_PRODUCTS = 2.0
"""Clocks and neighbours change between two measurements by less; a step that is skipped is faster
than the machine by far more. Typed, as the share of `sync` is: it is about time."""

CLIPPED = -math.log(2.0**-20)
"""A row's loss above this is lost in a probability that has been rounded and clipped."""

PROBABILITY_ROUNDINGS = 4
"""Of a probability near 1: the exponential, the sum and the quotient, and storing it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LastCall:
    """One call after the clock: the weights on both sides of it, and what it reported."""

    call: Batches
    before: Weights
    after: Weights
    losses: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was kept of a timed program."""

    calls: int
    """How many of the stream it had done when the clock stopped."""
    last: LastCall
    losses: Mapping[int, Array] = field(default_factory=dict)
    """Of some of these calls, by their place in the stream."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """What a program was timed on."""

    problem: Problem
    build: Build
    capabilities: Capabilities
    dtype: Dtype
    precision: Precision = "strict-float32"

    def check(self, quantity: str, error: float, limit: float, detail: str = "") -> Check:
        """Return a check of gate 4."""
        return Check(
            gate=GATE,
            quantity=quantity,
            dtype=self.dtype,
            error=nan_as_infinite(error),
            limit=limit,
            detail=detail,
        )


def last_call(
    problem: Problem, program: Program, calls: int, capabilities: Capabilities
) -> LastCall:
    """Let a program that has done so many calls of the stream do one that is in no stream."""
    call = problem.unseen_call(calls * problem.shape.steps)
    if capabilities.losses_per == "call":
        call = call.first(1)  # else its first loss could not be told from the others
    before = program.weights()
    losses = train_call(program, call)
    return LastCall(call=call, before=before, after=program.weights(), losses=losses)


def of_every_process(timing: Timing, last: LastCall) -> list[Check]:
    """Return the checks of the last call that need nothing but the call itself."""
    ended = moved if _remembers(timing.problem) else _last_call
    return [_last_loss(timing, last), ended(timing, last)]


def _remembers(problem: Problem) -> bool:
    """Return whether a step depends on the gradients of earlier ones."""
    rule = problem.training.optimizer
    return not (isinstance(rule, SGD) and rule.momentum == 0)


def _last_loss(timing: Timing, last: LastCall) -> Check:
    problem = timing.problem
    batch = problem.steps([last.call.first(1)])[0]
    weights = draws.as_dtype(last.before, "float64")
    passed = oracle.forward(problem.network, weights, batch.inputs, batch.masks)
    rows = loss_per_row(problem.training.loss, passed.sums[-1], batch.targets)
    exact = float(np.mean(rows))
    return timing.check(
        "last loss",
        abs(float(last.losses[0]) - exact),
        _loss_limit(timing, weights, batch, exact)
        + _probability_rounding(rows, timing.dtype)
        * (timing.capabilities.losses_from == "probabilities"),
        f"of a call that starts after {last.call.first_step} steps, on rows of its own",
    )


def _loss_limit(timing: Timing, weights: Weights, batch: oracle.Batch, exact: float) -> float:
    """Return what rounding makes of a loss: a chain of layers, or what a disturbance does to it."""
    unit = limits.ROUNDOFF[timing.dtype]
    size = DISTURBED_ROUNDINGS * limits.product_roundoff(timing.dtype, timing.precision)
    moved = oracle.disturb(weights, size)
    loss = oracle.gradient(timing.problem.network, timing.problem.training.loss, moved, batch).loss
    chain = limits.LOSS_ROUNDINGS * unit * (1 + abs(exact))
    return max(chain, ALLOWANCE * abs(loss - exact))


def _probability_rounding(rows: NDArray[np.float64], dtype: Dtype) -> float:
    """Return what a mean loss loses where it is taken from rounded and clipped probabilities.

    Of a row that is far wrong the other side's probability is near 1, rounded by u; what is left
    of it, e^-loss, is off by as much, and its logarithm by u e^loss. Beyond CLIPPED nothing is.
    """
    unit = PROBABILITY_ROUNDINGS * limits.ROUNDOFF[dtype]
    rounded = unit * np.exp(np.minimum(rows, CLIPPED))
    return float(np.mean(rounded + np.maximum(rows - CLIPPED, 0.0)))


def _last_call(
    timing: Timing, last: LastCall, follower: Follower | None = None, name: str = "last call"
) -> Check:
    """Compare where the last call ended with the oracle, whose optimiser is that of `follower`."""
    fresh = Follower(
        problem=timing.problem,
        capabilities=timing.capabilities,
        dtype=timing.dtype,
        precision=timing.precision,
    )
    beside = follower.apart() if follower else fresh
    found = beside.follow(last.call, last.before, last.after)
    steps = len(last.call.order)
    detail = f"relative to how far the oracle goes in {steps} steps from the weights read before"
    return timing.check(name, found.error, allowed(beside.calls)[-1], detail)


def moved(timing: Timing, last: LastCall) -> Check:
    """Check that the last call ended elsewhere, where no more can be asked for.

    An optimiser that remembers earlier gradients takes a way that the last call alone does not
    decide. Where there is nothing to go, the program may stand: see `_may_stand`.
    """
    trained = oracle.trained(timing.problem.network)  # kept statistics move by themselves
    gone = oracle.flatten_float64(last.after) - oracle.flatten_float64(last.before)
    way = float(np.linalg.norm(gone[trained]))
    still = float(way == 0.0 and not _may_stand(timing, last))
    error = still if math.isfinite(way) else math.inf
    return timing.check("last call", error, 0.0, f"the weights moved by {way:.1e}")


def _may_stand(timing: Timing, last: LastCall) -> bool:
    """Return whether a right program may end the last call where it began.

    Its schedule may have ended at a rate of 0, or at one that moves no weight of this precision;
    and a gradient that rounding cannot tell from nothing may move nothing. How far the rate reaches
    is the oracle's to say, whose optimiser starts anew here, so the limit leaves room for that.
    """
    problem = timing.problem
    beside = Follower(
        problem=problem,
        capabilities=timing.capabilities,
        dtype=timing.dtype,
        precision=timing.precision,
    )
    start = oracle.flatten_float64(last.before)[beside.trained]
    reach = np.abs(beside.end_of(last.call, last.before)[beside.trained] - start)
    if np.all(reach <= ALLOWANCE * limits.ROUNDOFF[timing.dtype] * np.abs(start)):
        return True
    batch = problem.steps([last.call.first(1)])[0]
    weights = draws.as_dtype(last.before, "float64")
    arguments = (problem.network, problem.training.loss, weights, batch)
    gradient = float(np.linalg.norm(oracle.flatten(oracle.gradient_alone(*arguments).gradient)))
    scale = float(np.linalg.norm(oracle.magnitude(*arguments)))
    return gradient <= limits.gradient_limit(problem.network, timing.dtype) * scale


def machine_limit(timing: Timing, step_seconds: float, operations: float, rate: float) -> Check:
    """Check that a step takes no less than its products do at the rate of the machine's fastest."""
    fastest = operations / rate
    return timing.check(
        "machine's limit",
        fastest / max(step_seconds, 1e-12),
        FASTER_THAN_PRODUCTS,
        f"{operations:.3g} operations in {step_seconds:.2e} s a step; "
        f"the machine does {rate:.2e} a second",
    )


def of_first_process(timing: Timing, program: Program, seen: Seen) -> list[Check]:
    """Return the checks of the whole timed length, by a second program that does all of it again.

    The oracle goes beside the second program, so that nobody has to read the weights of the first
    while it is timed; that both did the same is shown by the weights they end at.
    """
    again = _Again(timing, seen)
    again.run()
    found = [
        again.replayed(),
        again.losses_between(),
        *again.calls_beside(),
        outputs(timing, program),
    ]
    if again.at_the_end is None or not again.alike:
        # what the second program's optimiser remembers is not what that of the first one does
        return found
    return [_last_call(timing, seen.last, again.at_the_end, "last call, to its end"), *found]


class _Again:
    """A second program that does the calls of a timed one, and some more."""

    def __init__(self, timing: Timing, seen: Seen) -> None:
        self.timing, self.seen = timing, seen
        self.follower = Follower(
            problem=timing.problem,
            capabilities=timing.capabilities,
            dtype=timing.dtype,
            precision=timing.precision,
        )
        self.at_the_end: Follower | None = None
        """As it was after the calls of the timed program; None if it did not get there."""
        self.weights: Weights = []
        self.losses: dict[int, Array] = {}

    def run(self) -> None:
        """Do every call once more; the oracle goes beside as many of them as it can."""
        problem, seen = self.timing.problem, self.seen
        program = self._built(problem.weights)
        followed = self._followed()
        before = program.weights()
        for place, call in enumerate(itertools.islice(problem.stream(), max(seen.calls, followed))):
            if place >= seen.calls and self.follower.is_lost:
                break
            program.train(call)
            program.sync()
            if place in seen.losses:
                self.losses[place] = np.asarray(program.losses(), dtype=np.float64)
            if place < followed and not self.follower.is_lost:
                after = program.weights()
                self.follower.follow(call, before, after)
                before = after
            if place == seen.calls - 1:
                self.weights = program.weights()
                beside = len(self.follower.calls) == seen.calls
                self.at_the_end = self.follower.apart() if beside else None

    def _built(self, weights: Weights) -> Program:
        timing = self.timing
        return timing.build(timing.problem, timing.problem.training, weights, timing.dtype)

    def _followed(self) -> int:
        """Return how many calls the oracle follows: all, and a training's worth, within reason."""
        problem = self.timing.problem
        shape, training = problem.shape, problem.training
        a_step = problem.network.work * training.batch_size
        wanted = max(STEPS_MIN, training.epochs * shape.steps_per_epoch)
        more = min(wanted, WORK_MIN // a_step)
        steps = min(max(more, self.seen.calls * shape.steps), WORK_MAX // a_step, STEPS_MAX)
        return max(1, math.ceil(steps / shape.steps))

    @property
    def alike(self) -> bool:
        """Return whether both programs ended where rounding in storing the weights may end."""
        return self._distance <= self._rounding

    @property
    def _distance(self) -> float:
        return nan_as_infinite(oracle.distance(self.seen.last.before, self.weights))

    @property
    def _rounding(self) -> float:
        steps = self.seen.calls * self.timing.problem.shape.steps
        return limits.STEP_ROUNDINGS * limits.ROUNDOFF[self.timing.dtype] * math.sqrt(steps)

    def replayed(self) -> Check:
        """Compare where both programs ended."""
        error, limit = self._distance, self._rounding
        if limit < error < math.inf:
            shaken, _ = self.disturbed
            limit = max(limit, ALLOWANCE * nan_as_infinite(oracle.distance(shaken, self.weights)))
        steps = self.seen.calls * self.timing.problem.shape.steps
        detail = f"{self.seen.calls} calls, {steps} steps, done again by a second program"
        return self.timing.check("replayed", error, limit, detail)

    @cached_property
    def disturbed(self) -> tuple[Weights, dict[int, Array]]:
        """Return where the same calls end from disturbed weights, and the losses on the way.

        Asked for where two programs do not end alike: on some devices sums are in no fixed order.
        """
        problem, timing = self.timing.problem, self.timing
        size = DISTURBED_ROUNDINGS * limits.product_roundoff(timing.dtype, timing.precision)
        program = self._built(oracle.disturb(problem.weights, size))
        losses = {}
        for place, call in enumerate(itertools.islice(problem.stream(), self.seen.calls)):
            program.train(call)
            if place in self.seen.losses:
                program.sync()
                losses[place] = np.asarray(program.losses(), dtype=np.float64)
        program.sync()
        return program.weights(), losses

    def losses_between(self) -> Check:
        """Compare the losses that were kept between two stretches of the timing."""
        unit = limits.LOSS_ROUNDINGS * limits.ROUNDOFF[self.timing.dtype]
        worst = (0.0, unit)
        for place, kept in self.seen.losses.items():
            again = self.losses[place]
            error = nan_as_infinite(_farthest(kept, again))
            limit = unit * (1 + float(np.max(np.abs(again))))
            if limit < error < math.inf:
                limit = max(
                    limit, ALLOWANCE * nan_as_infinite(_farthest(self.disturbed[1][place], again))
                )
            worst = max(worst, (error, limit), key=lambda pair: nan_as_infinite(pair[0] / pair[1]))
        detail = f"of {len(self.seen.losses)} calls, kept between the stretches that were timed"
        return self.timing.check("losses between", *worst, detail)

    def calls_beside(self) -> list[Check]:
        """Compare the second program's calls with the oracle's."""
        calls, steps = self.follower.calls, self.timing.problem.shape.steps
        own = allowed(calls)
        place = int(np.argmax([c.error / max(o, 1e-300) for c, o in zip(calls, own, strict=True)]))
        done = f"{len(calls)} calls, {len(calls) * steps} steps, beside the oracle"
        return [
            self.timing.check(
                "farthest call", calls[place].error, own[place], f"call {place + 1} of {done}"
            ),
            self.timing.check("usual call", *usual(calls), f"the middle of {done}"),
        ]


def _farthest(one: Array, other: Array) -> float:
    return float(np.max(np.abs(one - other))) if one.shape == other.shape else math.inf


def outputs(timing: Timing, program: Program) -> Check:
    """Compare what a program predicts with the oracle's outputs of its own weights."""
    problem, dtype = timing.problem, timing.dtype
    inputs, chosen = problem.rows(), np.arange(len(problem.source.inputs))
    if not problem.network.is_dense and len(inputs) > ROWS:  # whose outputs cost seconds
        chosen = np.linspace(0, len(inputs) - 1, ROWS).astype(int)
        inputs = inputs[chosen]
    rows = np.resize(np.arange(len(inputs), dtype=np.int32), max(ROWS, len(inputs)))
    held = program.weights()
    found = np.asarray(program.predict(chosen[rows].astype(np.int32)), dtype=np.float64)
    exact = oracle.outputs(problem.network, draws.as_dtype(held, "float64"), inputs)
    size = DISTURBED_ROUNDINGS * limits.product_roundoff(dtype, timing.precision)
    shaken = oracle.outputs(
        problem.network, oracle.disturb(draws.as_dtype(held, "float64"), size), inputs
    )
    length = max(float(np.linalg.norm(exact, axis=1).max()), 1e-300)
    wanted = exact[rows]
    same = found.shape == wanted.shape
    error = float(np.linalg.norm(found - wanted, axis=1).max()) / length if same else math.inf
    off = float(np.linalg.norm(shaken - exact, axis=1).max()) / length
    limit = max(limits.function_limit(dtype), ALLOWANCE * off)
    return timing.check("outputs", error, limit, f"the worst of {len(rows)} rows")

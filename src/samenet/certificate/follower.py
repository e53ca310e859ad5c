"""The oracle beside a program over thousands of steps, set on the program's weights at every call.

Two trainings in 32 bits drift apart, and after thousands of steps a comparison of their ends would
let anything pass. So the oracle keeps a memory of its own (the moments are means of gradients, and
forget), but starts every call where the program stood: what is left to compare is how far one call
goes, and the rounding in it. A single step that is left out, done twice or done with other rows
shows, however late it comes.

How far rounding may take a call is measured, too: in some calls the oracle does the same once more
in the program's precision, from weights that are off by 16 roundings.

That ends where rounding takes over. Trained on and on, a network has nothing left to learn: its
calls go less and less far, and what they go by is more and more the rounding of gradients that are
nearly nothing. Where rounding alone goes a tenth of the way, the limit, ten times as much, would
let a program pass that does nothing; and from there on an optimiser in 32 bits remembers another
past than one in 64. So nothing is followed beyond.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from samenet.adapter import draws
from samenet.adapter.api import Capabilities, Precision
from samenet.adapter.arrays import Array, Batches, Dtype, Weights
from samenet.certificate import limits
from samenet.certificate.gate_gradients import nan_as_infinite
from samenet.certificate.oracle import network as oracle
from samenet.certificate.oracle.optimizers import Updater
from samenet.certificate.oracle.setting import Multiply, Setting
from samenet.certificate.problem import Problem

DISTURBED_ROUNDINGS = 16
ALLOWANCE = 10
NEAR = 4
TINY = 1e-300
REALISED_EVERY = 4
"""In so many calls rounding is measured once, and in each of the first ones."""

REALISATIONS_MOST = 8
"""Where a program is off by more than rounding near by: a weighted sum that rounding carries across
a kink may turn a whole row round, in one realisation and not in the next. As the limit is ten times
what rounding does, such a sum may also be ten times as far from its kink: so many realisations
begin with weights that are off by that much, and theirs is the limit as it is."""

REALISED_WORK = 2**38
"""All of them together."""

SURPRISES_MOST = 60
HALF_WAY = 0.5


class Followed(NamedTuple):
    """One call of a program beside the oracle's; all relative to how far the oracle went."""

    error: float
    step: float
    """The shortest of its steps: half of it is the least that a step left out must differ by."""
    stored: float
    """What storing the weights rounds."""
    realised: float | None
    """The error of the oracle's own realisation, where there is one."""


@dataclass(kw_only=True)
class Follower:
    """The oracle's optimiser beside a program, from its first step on."""

    problem: Problem
    capabilities: Capabilities
    dtype: Dtype
    precision: Precision = "strict-float32"
    calls: list[Followed] = field(default_factory=list)
    surprises: int = 0

    def __post_init__(self) -> None:
        """Start with the initial weights and an optimiser that remembers nothing."""
        problem = self.problem
        self.updater = Updater(
            problem.network, problem.training, self.capabilities.forms, problem.weights
        )
        self.trained = oracle.trained(problem.network)

    def follow(self, call: Batches, before: Weights, after: Weights) -> Followed:
        """Do a call from the weights that the program had before it; keep and return the error."""
        realise = len(self.calls) % REALISED_EVERY == 0 or len(self.calls) < REALISED_EVERY
        found = self._compared(call, before, after, realise=realise)
        self.calls.append(found)
        return found

    @property
    def is_lost(self) -> bool:
        """Return whether rounding has taken over, so that following on would show nothing."""
        realised = [call.realised for call in self.calls if call.realised is not None][-NEAR:]
        return len(realised) == NEAR and ALLOWANCE * min(realised) >= 1

    def apart(self) -> Follower:
        """Return a follower that goes on from here by itself."""
        found = replace(self, calls=list(self.calls))
        found.updater = self.updater.in_precision("float64")
        return found

    def end_of(self, call: Batches, before: Weights) -> Array:
        """Return where the oracle ends a call, as one vector; it goes on from there."""
        start = draws.as_dtype(before, "float64")
        return self._done(self.updater, start, self.problem.steps([call]), call.first_step)[0]

    def _compared(
        self, call: Batches, before: Weights, after: Weights, *, realise: bool
    ) -> Followed:
        start = draws.as_dtype(before, "float64")
        batches = self.problem.steps([call])
        remembered = self.updater.in_precision("float64")
        end, step = self._done(self.updater, start, batches, call.first_step)
        first, last = oracle.flatten_float64(start)[self.trained], end[self.trained]
        way = max(float(np.linalg.norm(last - first)), TINY)
        unit, length = limits.ROUNDOFF[self.dtype], float(np.linalg.norm(first))
        wrong = oracle.flatten_float64(after)[self.trained] - last
        found = Followed(
            error=nan_as_infinite(float(np.linalg.norm(wrong)) / way),
            step=step / way,
            stored=limits.STEP_ROUNDINGS * unit * math.sqrt(len(batches)) * length / way,
            realised=None,
        )

        def realised(pattern: int, times: int = 1) -> float:
            updater = remembered.in_precision(self.dtype)
            size = times * DISTURBED_ROUNDINGS
            moved = self._realised(updater, start, batches, call.first_step, pattern, size)
            return float(np.linalg.norm(moved - (last - first))) / way

        if self._surprising(found):
            self.surprises += 1
            patterns = range(self._realisations(len(batches)))
            near = max(map(realised, patterns))
            far = max(realised(pattern, ALLOWANCE) for pattern in patterns)
            return found._replace(realised=max(near, far / ALLOWANCE))
        return found._replace(realised=realised(len(self.calls) % 2)) if realise else found

    def _realisations(self, steps: int) -> int:
        """Return how often rounding is realised anew: of much work only once or twice."""
        a_step = self.problem.network.work * self.problem.training.batch_size
        return max(2, min(REALISATIONS_MOST, REALISED_WORK // (a_step * steps)))

    def _surprising(self, found: Followed) -> bool:
        """Return whether rounding is measured again because of an error; not for ever."""
        limit = allowed([*self.calls[-NEAR:], found])[-1]
        return limit < found.error < math.inf and self.surprises < SURPRISES_MOST

    def _done(
        self,
        updater: Updater,
        start: Weights,
        batches: Sequence[oracle.Batch],
        first_step: int,
        multiply: Multiply = np.matmul,
    ) -> tuple[Array, float]:
        """Return the weights after the steps as one vector, and the length of the shortest step."""
        network, loss = self.problem.network, self.problem.training.loss
        setting = Setting(multiply=multiply, forms=self.capabilities.forms)
        updater.started(start)
        current, shortest = start, math.inf
        for step, batch in enumerate(batches, start=first_step + 1):
            before = updater.weights
            found = oracle.gradient_alone(network, loss, current, batch, setting)
            current = oracle.stepped(updater, found, current, step)
            moved = (updater.weights - before)[self.trained]
            shortest = min(shortest, float(np.linalg.norm(moved)))
        return updater.weights, shortest

    def _realised(
        self,
        updater: Updater,
        start: Weights,
        batches: Sequence[oracle.Batch],
        first_step: int,
        pattern: int,
        roundings: int,
    ) -> Array:
        """Return how far the steps go in the program's precision, from disturbed weights."""
        size = roundings * limits.ROUNDOFF[self.dtype]
        moved = draws.as_dtype(oracle.disturb(start, size, pattern), self.dtype)
        multiply = limits.tf32_product if self.precision == "tf32" else np.matmul
        end, _ = self._done(updater, moved, batches, first_step, multiply)
        return (end.astype(np.float64) - oracle.flatten_float64(moved))[self.trained]


def allowed(calls: Sequence[Followed]) -> list[float]:
    """Return the limit of every call: rounding as measured around it, or half a step of its own.

    Around it are the nearest calls in which it was measured, and the ones just before, by which it
    was decided whether to measure again. Where rounding hides a whole step, a step that is left out
    shows in no single call: there half of the way is the least that is refused.
    """
    known = [(place, c.realised) for place, c in enumerate(calls) if c.realised is not None]
    places, realised = np.array(known, dtype=np.float64).reshape(-1, 2).T
    found = []
    for place, call in enumerate(calls):
        middle = int(np.searchsorted(places, place))
        around = slice(max(0, middle - NEAR), middle + NEAR)
        order = np.argsort(np.abs(places[around] - place), kind="stable")[:NEAR]
        near = realised[around][order]
        just_before = [c.realised or 0.0 for c in calls[max(0, place - NEAR) : place + 1]]
        rounding = ALLOWANCE * max(float(near.max(initial=0.0)), *just_before)
        least = call.step / 2 if rounding < call.step else HALF_WAY
        found.append(max(rounding, least, call.stored))
    return found


def usual(calls: Sequence[Followed]) -> tuple[float, float]:
    """Return the middle error of all calls, and its limit: rounding, as measured in the middle.

    Calls in which the oracle goes no further than rounding goes, as at the end of a schedule, would
    allow anything: they are left out, unless there are no others.
    """
    moving = [c for c in calls if not c.stored >= 1]
    known = [c for c in moving if c.realised is not None]
    calls = moving if known else calls
    realised = float(np.median([c.realised for c in calls if c.realised is not None]))
    stored = float(np.median([c.stored for c in calls]))
    return float(np.median([c.error for c in calls])), max(ALLOWANCE * realised, stored)

"""Estimates, intervals and ranks from few repeats: one number per process, paired in a repeat.

The unit is the process, not the iteration (pooling iterations calls identical code different in up
to 39 % of cases, measured); repeats are paired because the machine drifts between them.

Whatever is compared, two arms of a run, two runs or two loops, becomes one `Estimate`. Its interval
is here, its tests are in stats.significance, and how many repeats it lacks in stats.stopping.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, median

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import bdtr, stdtrit

CONFIDENCE = 0.95
MARGIN = 0.05
"""Differences below 5 % are called too close to matter."""

LOG_MAX = math.log(sys.float_info.max)

VERDICT_REPEATS_MIN = 8
"""Below this, factors and intervals are a screening and no verdict is given."""


PerRepeat = Mapping[int, float]
"""One number per process: {repeat: seconds}."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """An estimate with its interval; `low` and `high` equal `value` if there is one repeat."""

    value: float
    low: float
    high: float
    n: int

    @property
    def known(self) -> bool:
        """Return whether there were enough repeats for an interval."""
        return self.n > 1

    @property
    def inverse(self) -> Interval:
        """Return the interval of the ratio the other way round; a 0 turns into infinity."""
        turned = [1 / end if end else math.inf for end in (self.value, self.high, self.low)]
        return Interval(value=turned[0], low=turned[1], high=turned[2], n=self.n)


def t_factor(n: float, confidence: float = CONFIDENCE) -> float:
    """Return the quantile of Student's t with n - 1 degrees of freedom."""
    return float(stdtrit(n - 1, 0.5 + confidence / 2))


Numbers = float | NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A mean as well as its repeats tell it: all that Student's t needs.

    As a rule it is the mean of logarithms of ratios, and 0 is "as fast as the other". `of_runs`
    fills it with arrays, one entry per simulated run or per pair of a table.
    """

    centre: Numbers

    spread: Numbers
    """The standard deviation of one repeat."""

    n: float
    """How many repeats there are. For the difference of two independent runs, which need not be
    whole: one more than Welch's degrees of freedom (samenet.stats.welch)."""

    @classmethod
    def of(cls, values: Sequence[float]) -> Estimate:
        """Return the mean of finite values; a single one has no spread that could be known."""
        centre, n = fmean(values), len(values)
        # statistics.stdev counts in fractions and takes ten times as long.
        squares = math.fsum((value - centre) ** 2 for value in values)
        return cls(centre=centre, spread=math.sqrt(squares / (n - 1)) if n > 1 else 0.0, n=n)

    @classmethod
    def of_runs(cls, values: ArrayLike) -> Estimate:
        """Return the means along the last axis, whose entries are the repeats: two at the least."""
        runs = np.asarray(values, dtype=np.float64)
        return cls(centre=runs.mean(axis=-1), spread=runs.std(axis=-1, ddof=1), n=runs.shape[-1])

    @classmethod
    def behind(cls, found: Interval) -> Estimate:
        """Return the estimate whose `ratio` was printed: an interval holds all there is to it."""
        half = (math.log(found.high) - math.log(found.low)) / 2
        spread = half * math.sqrt(found.n) / t_factor(found.n) if found.known else 0.0
        return cls(centre=math.log(found.value), spread=spread, n=found.n)

    def at(self, n: float) -> Estimate:
        """Return what so many repeats would probably give: the same mean and spread."""
        return replace(self, n=n)

    @property
    def freedom(self) -> float:
        """Return the degrees of freedom; 0 of a single repeat, which knows no interval."""
        return self.n - 1

    @property
    def error(self) -> Numbers:
        """Return the standard error of the mean."""
        return self.spread / math.sqrt(self.n)

    def half(self, confidence: float = CONFIDENCE) -> Numbers:
        """Return half the width of the t interval; 0 if there is one repeat and none is known."""
        if self.n < 2:
            return 0.0
        return t_factor(self.n, confidence) * self.spread / math.sqrt(self.n)

    def interval(self, confidence: float = CONFIDENCE) -> Interval:
        """Return the mean with its t interval."""
        centre, half = float(self.centre), float(self.half(confidence))
        return Interval(value=centre, low=centre - half, high=centre + half, n=round(self.n))

    def ratio(self, confidence: float = CONFIDENCE) -> Interval:
        """Return the mean of logarithms with its t interval, raised back."""
        logs = self.interval(confidence)
        value, low, high = map(_raised, (logs.value, logs.low, logs.high))
        return Interval(value=value, low=low, high=high, n=logs.n)


def geometric(values: Sequence[float], confidence: float = CONFIDENCE) -> Interval:
    """Return the geometric mean of positive values with the t interval of their logarithms."""
    return from_logs([math.log(value) for value in values], confidence)


def from_logs(logs: Sequence[float], confidence: float = CONFIDENCE) -> Interval:
    """Return the mean of logarithms with its t interval, raised back.

    With an infinite one among them there is no mean, and the median takes its place.
    """
    if not all(map(math.isfinite, logs)):
        return _median(logs, confidence)
    return Estimate.of(logs).ratio(confidence)


def _raised(log: float) -> float:
    """Return e to the power of `log`, infinite where the numbers end."""
    return math.exp(log) if log < LOG_MAX else math.inf


def _median(logs: Sequence[float], confidence: float) -> Interval:
    """Return the median between the order statistics that the sign test allows, raised back.

    It bears infinite values (Conover 1999, Practical Nonparametric Statistics, 3.2); fewer than 6
    repeats say nothing at 95 %: 0 to infinity.
    """
    values, n = sorted(logs), len(logs)
    one, other = values[(n - 1) // 2], values[n // 2]
    middle = 0.0 if one == -other else (one + other) / 2
    place = sum(2 * float(bdtr(k, n, 0.5)) <= 1 - confidence for k in range(n // 2))
    low, high = (values[place - 1], values[n - place]) if place else (-math.inf, math.inf)
    return Interval(value=_raised(middle), low=_raised(low), high=_raised(high), n=n)


def arithmetic(values: Sequence[float], confidence: float = CONFIDENCE) -> Interval:
    """Return the mean with its t interval, for scores."""
    return Estimate.of(values).interval(confidence)


def ratio(one: PerRepeat, other: PerRepeat, confidence: float = CONFIDENCE) -> Interval:
    """Return one / other from the repeats both have: the t interval of paired log-ratios."""
    logs = log_ratios(one, other)
    if not logs:
        raise ValueError("No repeat holds both.")
    return from_logs(logs, confidence)


def log_ratios(one: PerRepeat, other: PerRepeat) -> list[float]:
    """Return log(one / other) of every repeat both have, in order.

    An infinite time is slower than any other; two infinite ones are alike.
    """
    pairs = [(one[repeat], other[repeat]) for repeat in sorted(one.keys() & other.keys())]
    return [0.0 if a == b else math.log(a) - math.log(b) for a, b in pairs]


def ranks(
    times: Mapping[str, PerRepeat], is_slower: Callable[[str, str], bool] | None = None
) -> dict[str, int]:
    """Return the rank of each arm, 1 for the fastest; arms that cannot be told apart share one.

    Going from fast to slow, an arm opens a new rank when it is slower than the first arm of the
    present rank. `is_slower(one, other)` says what is slower; without it, for a screening, the
    paired interval alone does, however many arms there are (stats.ranking has the strict one).
    """
    told_apart = is_slower or (lambda one, other: slower(times[one], times[other]))
    order = sorted(times, key=lambda arm: size(list(times[arm].values())))
    found: dict[str, int] = {}
    leader = ""
    for place, arm in enumerate(order, start=1):
        if not leader or told_apart(arm, leader):
            leader, rank = arm, place
        found[arm] = rank
    return found


def size(seconds: Sequence[float]) -> tuple[float, float]:
    """Return what arms are ordered by: the mean of logs, and the median where that is infinite."""
    return fmean(map(math.log, seconds)), median(seconds)


def slower(one: PerRepeat, other: PerRepeat) -> bool:
    """Return whether the paired interval of one / other lies wholly above 1."""
    if not one.keys() & other.keys():
        return False
    found = ratio(one, other)
    return found.known and found.low > 1


def resolution(repeats: int, spread: float) -> float:
    """Return the smallest ratio - 1 that so many repeats resolve at this log spread of repeats."""
    if repeats < 2:
        return math.inf
    return Estimate(centre=0.0, spread=spread, n=repeats).ratio().high - 1

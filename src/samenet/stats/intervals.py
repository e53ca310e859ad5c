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

        def inverted(end: float) -> float:
            return 1 / end if end else math.inf

        return Interval(
            value=inverted(self.value), low=inverted(self.high), high=inverted(self.low), n=self.n
        )


def t_factor(n: float, confidence: float = CONFIDENCE) -> float:
    """Return the quantile of Student's t with n - 1 degrees of freedom."""
    return float(stdtrit(n - 1, 0.5 + confidence / 2))


FloatOrArray = float | NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A mean and how well its repeats determine it: all that Student's t needs.

    Usually it is the mean of logarithms of ratios, and 0 means "equally fast". `of_runs` fills it
    with arrays, one entry per simulated run or per pair of a table.
    """

    centre: FloatOrArray

    spread: FloatOrArray
    """The standard deviation of one repeat."""

    n: float
    """The number of repeats. For the difference of two independent runs it is one more than Welch's
    degrees of freedom (samenet.stats.welch) and need not be whole."""

    @classmethod
    def of(cls, values: Sequence[float]) -> Estimate:
        """Return the mean of finite values; a single value has no known spread, which is then 0."""
        centre, n = fmean(values), len(values)
        # statistics.stdev computes in fractions and takes ten times as long.
        squares = math.fsum((value - centre) ** 2 for value in values)
        return cls(centre=centre, spread=math.sqrt(squares / (n - 1)) if n > 1 else 0.0, n=n)

    @classmethod
    def of_runs(cls, values: ArrayLike) -> Estimate:
        """Return the means along the last axis, whose entries are the repeats: at least two."""
        runs = np.asarray(values, dtype=np.float64)
        return cls(centre=runs.mean(axis=-1), spread=runs.std(axis=-1, ddof=1), n=runs.shape[-1])

    @classmethod
    def from_ratio(cls, ratio: Interval) -> Estimate:
        """Return the estimate whose `ratio` this is: the interval holds all that is needed."""
        half_width = (math.log(ratio.high) - math.log(ratio.low)) / 2
        spread = half_width * math.sqrt(ratio.n) / t_factor(ratio.n) if ratio.known else 0.0
        return cls(centre=math.log(ratio.value), spread=spread, n=ratio.n)

    def at(self, n: float) -> Estimate:
        """Return what `n` repeats would probably give: the same mean and spread."""
        return replace(self, n=n)

    @property
    def degrees_of_freedom(self) -> float:
        """Return the degrees of freedom; 0 for a single repeat, which has no interval."""
        return self.n - 1

    @property
    def standard_error(self) -> FloatOrArray:
        """Return the standard error of the mean."""
        return self.spread / math.sqrt(self.n)

    def half_width(self, confidence: float = CONFIDENCE) -> FloatOrArray:
        """Return half the width of the t interval; 0 if there is one repeat and none is known."""
        if self.n < 2:
            return 0.0
        return t_factor(self.n, confidence) * self.spread / math.sqrt(self.n)

    def interval(self, confidence: float = CONFIDENCE) -> Interval:
        """Return the mean with its t interval."""
        centre, half_width = float(self.centre), float(self.half_width(confidence))
        return Interval(
            value=centre, low=centre - half_width, high=centre + half_width, n=round(self.n)
        )

    def ratio(self, confidence: float = CONFIDENCE) -> Interval:
        """Return the exponential of a mean of logarithms, with its t interval."""
        logs = self.interval(confidence)
        return Interval(value=_exp(logs.value), low=_exp(logs.low), high=_exp(logs.high), n=logs.n)


def geometric_mean(values: Sequence[float], confidence: float = CONFIDENCE) -> Interval:
    """Return the geometric mean of positive values with the t interval of their logarithms."""
    return geometric_mean_of_logs([math.log(value) for value in values], confidence)


def geometric_mean_of_logs(logs: Sequence[float], confidence: float = CONFIDENCE) -> Interval:
    """Return the exponential of the mean of logarithms, with its t interval.

    If one of them is infinite there is no mean, and the median takes its place.
    """
    if not all(map(math.isfinite, logs)):
        return _exp_of_median(logs, confidence)
    return Estimate.of(logs).ratio(confidence)


def _exp(log: float) -> float:
    """Return e to the power of `log`; infinite where a float ends."""
    return math.exp(log) if log < LOG_MAX else math.inf


def _exp_of_median(logs: Sequence[float], confidence: float) -> Interval:
    """Return the exponential of the median, between the order statistics of the sign test.

    It can bear infinite values (Conover 1999, Practical Nonparametric Statistics, 3.2); fewer than
    6 repeats say nothing at 95 %: 0 to infinity.
    """
    values = sorted(logs)
    n = len(values)
    below, above = values[(n - 1) // 2], values[n // 2]
    # Minus and plus infinity have no mean: half of the repeats one way, half the other is a tie.
    median_log = 0.0 if below == -above else (below + above) / 2
    # The interval leaves out as many values at each end as the sign test can spare.
    rank = sum(2 * float(bdtr(k, n, 0.5)) <= 1 - confidence for k in range(n // 2))
    low, high = (values[rank - 1], values[n - rank]) if rank else (-math.inf, math.inf)
    return Interval(value=_exp(median_log), low=_exp(low), high=_exp(high), n=n)


def arithmetic_mean(values: Sequence[float], confidence: float = CONFIDENCE) -> Interval:
    """Return the mean with its t interval, for scores."""
    return Estimate.of(values).interval(confidence)


def paired_ratio(
    numerator: PerRepeat, denominator: PerRepeat, confidence: float = CONFIDENCE
) -> Interval:
    """Return numerator / denominator with the t interval of the paired log-ratios.

    It is taken from the repeats that both have; raises ValueError if there is none.
    """
    logs = log_ratios(numerator, denominator)
    if not logs:
        raise ValueError("No repeat holds both.")
    return geometric_mean_of_logs(logs, confidence)


def log_ratios(numerator: PerRepeat, denominator: PerRepeat) -> list[float]:
    """Return log(numerator / denominator) of every repeat that both have, in order.

    An infinite time is slower than any other; two infinite ones are equal.
    """
    repeats = sorted(numerator.keys() & denominator.keys())
    pairs = [(numerator[repeat], denominator[repeat]) for repeat in repeats]
    return [0.0 if a == b else math.log(a) - math.log(b) for a, b in pairs]


def rank_arms(
    times: Mapping[str, PerRepeat], is_slower: Callable[[str, str], bool] | None = None
) -> dict[str, int]:
    """Return the rank of each arm, 1 for the fastest; arms that do not differ share a rank.

    From fast to slow, an arm opens a new rank if it is slower than the first arm of the present
    one. `is_slower(arm, against)` decides that; without it, for a screening, the paired interval
    does, not adjusted for the number of arms (stats.ranking has the strict one).
    """
    is_slower = is_slower or (lambda arm, against: is_slower_in_pairs(times[arm], times[against]))
    from_fast_to_slow = sorted(times, key=lambda arm: speed_key(list(times[arm].values())))
    rank_of: dict[str, int] = {}
    leader = ""
    for position, arm in enumerate(from_fast_to_slow, start=1):
        if not leader or is_slower(arm, leader):
            leader, rank = arm, position
        rank_of[arm] = rank
    return rank_of


def speed_key(seconds: Sequence[float]) -> tuple[float, float]:
    """Return the key that sorts arms: the mean of logarithms, then the median."""
    return fmean(map(math.log, seconds)), median(seconds)


def is_slower_in_pairs(times: PerRepeat, against: PerRepeat) -> bool:
    """Return whether the paired interval of times / against lies wholly above 1."""
    if not times.keys() & against.keys():
        return False
    interval = paired_ratio(times, against)
    return interval.known and interval.low > 1


def resolution(repeats: int, spread: float) -> float:
    """Return the smallest ratio - 1 that repeats resolve, given the spread of their logarithms."""
    if repeats < 2:
        return math.inf
    return Estimate(centre=0.0, spread=spread, n=repeats).ratio().high - 1

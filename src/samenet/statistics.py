"""Intervals and ranks from few repeats: one number per process, paired within a repeat.

The unit is the process, not the iteration (pooling iterations calls identical code different in up
to 39 % of cases, measured); repeats are paired because the machine drifts between them.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median

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


def t_factor(n: int, confidence: float = CONFIDENCE) -> float:
    """Return the quantile of Student's t with n - 1 degrees of freedom."""
    return float(stdtrit(n - 1, 0.5 + confidence / 2))


def geometric(values: Sequence[float], confidence: float = CONFIDENCE) -> Interval:
    """Return the geometric mean of positive values with the t interval of their logarithms."""
    return from_logs([math.log(value) for value in values], confidence)


def from_logs(logs: Sequence[float], confidence: float = CONFIDENCE) -> Interval:
    """Return the mean of logarithms with its t interval, raised back.

    With an infinite one among them there is no mean, and the median takes its place.
    """
    if not all(map(math.isfinite, logs)):
        return _median(logs, confidence)
    centre, half = fmean(logs), _half_width(logs, confidence)
    low, high = _raised(centre - half), _raised(centre + half)
    return Interval(value=_raised(centre), low=low, high=high, n=len(logs))


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
    centre, half = fmean(values), _half_width(values, confidence)
    return Interval(value=centre, low=centre - half, high=centre + half, n=len(values))


def _half_width(values: Sequence[float], confidence: float) -> float:
    if len(values) < 2:
        return 0.0
    return t_factor(len(values), confidence) * _deviation(values) / math.sqrt(len(values))


def _deviation(values: Sequence[float]) -> float:
    """Return the sample standard deviation; `stdev` counts in fractions, ten times as long."""
    centre = fmean(values)
    return math.sqrt(math.fsum((value - centre) ** 2 for value in values) / (len(values) - 1))


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
    present rank. What is slower says `is_slower(one, other)`; without it, for a screening, the
    paired interval alone, however many arms there are (samenet.ranking has the strict one).
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


def equivalent(one: PerRepeat, other: PerRepeat, margin: float = MARGIN) -> bool:
    """Return whether two one-sided tests confirm a difference within the margin.

    That is: the 90 % interval of the ratio lies inside 1/(1 + margin) .. 1 + margin (Schuirmann
    1987, https://doi.org/10.1007/BF01068419). For one pair; several are adjusted in
    samenet.verdicts.
    """
    if not one.keys() & other.keys():
        return False
    found = ratio(one, other, confidence=0.90)
    inside = found.low > 1 / (1 + margin) and found.high < 1 + margin
    return found.n >= VERDICT_REPEATS_MIN and inside


def resolution(repeats: int, spread: float) -> float:
    """Return the smallest ratio - 1 that so many repeats resolve at this log spread of repeats."""
    if repeats < 2:
        return math.inf
    return math.exp(t_factor(repeats) * spread / math.sqrt(repeats)) - 1

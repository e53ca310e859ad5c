"""Intervals and ranks from few repeats: one number per process, paired within a repeat.

The unit is the process, not the iteration (pooling iterations calls identical code different in up
to 39 % of cases, measured); repeats are paired because the machine drifts between them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from scipy.special import stdtrit

CONFIDENCE = 0.95
MARGIN = 0.05
"""Differences below 5 % are called too close to matter."""

VERDICT_REPEATS_MIN = 8
"""Below this, factors and intervals are a screening and no verdict is given."""


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
    logs = [math.log(value) for value in values]
    centre = fmean(logs)
    half = _half_width(logs, confidence)
    return Interval(
        value=math.exp(centre),
        low=math.exp(centre - half),
        high=math.exp(centre + half),
        n=len(logs),
    )


def arithmetic(values: Sequence[float], confidence: float = CONFIDENCE) -> Interval:
    """Return the mean with its t interval, for scores."""
    centre, half = fmean(values), _half_width(values, confidence)
    return Interval(value=centre, low=centre - half, high=centre + half, n=len(values))


def _half_width(values: Sequence[float], confidence: float) -> float:
    if len(values) < 2:
        return 0.0
    return t_factor(len(values), confidence) * stdev(values) / math.sqrt(len(values))


def ratio(
    one: Mapping[int, float], other: Mapping[int, float], confidence: float = CONFIDENCE
) -> Interval:
    """Return one / other from the repeats both have: the t interval of paired log-ratios."""
    common = sorted(one.keys() & other.keys())
    if not common:
        raise ValueError("No repeat holds both.")
    return geometric([one[r] / other[r] for r in common], confidence)


def ranks(times: Mapping[str, Mapping[int, float]]) -> dict[str, int]:
    """Return the rank of each arm, 1 for the fastest; arms that cannot be told apart share one.

    Going from fast to slow, an arm opens a new rank when its paired interval against the first
    arm of the present rank lies wholly above 1.
    """
    order = sorted(times, key=lambda arm: geometric(list(times[arm].values())).value)
    found: dict[str, int] = {}
    leader = ""
    for place, arm in enumerate(order, start=1):
        if not leader or slower(times[arm], times[leader]):
            leader, rank = arm, place
        found[arm] = rank
    return found


def slower(one: Mapping[int, float], other: Mapping[int, float]) -> bool:
    """Return whether the paired interval of one / other lies wholly above 1."""
    if not one.keys() & other.keys():
        return False
    found = ratio(one, other)
    return found.known and found.low > 1


def equivalent(
    one: Mapping[int, float], other: Mapping[int, float], margin: float = MARGIN
) -> bool:
    """Return whether two one-sided tests confirm a difference within the margin (Schuirmann 1987).

    That is: the 90 % interval of the ratio lies inside 1/(1 + margin) .. 1 + margin.
    """
    found = ratio(one, other, confidence=0.90)
    inside = found.low > 1 / (1 + margin) and found.high < 1 + margin
    return found.n >= VERDICT_REPEATS_MIN and inside


def resolution(repeats: int, spread: float) -> float:
    """Return the smallest ratio - 1 that so many repeats resolve at this log spread of repeats."""
    if repeats < 2:
        return math.inf
    return math.exp(t_factor(repeats) * spread / math.sqrt(repeats)) - 1

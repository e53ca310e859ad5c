"""When a run has measured enough, and how many repeats are still needed.

The rule looks at the width of intervals alone, at fixed counts. Whoever repeats until a difference
is significant finds one in equal arms in every fifth run (`samenet selftest stopping`).

A width is narrow by luck at times, and a rule that stops at the first narrow one keeps that luck:
6.7 % instead of 5 % of its runs name a difference between equal arms, where the noise is such that
it stops half way. Two looks in succession bring that down to 6.1 %.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from samenet import comparisons, significance
from samenet.comparisons import Times
from samenet.significance import ALPHA
from samenet.statistics import MARGIN, VERDICT_REPEATS_MIN, log_ratios

LOOKS = (8, 12, 16, 24, 30)
"""After so many repeats, and at no other count, a run may stop."""

REPEATS_MAX = 400
"""What needs more repeats than this is not promised."""


def target(margin: float = MARGIN) -> float:
    """Return the half width of a log-ratio's interval that is enough: half of the margin.

    An interval of that width always answers: with its centre within half of the margin it lies
    inside the margin, and otherwise it excludes 1.
    """
    return math.log1p(margin) / 2


def enough(times: Times, margin: float = MARGIN) -> bool:
    """Return whether every arm's ratio to the best is known as narrowly as wanted."""
    if len(times) < 2:
        return False
    best = comparisons.best(times)
    logs = [log_ratios(each, times[best]) for arm, each in times.items() if arm != best]
    return all(bool(settled(each, margin)) for each in logs)


def settled(logs: ArrayLike, margin: float = MARGIN) -> NDArray[np.bool_]:
    """Return whether mean log-ratios are known narrowly, at this look and at the one before.

    At the first look, which has none before it, half of the width is asked for. Between looks
    nothing is settled. Repeats are along the last axis.
    """
    values = np.asarray(logs, dtype=np.float64)
    n = values.shape[-1]
    if n not in LOOKS or not np.isfinite(values).all():
        return np.zeros(values.shape[:-1], bool)
    wanted, now = target(margin), significance.half_width(values)
    if n == LOOKS[0]:
        return np.asarray(now <= wanted / 2)
    before = significance.half_width(values[..., : LOOKS[LOOKS.index(n) - 1]])
    return np.asarray((now <= wanted) & (before <= wanted))


def repeats_needed(
    spread: float, margin: float = MARGIN, *, confidence: float = 1 - ALPHA
) -> int | None:
    """Return the fewest repeats whose interval would be narrow enough at this spread of log-ratios.

    The smallest n with t(n - 1) spread / sqrt(n) <= half of the margin: the usual sample size for
    an interval of given width (Stein 1945, https://doi.org/10.1214/aoms/1177731088, with a pilot's
    spread). None if there is no reasonable number.
    """
    for n in range(VERDICT_REPEATS_MIN, REPEATS_MAX + 1):
        if float(stdtrit(n - 1, 0.5 + confidence / 2)) * spread / math.sqrt(n) <= target(margin):
            return n
    return None

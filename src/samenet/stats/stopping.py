"""When a run has measured enough, and how many repeats are still needed.

The rule looks at the width of intervals alone, at fixed counts. Whoever repeats until a difference
is significant finds one in equal arms in every fifth run (`samenet selftest stopping`).

A width is narrow by luck at times, and a rule that stops at the first narrow one keeps that luck:
6.7 % instead of 5 % of its runs name a difference between equal arms, where the noise is such that
it stops half way. Two looks in succession bring that down to 6.1 %.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from samenet.stats import pairwise
from samenet.stats.intervals import CONFIDENCE, MARGIN, VERDICT_REPEATS_MIN, Estimate, log_ratios
from samenet.stats.pairwise import Times

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
    best = pairwise.best(times)
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
    now = Estimate.of_runs(values)
    if n == LOOKS[0]:
        return np.asarray(now.half() <= target(margin) / 2)
    before = Estimate.of_runs(values[..., : LOOKS[LOOKS.index(n) - 1]])
    return np.asarray(narrow(now, margin) & narrow(before, margin))


def narrow(
    found: Estimate, margin: float = MARGIN, confidence: float = CONFIDENCE
) -> NDArray[np.bool_]:
    """Return whether an interval is narrow enough to answer, wherever it lies."""
    return np.less_equal(found.half(confidence), target(margin))


def repeats_needed(tells: Callable[[int], bool], least: int = VERDICT_REPEATS_MIN) -> int | None:
    """Return the fewest repeats, at least so many, of which `tells` says that they would tell.

    Who asks projects its estimates (`Estimate.at`): the usual sample size, with the spread of the
    repeats that there are (Stein 1945, https://doi.org/10.1214/aoms/1177731088). None if there is
    no reasonable number.
    """
    return next((n for n in range(least, REPEATS_MAX + 1) if tells(n)), None)


def still_needed(more: int | None, seconds_per_repeat: float | None = None) -> str:
    """Return what would tell, in words: 'about 6 more repeats', or the minutes that they take."""
    if more is None:
        return f"more than {REPEATS_MAX} repeats would be needed"
    return f"about {counted_more(more, seconds_per_repeat)}"


def counted_more(more: int, seconds_per_repeat: float | None = None) -> str:
    """Return '6 more repeats', or '5 more minutes' if it is known how long a repeat takes."""
    count, unit = more, "repeat"
    if seconds_per_repeat is not None:
        count, unit = whole_minutes(more * seconds_per_repeat), "minute"
    return f"{count} more {unit}{'' if count == 1 else 's'}"


def whole_minutes(seconds: float) -> int:
    """Return minutes as they are promised: whole ones, rounded up, at least one."""
    return max(1, math.ceil(seconds / 60))

"""When a run has measured enough, and how many repeats are still needed.

The rule looks only at the width of intervals, after fixed numbers of repeats. Repeating until a
difference is significant finds one between equal arms in every fifth run (`samenet selftest
stopping`).

An interval is sometimes narrow by luck, and a rule that stops at the first narrow one keeps that
luck: 6.7 % instead of 5 % of its runs name a difference between equal arms, where the noise is such
that it stops half way. Two looks in succession bring that down to 6.1 %.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from samenet._text import pluralize
from samenet.stats import pairwise
from samenet.stats.intervals import CONFIDENCE, MARGIN, VERDICT_REPEATS_MIN, Estimate, log_ratios
from samenet.stats.pairwise import TimesByArm

INTERIM_LOOKS = (8, 12, 16, 24, 30)
"""The numbers of repeats after which a run may stop."""

REPEATS_MAX = 400
"""What needs more repeats than this is not promised."""


def target_half_width(margin: float = MARGIN) -> float:
    """Return the half width of a log-ratio's interval at which a run may stop: half of the margin.

    An interval of that width always decides: with its centre within half of the margin it lies
    inside the margin, and otherwise it excludes 1.
    """
    return math.log1p(margin) / 2


def should_stop(times: TimesByArm, margin: float = MARGIN) -> bool:
    """Return whether every arm's ratio to the best is known as narrowly as wanted."""
    if len(times) < 2:
        return False
    best = pairwise.fastest_arm(times)
    logs = [log_ratios(times[arm], times[best]) for arm in times if arm != best]
    return all(bool(should_stop_pair(log_ratio, margin)) for log_ratio in logs)


def should_stop_pair(logs: ArrayLike, margin: float = MARGIN) -> NDArray[np.bool_]:
    """Return whether mean log-ratios are known narrowly, at this look and at the one before.

    At the first look, which has none before it, the interval has to be half as wide. Between looks
    the answer is no. Repeats are along the last axis.
    """
    values = np.asarray(logs, dtype=np.float64)
    n = values.shape[-1]
    if n not in INTERIM_LOOKS or not np.isfinite(values).all():
        return np.zeros(values.shape[:-1], bool)
    now = Estimate.of_runs(values)
    if n == INTERIM_LOOKS[0]:
        return np.asarray(now.half_width() <= target_half_width(margin) / 2)
    before = Estimate.of_runs(values[..., : INTERIM_LOOKS[INTERIM_LOOKS.index(n) - 1]])
    return np.asarray(is_narrow(now, margin) & is_narrow(before, margin))


def is_narrow(
    estimate: Estimate, margin: float = MARGIN, confidence: float = CONFIDENCE
) -> NDArray[np.bool_]:
    """Return whether an interval is narrow enough to decide, wherever it lies."""
    return np.less_equal(estimate.half_width(confidence), target_half_width(margin))


def find_repeats_needed(
    tells: Callable[[int], bool], least: int = VERDICT_REPEATS_MIN
) -> int | None:
    """Return the fewest repeats, `least` or more, for which `tells` is true; None beyond reason.

    The caller projects its estimates with `Estimate.at`: this is the usual sample size, with the
    spread of the repeats so far (Stein 1945, https://doi.org/10.1214/aoms/1177731088).
    """
    return next((n for n in range(least, REPEATS_MAX + 1) if tells(n)), None)


def format_needed(more: int | None, seconds_per_repeat: float | None = None) -> str:
    """Return 'about 6 more repeats', or the minutes that they take."""
    if more is None:
        return f"more than {REPEATS_MAX} repeats would be needed"
    return f"about {format_more(more, seconds_per_repeat)}"


def format_more(more: int, seconds_per_repeat: float | None = None) -> str:
    """Return '6 more repeats', or '5 more minutes' if it is known how long a repeat takes."""
    if seconds_per_repeat is None:
        return f"{more} more {pluralize(more, 'repeat')}"
    minutes = round_up_to_minutes(more * seconds_per_repeat)
    return f"{minutes} more {pluralize(minutes, 'minute')}"


def round_up_to_minutes(seconds: float) -> int:
    """Return minutes as they are promised: whole ones, rounded up, at least one."""
    return max(1, math.ceil(seconds / 60))

"""Arms compared in pairs as one family: what each pair shows, adjusted for the number of pairs.

The best arm is chosen from the numbers that are then compared with it, and the smallest of many
means is small by luck as well. Holm's k - 1 comparisons with an arm so chosen name a difference
among six equal arms in 10 % of all runs, among twenty in 17 % (`samenet selftest family` shows it),
so the family is then all k (k - 1) / 2 pairs: what holds for all of them holds for those with the
best, whichever that is. Only an arm that was named before the run needs k - 1.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import NamedTuple

from samenet.stats import intervals, significance
from samenet.stats.intervals import MARGIN, VERDICT_REPEATS_MIN, Estimate, Interval, PerRepeat
from samenet.stats.significance import ALPHA

TimesByArm = Mapping[str, PerRepeat]
"""Seconds per arm and repeat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairTest:
    """One arm against another; p values are None below two common repeats."""

    arm: str
    against: str
    logs: tuple[float, ...]
    """log(arm / against) of every repeat that both have."""

    p: float | None = None
    """Of Student's paired t test, not adjusted; of the sign test if a time is infinite."""

    adjusted_p: float | None = None
    beyond_p: float | None = None
    """Adjusted, of the hypothesis that the difference is within the margin."""

    tie_p: float = 1.0
    """Of the two one-sided tests for equivalence, not adjusted: only the caller knows for how many
    pairs. 1 below the repeats that a verdict needs, and if a time is infinite."""

    @property
    def finite(self) -> bool:
        """Return whether no repeat has an infinite time in just one of the arms."""
        return all(map(math.isfinite, self.logs))

    @property
    def ratio(self) -> Interval:
        """Return arm / against with its own interval, not adjusted."""
        return intervals.geometric_mean_of_logs(self.logs)

    @property
    def slower(self) -> bool:
        """Return whether the arm is slower, adjusted for the number of pairs."""
        return self._differs and self.ratio.value > 1

    @property
    def faster(self) -> bool:
        """Return whether the arm is faster, adjusted for the number of pairs."""
        return self._differs and self.ratio.value < 1

    @property
    def _differs(self) -> bool:
        return self.adjusted_p is not None and self.adjusted_p <= ALPHA


def all_pairs(times: TimesByArm) -> list[tuple[str, str]]:
    """Return every pair of arms once."""
    return list(itertools.combinations(times, 2))


def compare_pairs(
    times: TimesByArm, pairs: Iterable[tuple[str, str]], margin: float = MARGIN
) -> list[PairTest]:
    """Return the pairs (arm, against) with p values adjusted for their number by Holm's method."""
    rows = [
        PairTest(
            arm=arm, against=against, logs=tuple(intervals.log_ratios(times[arm], times[against]))
        )
        for arm, against in pairs
    ]
    # A pair with fewer than two common repeats stays without p values and is no part of the family.
    tested = [index for index, row in enumerate(rows) if len(row.logs) > 1]
    if not tested:
        return rows
    tests = _tests([rows[index] for index in tested], margin)
    adjusted = significance.adjust_by_holm([test.difference_p for test in tests]).tolist()
    beyond = significance.adjust_by_holm([test.beyond_p for test in tests]).tolist()
    for index, test, adjusted_p, beyond_p in zip(tested, tests, adjusted, beyond, strict=True):
        rows[index] = replace(
            rows[index],
            p=test.difference_p,
            adjusted_p=adjusted_p,
            beyond_p=beyond_p,
            tie_p=test.tie_p,
        )
    return rows


class _Tests(NamedTuple):
    """The p values of one pair, not adjusted."""

    difference_p: float
    beyond_p: float
    tie_p: float


def _tests(pairs: Sequence[PairTest], margin: float) -> list[_Tests]:
    """Return the p values of each pair, in order.

    Finite pairs with the same number of repeats are tested at once, which is far quicker.
    """
    tests: dict[int, _Tests] = {}
    indices_by_repeats: dict[int, list[int]] = {}
    for index, pair in enumerate(pairs):
        if pair.finite:
            indices_by_repeats.setdefault(len(pair.logs), []).append(index)
            continue
        # Infinite times leave only the sign test: of the log-ratios, and of their distance from the
        # edge of the margin on the side of their median. They never show a tie.
        side = -1.0 if pair.ratio.value < 1 else 1.0
        moved = [side * log - math.log1p(margin) for log in pair.logs]
        beyond = significance.sign_p(moved) if median(moved) > 0 else 1.0
        tests[index] = _Tests(significance.sign_p(pair.logs), beyond, 1.0)
    for n, indices in indices_by_repeats.items():
        means = Estimate.of_runs([pairs[index].logs for index in indices])
        p_values = zip(
            significance.difference_p(means).tolist(),
            significance.beyond_p(means, margin).tolist(),
            significance.equivalence_p(means, margin).tolist(),
            strict=True,
        )
        for index, (difference_p, beyond_p, tie_p) in zip(indices, p_values, strict=True):
            may_tie = n >= VERDICT_REPEATS_MIN
            tests[index] = _Tests(difference_p, beyond_p, tie_p if may_tie else 1.0)
    return [tests[index] for index in range(len(pairs))]


def fastest_arm(times: TimesByArm) -> str:
    """Return the arm with the smallest geometric mean over the repeats that are complete.

    Arms that lack repeats others have are not chosen: the repeats they lack may be the slow ones.
    """
    repeats_most = max(len(seconds) for seconds in times.values())
    complete = {arm: seconds for arm, seconds in times.items() if len(seconds) == repeats_most}
    shared = set.intersection(*(set(seconds) for seconds in complete.values()))

    def speed(arm: str) -> tuple[float, float]:
        seconds = complete[arm]
        return intervals.speed_key([seconds[repeat] for repeat in shared or seconds])

    return min(complete, key=speed)

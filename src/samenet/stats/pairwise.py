"""Arms compared in pairs as one family: what each pair shows, adjusted for the number of pairs.

The best arm is chosen from the numbers that are then compared with it, and the smallest of many
means is small by luck as well. Holm's k - 1 comparisons with an arm so chosen name a difference
among six equal arms in 10 % of all runs, among twenty in 17 % (`samenet selftest family` shows it),
so the family is then all k (k - 1) / 2 pairs: true of all of them, it is true of those with the
best, whichever that is. Only an arm that was named before the run needs k - 1.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

from samenet.stats import intervals, significance
from samenet.stats.intervals import MARGIN, VERDICT_REPEATS_MIN, Estimate, Interval, PerRepeat
from samenet.stats.significance import ALPHA

Times = Mapping[str, PerRepeat]
"""Seconds per arm and repeat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One arm against another; p values are None below two common repeats."""

    one: str
    other: str
    logs: tuple[float, ...]
    """log(one / other) of every repeat both have."""

    p: float | None = None
    """Of Student's paired t test, not adjusted; of the sign test if a time is infinite."""

    adjusted_p: float | None = None
    beyond_p: float | None = None
    """Adjusted, that the difference is within the margin."""

    tie_p: float = 1.0
    """Of the two one-sided tests that the difference is beyond the margin, not adjusted: who asks
    decides of how many pairs. 1 below the repeats of a verdict, and if a time is infinite."""

    @property
    def finite(self) -> bool:
        """Return whether no time was infinite in one arm alone."""
        return all(map(math.isfinite, self.logs))

    @property
    def ratio(self) -> Interval:
        """Return one / other with its own interval, not adjusted."""
        return intervals.from_logs(self.logs)

    @property
    def slower(self) -> bool:
        """Return whether one is slower than the other, whatever the number of pairs."""
        return self._differs and self.ratio.value > 1

    @property
    def faster(self) -> bool:
        """Return whether one is faster than the other, whatever the number of pairs."""
        return self._differs and self.ratio.value < 1

    @property
    def _differs(self) -> bool:
        return self.adjusted_p is not None and self.adjusted_p <= ALPHA


def all_pairs(times: Times) -> list[tuple[str, str]]:
    """Return every pair of arms once."""
    return list(itertools.combinations(times, 2))


def family(times: Times, pairs: Iterable[tuple[str, str]], margin: float = MARGIN) -> list[Pair]:
    """Return the pairs with p values adjusted for their number by Holm's method."""
    bare = [
        Pair(one=one, other=other, logs=tuple(intervals.log_ratios(times[one], times[other])))
        for one, other in pairs
    ]
    tested = [pair for pair in bare if len(pair.logs) > 1]
    if not tested:
        return bare
    p, beyond, tie = zip(*_tests(tested, margin), strict=True)
    adjusted, far = (significance.holm(each).tolist() for each in (p, beyond))
    rows = zip(tested, p, adjusted, far, tie, strict=True)
    found = {
        (pair.one, pair.other): replace(pair, p=own, adjusted_p=holm, beyond_p=far, tie_p=tie)
        for pair, own, holm, far, tie in rows
    }
    return [found.get((pair.one, pair.other), pair) for pair in bare]


def _tests(pairs: Sequence[Pair], margin: float) -> list[tuple[float, float, float]]:
    """Return of each pair the p of a difference, of one beyond the margin, and of a tie.

    Finite pairs of equally many repeats are tested in one go, which is far quicker.
    """
    found: dict[int, tuple[float, float, float]] = {}
    alike: dict[int, list[int]] = {}
    for place, pair in enumerate(pairs):
        if pair.finite:
            alike.setdefault(len(pair.logs), []).append(place)
            continue
        # Infinite times leave the sign test, of the log-ratios and of how far they lie beyond the
        # edge of the margin that is on the side of their median. They never show a tie.
        side = -1.0 if pair.ratio.value < 1 else 1.0
        moved = [side * log - math.log1p(margin) for log in pair.logs]
        beyond = significance.sign_p(moved) if median(moved) > 0 else 1.0
        found[place] = (significance.sign_p(pair.logs), beyond, 1.0)
    for n, places in alike.items():
        means = Estimate.of_runs([pairs[place].logs for place in places])
        difference = significance.difference_p(means).tolist()
        beyond_margin = significance.beyond_p(means, margin).tolist()
        tie = significance.equivalence_p(means, margin).tolist()
        tie = tie if n >= VERDICT_REPEATS_MIN else [1.0] * len(places)
        found |= dict(zip(places, zip(difference, beyond_margin, tie, strict=True), strict=True))
    return [found[place] for place in range(len(pairs))]


def best(times: Times) -> str:
    """Return the arm with the smallest geometric mean over the repeats that are complete.

    Arms that lack repeats others have are not chosen: the repeats they lack may be the slow ones.
    """
    most = max(len(each) for each in times.values())
    whole = {arm: each for arm, each in times.items() if len(each) == most}
    shared = set.intersection(*(set(each) for each in whole.values()))
    values = {arm: [each[r] for r in shared or each] for arm, each in whole.items()}
    return min(values, key=lambda arm: intervals.size(values[arm]))

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
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any

from samenet import significance, statistics
from samenet.significance import ALPHA
from samenet.statistics import MARGIN, Interval, PerRepeat

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

    @property
    def finite(self) -> bool:
        """Return whether no time was infinite in one arm alone."""
        return all(map(math.isfinite, self.logs))

    @property
    def ratio(self) -> Interval:
        """Return one / other with its own interval, not adjusted."""
        return statistics.from_logs(self.logs)

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
        Pair(one=one, other=other, logs=tuple(statistics.log_ratios(times[one], times[other])))
        for one, other in pairs
    ]
    tested = [pair for pair in bare if len(pair.logs) > 1]
    plain = _all_p(tested, _sign_p, significance.difference_p)
    adjusted = significance.holm(plain).tolist()
    far = partial(significance.beyond_p, margin=margin)
    beyond = significance.holm(_all_p(tested, partial(_sign_beyond_p, margin=margin), far)).tolist()
    found = {
        (pair.one, pair.other): Pair(
            one=pair.one, other=pair.other, logs=pair.logs, p=p, adjusted_p=holm, beyond_p=far
        )
        for pair, p, holm, far in zip(tested, plain, adjusted, beyond, strict=True)
    }
    return [found.get((pair.one, pair.other), pair) for pair in bare]


def _all_p(
    pairs: Sequence[Pair], one: Callable[[Pair], float], many: Callable[[Any], Any]
) -> list[float]:
    """Return a p of each pair; finite ones of as many repeats are tested in one go, far quicker."""
    found: dict[int, float] = {}
    alike: dict[int, list[int]] = {}
    for place, pair in enumerate(pairs):
        if pair.finite:
            alike.setdefault(len(pair.logs), []).append(place)
        else:
            found[place] = one(pair)
    for places in alike.values():
        values = many([pairs[place].logs for place in places])
        found |= dict(zip(places, values.tolist(), strict=True))
    return [found[place] for place in range(len(pairs))]


def _sign_p(pair: Pair) -> float:
    return significance.sign_p(pair.logs)


def _sign_beyond_p(pair: Pair, margin: float) -> float:
    """Return the p of the sign test against the edge of the margin, for infinite times."""
    side = -1.0 if pair.ratio.value < 1 else 1.0
    moved = [side * log - math.log1p(margin) for log in pair.logs]
    return significance.sign_p(moved) if median(moved) > 0 else 1.0


def best(times: Times) -> str:
    """Return the arm with the smallest geometric mean over the repeats that are complete.

    Arms that lack repeats others have are not chosen: the repeats they lack may be the slow ones.
    """
    most = max(len(each) for each in times.values())
    whole = {arm: each for arm, each in times.items() if len(each) == most}
    shared = set.intersection(*(set(each) for each in whole.values()))
    values = {arm: [each[r] for r in shared or each] for arm, each in whole.items()}
    return min(values, key=lambda arm: statistics.size(values[arm]))

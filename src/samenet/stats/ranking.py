"""Ranks by test, and what no order can hold: ties that do not carry over, orders that hang on one.

That a cannot be told from b, nor b from c, does not mean that a cannot be told from c. Ranks put
such arms into groups all the same; here the triples are found, to be shown beside them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet

from samenet.stats import intervals, pairwise
from samenet.stats.pairwise import Times

Apart = AbstractSet[tuple[str, str]]
"""Pairs (slower, faster)."""


def told_apart(times: Times) -> Apart:
    """Return the pairs (slower, faster) that differ by test, adjusted for the number of pairs."""
    pairs = pairwise.family(times, pairwise.all_pairs(times))
    slower = {(pair.one, pair.other) for pair in pairs if pair.slower}
    return slower | {(pair.other, pair.one) for pair in pairs if pair.faster}


def ranks(times: Times) -> dict[str, int]:
    """Return ranks as stats.intervals.ranks, by tests that hold for the whole table at once."""
    apart = told_apart(times)
    return intervals.ranks(times, lambda one, other: (one, other) in apart)


def intransitive(arms: Iterable[str], apart: Apart) -> list[tuple[str, str, str]]:
    """Return the triples of arms that no ranking with ties can show as they were found."""
    return [three for three in itertools.combinations(arms, 3) if not _ordered(three, apart)]


def _ordered(three: tuple[str, str, str], apart: Apart) -> bool:
    """Return whether ranks hold three arms: counting who beats whom gives back every pair."""
    beaten = {arm: sum((other, arm) in apart for other in three) for arm in three}
    return all(
        ((one, other) in apart) == (beaten[one] < beaten[other])
        for one, other in itertools.permutations(three, 2)
    )


def reordered(times: Times) -> Iterator[tuple[str, str, str]]:
    """Yield (left out, one, other): who stands before whom, or level, changes without a third arm.

    Leaving an arm out makes the family smaller and may take away the first of a group.
    """
    whole = ranks(times)
    for absent in times:
        rest = ranks({arm: each for arm, each in times.items() if arm != absent})
        for one, other in itertools.combinations(rest, 2):
            if _order(whole, one, other) != _order(rest, one, other):
                yield absent, one, other


def _order(found: dict[str, int], one: str, other: str) -> int:
    return (found[one] > found[other]) - (found[one] < found[other])

"""Ranks by test, and what no ranking can show: intransitive ties and rank reversals.

That a does not differ from b, nor b from c, does not mean that a does not differ from c. Ranks put
such arms into groups all the same; here the triples are found, to be shown beside the ranks.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet

import numpy as np

from samenet.stats import intervals, pairwise
from samenet.stats.pairwise import TimesByArm

DifferentPairs = AbstractSet[tuple[str, str]]
"""Pairs (slower, faster)."""


def find_different_pairs(times: TimesByArm) -> DifferentPairs:
    """Return the pairs (slower, faster) that differ by test, adjusted for the number of pairs."""
    pairs = pairwise.compare_pairs(times, pairwise.all_pairs(times))
    slower = {(pair.arm, pair.against) for pair in pairs if pair.slower}
    return slower | {(pair.against, pair.arm) for pair in pairs if pair.faster}


def rank_by_tests(times: TimesByArm) -> dict[str, int]:
    """Return ranks as stats.intervals.rank_arms, by tests that hold for the whole table at once."""
    apart = find_different_pairs(times)
    return intervals.rank_arms(times, lambda arm, against: (arm, against) in apart)


def find_intransitive(arms: Iterable[str], apart: DifferentPairs) -> list[tuple[str, str, str]]:
    """Return the triples of arms whose differences no ranking with ties can show."""
    return [triple for triple in itertools.combinations(arms, 3) if not _has_ranks(triple, apart)]


def _has_ranks(triple: tuple[str, str, str], apart: DifferentPairs) -> bool:
    """Return whether ranks can show three arms: the wins of each give back every pair."""
    wins = {arm: sum((loser, arm) in apart for loser in triple) for arm in triple}
    return all(
        ((slower, faster) in apart) == (wins[slower] < wins[faster])
        for slower, faster in itertools.permutations(triple, 2)
    )


def find_rank_reversals(times: TimesByArm) -> Iterator[tuple[str, str, str]]:
    """Yield (left out, a, b): the order of a and b changes when a third arm is left out.

    Leaving an arm out makes the family smaller and may remove the first arm of a group.
    """
    rank_of = rank_by_tests(times)
    for left_out in times:
        rank_of_rest = rank_by_tests({arm: times[arm] for arm in times if arm != left_out})
        for a, b in itertools.combinations(rank_of_rest, 2):
            order = np.sign(rank_of[a] - rank_of[b])
            if order != np.sign(rank_of_rest[a] - rank_of_rest[b]):
                yield left_out, a, b

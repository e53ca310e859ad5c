"""Ranks by test, the triples that no order holds, and orders that hang on one arm."""

from __future__ import annotations

import itertools
import math

import numpy as np

from samenet.stats import intervals, ranking
from samenet.stats.ranking import find_intransitive


def arm(ratio: float, *, seed: int, noise: float = 0.01, repeats: int = 12) -> dict[int, float]:
    """Return seconds by repeat."""
    logs = np.random.default_rng(seed).normal(math.log(ratio), noise, repeats)
    return dict(enumerate(np.exp(logs).tolist()))


def test_arms_that_differ_have_ranks_of_their_own_and_equal_ones_share() -> None:
    """Two equal arms share rank 1, a slower one has rank 3."""
    times = {"c": arm(1.2, seed=1), "a": arm(1.0, seed=2), "b": arm(1.0, seed=3)}
    assert ranking.rank_by_tests(times) == {"a": 1, "b": 1, "c": 3}
    assert ranking.find_different_pairs(times) == {("c", "a"), ("c", "b")}


def test_many_equal_arms_share_a_rank_where_intervals_alone_part_them() -> None:
    """Among ten equal arms one interval excludes 1 by chance; the whole table has no difference."""
    times = {str(n): arm(1.0, seed=100 + n) for n in range(10)}
    assert set(ranking.rank_by_tests(times).values()) == {1}
    assert len(set(intervals.rank_arms(times).values())) > 1


def test_an_arm_that_never_gets_there_is_last() -> None:
    """Infinite times have a rank: behind those that arrive."""
    times = {"endless": dict.fromkeys(range(12), math.inf), "a": arm(1.0, seed=1)}
    assert ranking.rank_by_tests(times) == {"a": 1, "endless": 2}


def test_three_arms_are_intransitive_when_no_ranking_gives_their_pairs() -> None:
    """Of all 27 ways to tell three pairs apart, exactly the 13 rankings with ties are in order."""
    pairs = [("a", "b"), ("b", "c"), ("a", "c")]
    rankings = set()
    for levels in itertools.product(range(3), repeat=3):
        level_of = dict(zip("abc", levels, strict=True))
        both = [*pairs, *((y, x) for x, y in pairs)]
        rankings.add(frozenset((x, y) for x, y in both if level_of[x] > level_of[y]))
    assert len(rankings) == 13
    for choice in itertools.product((None, 0, 1), repeat=3):
        known = {
            (a, b) if way == 0 else (b, a)
            for (a, b), way in zip(pairs, choice, strict=True)
            if way is not None
        }
        assert (find_intransitive("abc", known) == []) == (frozenset(known) in rankings)


def test_a_triple_is_found_among_others() -> None:
    """A and c differ, b differs from neither: the triple is named, d beside it is not."""
    apart = {("c", "a"), ("d", "a"), ("d", "b"), ("d", "c")}
    assert find_intransitive("abcd", apart) == [("a", "b", "c")]


def test_orders_that_hang_on_a_third_arm_are_found() -> None:
    """A noisy pair is apart when it is alone and level inside a larger family: it is reported."""
    shaken = 0.021 + 0.03 * np.resize([1.0, -1.0], 12)
    times = {
        "still": dict.fromkeys(range(12), 1.0),
        "shaken": dict(enumerate(np.exp(shaken).tolist())),
        "third": dict.fromkeys(range(12), 1.0),
    }
    assert set(ranking.rank_by_tests(times).values()) == {1}
    assert ("third", "still", "shaken") in set(ranking.find_rank_reversals(times))

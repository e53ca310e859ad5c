"""Verdicts: five words, each by its test, and a defined answer at every edge."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from samenet.stats import pairwise
from samenet.stats.intervals import Interval
from samenet.stats.verdicts import Verdict, VerdictWord, judge_arms, verdict_sentence

INF, NAN = math.inf, math.nan


def noisy(ratio: float, repeats: int = 12, *, seed: int, noise: float = 0.01) -> dict[int, float]:
    """Return seconds by repeat with this much noise."""
    logs = np.random.default_rng(seed).normal(math.log(ratio), noise, repeats)
    return dict(enumerate(np.exp(logs).tolist()))


def steady(*seconds: float) -> dict[int, float]:
    """Return seconds by repeat."""
    return dict(enumerate(seconds))


def spread(ratio: float, repeats: int, noise: float) -> dict[int, float]:
    """Return seconds by repeat whose logs have exactly this standard deviation."""
    signs = np.resize([1.0, -1.0], repeats)
    scale = noise * math.sqrt((repeats - 1) / repeats)
    return dict(enumerate((ratio * np.exp(scale * (signs - signs.mean()))).tolist()))


def words(*arms: dict[int, float], against: str | None = "a") -> list[VerdictWord | None]:
    """Return the words about arms "b", "c" ..., compared with "a"."""
    return [
        row.word for row in judge_arms(dict(zip("abcdef", arms, strict=False)), against=against)
    ]


def test_the_vocabulary_has_six_words() -> None:
    """What may be said of a comparison is one of six, written as a reader sees them.

    `not slower` is of a gate alone.
    """
    assert [str(word) for word in VerdictWord] == [
        "faster",
        "slower",
        "too close to call",
        "not slower",
        "cannot tell yet",
        "not compared",
    ]


def test_every_word_has_its_case() -> None:
    """A table of arms against a named one gets each word where it belongs."""
    times = {
        "reference": noisy(1.0, seed=1),
        "quick": noisy(0.5, seed=2),
        "slow": noisy(1.2, seed=3),
        "alike": noisy(1.0, seed=4),
        "wild": noisy(1.05, seed=5, noise=0.3),
        "wrong": noisy(1.0, seed=6),
    }
    rows = judge_arms(times, against="reference", refused={"wrong": "gate 4 failed"})
    assert {row.arm: row.word for row in rows} == {
        "quick": VerdictWord.FASTER,
        "slow": VerdictWord.SLOWER,
        "alike": VerdictWord.CLOSE,
        "wild": VerdictWord.UNKNOWN,
        "wrong": VerdictWord.NOT_COMPARED,
    }
    assert [row.beyond_margin for row in rows] == [True, True, False, False, False]
    assert rows[-1].reason == "gate 4 failed"


def test_the_best_is_found_and_has_no_row() -> None:
    """Without a named arm all are compared with the smallest geometric mean."""
    rows = judge_arms({"b": noisy(2.0, seed=1), "a": noisy(1.0, seed=2), "c": noisy(3.0, seed=3)})
    assert [(row.arm, row.against, row.word) for row in rows] == [
        ("b", "a", VerdictWord.SLOWER),
        ("c", "a", VerdictWord.SLOWER),
    ]


def test_a_chosen_best_is_paid_for_with_all_pairs() -> None:
    """The adjusted p of four arms counts six pairs with the observed best, three with a named arm.

    Three arms are alike, so that Holm's steps end at the first of them.
    """
    times = {arm: noisy(1.0, seed=seed, noise=0.1) for seed, arm in enumerate("abcd")}
    best = pairwise.fastest_arm(times)
    chosen, named = judge_arms(times), judge_arms(times, against=best)
    smallest = min(range(3), key=lambda n: chosen[n].p or 1.0)
    assert chosen[smallest].p == named[smallest].p
    every = pairwise.compare_pairs(times, pairwise.all_pairs(times))
    assert min(p.p or 1.0 for p in every) <= (chosen[smallest].p or 1.0)
    assert named[smallest].adjusted_p == pytest.approx(min(1.0, 3 * (named[smallest].p or 1.0)))
    assert (chosen[smallest].adjusted_p or 0) >= (named[smallest].adjusted_p or 0)


def test_equivalence_is_adjusted_for_the_number_of_arms() -> None:
    """An arm that is just too close when alone is not so beside others as near the margin."""
    reference, near = steady(*[1.0] * 12), spread(1.031, 12, 0.03)
    (alone,) = judge_arms({"a": reference, "b": near}, against="a")
    beside = judge_arms({"a": reference, "b": near, "c": near, "d": near, "e": near}, against="a")
    assert alone.word is VerdictWord.CLOSE
    assert beside[0].word is not VerdictWord.CLOSE
    assert beside[0].equivalence_p == pytest.approx(4 * (alone.equivalence_p or 0))


def test_a_sure_difference_within_the_margin_is_too_close_to_call() -> None:
    """One percent, ever so sure, does not matter."""
    (row,) = judge_arms({"a": noisy(1.0, seed=1, noise=1e-4), "b": noisy(1.01, seed=2, noise=1e-4)})
    assert (row.p or 1) < 1e-6
    assert row.word is VerdictWord.CLOSE
    assert not row.beyond_margin


def test_a_difference_is_beyond_the_margin_by_test() -> None:
    """Six percent with little noise is beyond the margin of 5 %, with more it is only slower."""
    reference = steady(*[1.0] * 12)
    (sure,) = judge_arms({"a": reference, "b": spread(1.06, 12, 0.001)})
    (less,) = judge_arms({"a": reference, "b": spread(1.06, 12, 0.03)})
    assert (sure.word, sure.beyond_margin) == (VerdictWord.SLOWER, True)
    assert (less.word, less.beyond_margin) == (VerdictWord.SLOWER, False)


ONES = steady(*[1.0] * 8)
ENDLESS = dict.fromkeys(range(8), INF)
EDGES = {
    "identical arms": ([ONES, ONES], [VerdictWord.CLOSE]),
    "no spread, a difference": ([ONES, steady(*[2.0] * 8)], [VerdictWord.SLOWER]),
    "no spread, one seven repeats": ([ONES, steady(*[2.0] * 7)], [VerdictWord.UNKNOWN]),
    "one repeat": ([steady(1.0), steady(2.0)], [VerdictWord.UNKNOWN]),
    "one common repeat": ([ONES, {7: 2.0, 8: 2.0}], [VerdictWord.UNKNOWN]),
    "no common repeat": ([ONES, {9: 2.0}], [VerdictWord.NOT_COMPARED]),
    "unequal numbers": ([ONES, steady(*[2.0] * 30)], [VerdictWord.SLOWER]),
    "no times": ([ONES, {}], [VerdictWord.NOT_COMPARED]),
    "not a number": ([ONES, {**ONES, 3: NAN}], [VerdictWord.NOT_COMPARED]),
    "zero": ([ONES, {**ONES, 3: 0.0}], [VerdictWord.NOT_COMPARED]),
    "negative": ([ONES, {**ONES, 3: -1.0}], [VerdictWord.NOT_COMPARED]),
    "never there": ([ONES, ENDLESS], [VerdictWord.SLOWER]),
    "the other never there": ([ENDLESS, ONES], [VerdictWord.FASTER]),
    "neither there": ([ENDLESS, ENDLESS], [VerdictWord.CLOSE]),
    "once not there": ([ONES, {**ONES, 3: INF}], [VerdictWord.UNKNOWN]),
    "never there twice in ten": (
        [steady(*[1.0] * 8, *[INF] * 2), steady(*[0.5] * 10)],
        [VerdictWord.FASTER],
    ),
    "never there, too few": ([steady(*[1.0] * 5), steady(*[INF] * 5)], [VerdictWord.UNKNOWN]),
    "nothing to compare with": ([{}, ONES], [VerdictWord.NOT_COMPARED]),
    "alone": ([ONES], []),
    "nobody": ([], []),
}


@pytest.mark.parametrize("case", EDGES)
def test_every_edge_is_defined(case: str) -> None:
    """Zero variance, one repeat, missing and unequal repeats, infinite and no times: each a word.

    The sentence exists for each, and so do the numbers without words.
    """
    arms, expected = EDGES[case]
    assert words(*arms) == expected
    times = dict(zip("ab", arms, strict=False))
    for row in (*judge_arms(times), *judge_arms(times, words=False)):
        assert row.word is not VerdictWord.NOT_SLOWER
        assert isinstance(verdict_sentence(row), str)


def test_arms_that_lack_repeats_are_not_the_best() -> None:
    """An arm that ran only when the machine was quick does not become what all are measured by."""
    times = {
        "whole": {n: 1.0 + n for n in range(8)},
        "other": {n: 1.2 + n for n in range(8)},
        "broken": {0: 1.1, 1: 2.1},
    }
    assert pairwise.fastest_arm(times) == "whole"
    assert {row.against for row in judge_arms(times)} == {"whole"}


def test_an_infinite_time_is_never_dropped() -> None:
    """An arm that did not get there once is not the best, however fast it was otherwise."""
    assert pairwise.fastest_arm({"a": {**ONES, 3: INF}, "b": steady(*[5.0] * 8)}) == "b"


def test_in_a_screening_there_are_numbers_and_no_words() -> None:
    """Without words every number stays and no word is given."""
    times = {"a": noisy(1.0, 3, seed=1), "b": noisy(2.0, 3, seed=2)}
    (row,) = judge_arms(times, words=False)
    assert row.word is None
    assert not row.beyond_margin
    assert row.ratio is not None
    assert row.p is not None
    assert verdict_sentence(row).startswith(("2.0", "1.9"))
    assert "slower" not in verdict_sentence(row)


def test_the_permutation_test_is_a_cross_check() -> None:
    """The flips' p stands beside Student's: of twelve repeats on one side the smallest there is."""
    (row,) = judge_arms({"a": noisy(1.0, seed=1), "b": noisy(1.2, seed=2)})
    assert row.permutation_p == pytest.approx(2 / 2**12)


@pytest.mark.parametrize("noise", [0.03, 0.06])
def test_so_many_more_repeats_do_tell(noise: float) -> None:
    """With the repeats that were asked for, at the same spread, the answer is another word."""
    open_cases = [
        (seed, row)
        for seed in range(40)
        for row in judge_arms({"a": noisy(1, 8, seed=seed), "b": spread(1.02, 8, noise)})
        if row.word is VerdictWord.UNKNOWN
    ]
    assert open_cases
    for seed, row in open_cases[:3]:
        more = 8 + (row.more_repeats or 0)
        again = judge_arms({"a": noisy(1, more, seed=seed), "b": spread(1.02, more, noise)})
        assert again[0].word is not VerdictWord.UNKNOWN


ROW = Verdict(
    arm="b",
    against="a",
    word=VerdictWord.SLOWER,
    ratio=Interval(value=1.8, low=1.71, high=1.9, n=12),
)
SENTENCES = [
    (ROW, "1.80× slower [1.71, 1.90]"),
    (
        replace(ROW, word=VerdictWord.FASTER, ratio=Interval(value=0.5, low=0.4, high=0.8, n=12)),
        "2.00× faster [1.25, 2.50]",
    ),
    (replace(ROW, word=VerdictWord.CLOSE), "too close to call: within 5 %"),
    (
        replace(ROW, word=VerdictWord.UNKNOWN, more_repeats=6),
        "cannot tell yet: about 6 more repeats",
    ),
    (
        replace(ROW, word=VerdictWord.UNKNOWN),
        "cannot tell yet: more than 400 repeats would be needed",
    ),
    (
        replace(ROW, word=VerdictWord.NOT_COMPARED, reason="gate 1 failed"),
        "not compared: gate 1 failed",
    ),
    (replace(ROW, word=None), "1.80× [1.71, 1.90]"),
    (
        replace(ROW, ratio=Interval(value=INF, low=INF, high=INF, n=8)),
        "slower: it does not get there",
    ),
]


@pytest.mark.parametrize(("row", "text"), SENTENCES, ids=[text for _, text in SENTENCES])
def test_a_verdict_is_a_plain_sentence(row: Verdict, text: str) -> None:
    """Every word has its sentence, a factor never without its interval."""
    assert verdict_sentence(row) == text

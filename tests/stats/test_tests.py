"""Tests of paired log-ratios: right against scipy, defined at every edge, adjusted as proved."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from samenet.stats import intervals, significance
from samenet.stats.intervals import Estimate
from samenet.stats.significance import ALPHA, is_equivalent

MARGIN = 0.05
SAMPLES = [
    [0.01, 0.03],
    [-0.02, 0.01, 0.04],
    [0.01, 0.02, 0.015, 0.03, -0.01, 0.02, 0.0, 0.01],
    [-0.2, -0.1, -0.15, -0.12, -0.3, -0.11, -0.09, -0.2, -0.1],
]
LOGS = st.lists(st.floats(-1, 1).map(lambda x: round(x, 3)), min_size=2, max_size=9)


of = Estimate.of_runs


@pytest.mark.parametrize("logs", SAMPLES, ids=len)
def test_the_difference_is_students_paired_t_test(logs: list[float]) -> None:
    """The p value equals scipy's t test of the log-ratios against 0."""
    expected = stats.ttest_1samp(logs, 0).pvalue
    assert significance.difference_p(of(logs)) == pytest.approx(expected)


@pytest.mark.parametrize("logs", SAMPLES, ids=len)
def test_equivalence_is_the_larger_of_two_one_sided_t_tests(logs: list[float]) -> None:
    """The p value equals the larger one of scipy's two one-sided tests against the margin."""
    edge = math.log1p(MARGIN)
    above = stats.ttest_1samp(logs, -edge, alternative="greater").pvalue
    below = stats.ttest_1samp(logs, edge, alternative="less").pvalue
    assert significance.equivalence_p(of(logs), MARGIN) == pytest.approx(max(above, below))


@settings(deadline=None)
@given(LOGS)
def test_p_values_and_intervals_say_the_same(logs: list[float]) -> None:
    """A p of 5 % is where the 95 % interval, or the 90 % one of equivalence, touches its edge."""
    wide, narrow = (
        intervals.geometric_mean_of_logs(logs, confidence) for confidence in (0.95, 0.90)
    )
    edges = [1.0, 1 + MARGIN, 1 / (1 + MARGIN)]
    ends = [wide.low, wide.high, narrow.low, narrow.high]
    if any(math.isclose(edge, end, rel_tol=1e-9) for edge in edges for end in ends):
        return
    differs = not wide.low <= 1 <= wide.high
    beyond = wide.low > 1 + MARGIN or wide.high < 1 / (1 + MARGIN)
    inside = narrow.low > 1 / (1 + MARGIN) and narrow.high < 1 + MARGIN
    assert (significance.difference_p(of(logs)) <= ALPHA) == differs
    assert (significance.beyond_p(of(logs), MARGIN) <= ALPHA) == beyond
    assert (significance.equivalence_p(of(logs), MARGIN) <= ALPHA) == inside


@pytest.mark.parametrize("logs", SAMPLES, ids=len)
def test_sign_flips_are_scipys_permutation_test(logs: list[float]) -> None:
    """Up to 16 repeats every flip is counted, as in scipy's exact test of paired samples."""
    expected = stats.permutation_test(
        (logs,), np.mean, permutation_type="samples", n_resamples=np.inf, vectorized=True
    )
    assert significance.sign_flip_p(logs) == pytest.approx(expected.pvalue)


def test_many_repeats_draw_their_sign_flips_once() -> None:
    """Beyond 16 repeats flips are drawn, the same ones every time, and never give p = 0."""
    logs = np.random.default_rng(4).normal(0.02, 0.05, 20)
    drawn, again = significance.sign_flip_p(logs), significance.sign_flip_p(logs)
    assert drawn == again == pytest.approx(float(significance.difference_p(of(logs))), abs=0.02)
    assert significance.sign_flip_p([1.0] * 40) == pytest.approx(1 / 20_001, rel=0.01)


@pytest.mark.parametrize("n", [2, 8, 12])
def test_without_spread_a_difference_is_sure_and_equality_is_none(n: int) -> None:
    """Equal log-ratios: p is 0, or 1 if they are 0, and the flips say no more than n signs can."""
    assert significance.difference_p(of([0.1] * n)) == pytest.approx(0, abs=1e-12)
    assert significance.difference_p(of([0.0] * n)) == 1
    assert significance.equivalence_p(of([0.0] * n), MARGIN) == 0
    assert significance.equivalence_p(of([0.1] * n), MARGIN) == pytest.approx(1)
    assert significance.sign_flip_p([0.1] * n) == 2 / 2**n
    assert significance.sign_flip_p([0.0] * n) == 1


def test_the_sign_test_bears_infinity() -> None:
    """The sign test equals scipy's binomial test; ties do not count."""
    logs = [math.inf] * 7 + [-0.1, 0.0]
    assert significance.sign_p(logs) == pytest.approx(stats.binomtest(7, 8).pvalue)
    assert significance.sign_p([0.0, 0.0]) == 1


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_holm_is_the_closed_bonferroni_test(p_values: list[float]) -> None:
    """An adjusted p is the largest Bonferroni p of all sets of tests that hold this one."""
    adjusted = significance.adjust_by_holm(p_values)
    for index in range(len(p_values)):
        others = [p for n, p in enumerate(p_values) if n != index]
        sets = (c for size in range(len(p_values)) for c in itertools.combinations(others, size))
        closed = max(
            min((p_values[index], *p_values_beside)) * (len(p_values_beside) + 1)
            for p_values_beside in sets
        )
        assert adjusted[index] == pytest.approx(min(1.0, closed))


def test_many_runs_are_tested_as_each_alone() -> None:
    """Every function gives for an array of runs what it gives for each run."""
    runs = np.random.default_rng(5).normal(0.01, 0.03, (6, 4, 9))
    functions = (
        lambda logs: significance.difference_p(of(logs)),
        lambda logs: significance.equivalence_p(of(logs), MARGIN),
        lambda logs: significance.beyond_p(of(logs), MARGIN),
        significance.sign_flip_p,
        significance.adjust_by_holm,
    )
    for function in functions:
        together = function(runs)
        alone = [[function(logs) for logs in row] for row in runs]
        np.testing.assert_allclose(together, alone)


def test_one_repeat_shows_nothing() -> None:
    """The p of a single repeat is 1 in every test, however large its ratio."""
    found = Estimate.of([3.0])
    assert significance.difference_p(found) == significance.beyond_p(found, MARGIN) == 1
    assert significance.equivalence_p(found, MARGIN) == significance.above_p(found, 0) == 1


def test_equivalence_needs_a_test_not_a_missing_difference() -> None:
    """Equal within 5 % is said only after 8 repeats whose 90 % interval lies inside the margin."""
    ones = dict.fromkeys(range(8), 1.0)
    assert is_equivalent(dict(enumerate([1.0, 1.01] * 4)), ones)
    assert not is_equivalent(dict(enumerate([0.5, 2.0] * 4)), ones)
    assert not is_equivalent(dict.fromkeys(range(7), 1.0), ones)
    assert not is_equivalent({**ones, 8: 1.0, 9: math.inf}, {**ones, 8: 1.0, 9: 1.0})

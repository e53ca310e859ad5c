"""Intervals and ranks: right against scipy, honest about few repeats, and they cover the truth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from samenet.stats.intervals import (
    Estimate,
    Interval,
    arithmetic_mean,
    geometric_mean,
    is_slower_in_pairs,
    log_ratios,
    paired_ratio,
    rank_arms,
    resolution,
    t_factor,
)

SAMPLES = [
    [1.0, 2.0],
    [0.5, 0.6, 0.55],
    [1e-6, 3e-6, 2e-6, 2.5e-6],
    [10.0, 11.0, 9.0, 10.5, 10.2, 9.9, 10.1, 10.0],
]
SECONDS = st.floats(1e-6, 1e3)


def repeats(*values: float) -> dict[int, float]:
    """Return values as one number per repeat."""
    return dict(enumerate(values))


@pytest.mark.parametrize("values", SAMPLES, ids=len)
@pytest.mark.parametrize("confidence", [0.90, 0.95])
def test_the_t_interval_is_that_of_scipy(values: list[float], confidence: float) -> None:
    """The interval of a mean equals scipy's t interval to rounding error."""
    interval = arithmetic_mean(values, confidence)
    low, high = stats.t.interval(
        confidence, len(values) - 1, loc=np.mean(values), scale=stats.sem(values)
    )
    assert (interval.low, interval.high) == (pytest.approx(low), pytest.approx(high))
    assert interval.value == pytest.approx(np.mean(values))


@pytest.mark.parametrize("values", SAMPLES, ids=len)
def test_the_geometric_interval_is_the_t_interval_of_logarithms(values: list[float]) -> None:
    """The interval of a geometric mean is scipy's t interval of the logarithms, raised back."""
    interval = geometric_mean(values)
    logs = np.log(values)
    low, high = stats.t.interval(0.95, len(values) - 1, loc=logs.mean(), scale=stats.sem(logs))
    assert (interval.low, interval.high) == (
        pytest.approx(math.exp(low)),
        pytest.approx(math.exp(high)),
    )
    assert interval.value == pytest.approx(stats.gmean(values))


@pytest.mark.parametrize("values", SAMPLES, ids=len)
def test_an_estimate_of_many_runs_holds_that_of_each(values: list[float]) -> None:
    """Runs estimated at once have the mean, spread and half width that each has alone."""
    alone, together = Estimate.of(values), Estimate.of_runs([values, values[::-1]])
    for expected, actual in zip(
        (alone.centre, alone.spread, alone.standard_error, alone.half_width()),
        (together.centre, together.spread, together.standard_error, together.half_width()),
        strict=True,
    ):
        np.testing.assert_allclose(actual, [expected, expected], rtol=1e-12)


@pytest.mark.parametrize("values", [[3.0], *SAMPLES], ids=len)
def test_a_printed_interval_holds_the_whole_estimate(values: list[float]) -> None:
    """Mean, spread and number come back from value, low, high and n."""
    recovered, direct = (
        Estimate.from_ratio(geometric_mean(values)),
        Estimate.of(np.log(values).tolist()),
    )
    assert (recovered.centre, recovered.spread, recovered.n) == pytest.approx(
        (direct.centre, direct.spread, direct.n), rel=1e-9
    )


def test_more_repeats_narrow_the_interval_alone() -> None:
    """A projection keeps mean and spread; four times the repeats halve the standard error."""
    estimate = Estimate.of(SAMPLES[-1])
    more = estimate.at(4 * estimate.n)
    assert (more.centre, more.spread) == (estimate.centre, estimate.spread)
    assert more.standard_error == pytest.approx(estimate.standard_error / 2)
    assert more.half_width() < estimate.half_width() / 2


def test_a_ratio_the_other_way_round_has_its_ends_turned() -> None:
    """The inverse of 2 [1, 4] is 0.5 [0.25, 1], and a 0 becomes infinity."""
    assert Interval(value=2, low=1, high=4, n=8).inverse == Interval(
        value=0.5, low=0.25, high=1, n=8
    )
    assert Interval(value=2, low=0, high=math.inf, n=8).inverse.high == math.inf


@pytest.mark.parametrize("n", [2, 3, 8, 16, 100])
def test_the_factor_is_students_t(n: int) -> None:
    """The factor of n repeats is the two-sided 95 % quantile with n - 1 degrees of freedom."""
    assert t_factor(n) == pytest.approx(stats.t.ppf(0.975, n - 1))


def test_one_repeat_has_no_interval() -> None:
    """A single repeat gives its value, says that it knows no interval, and never a verdict."""
    interval = geometric_mean([3.0])
    assert (interval.value, interval.low, interval.high) == pytest.approx((3.0, 3.0, 3.0))
    assert not interval.known
    assert not is_slower_in_pairs(repeats(9.0), repeats(1.0))
    assert rank_arms({"a": repeats(1.0), "b": repeats(9.0)}) == {"a": 1, "b": 1}


def test_equal_repeats_have_an_interval_of_no_width() -> None:
    """Repeats without any spread give value = low = high, and a plain difference is one."""
    interval = arithmetic_mean([2.0, 2.0, 2.0])
    assert (interval.low, interval.value, interval.high) == (2.0, 2.0, 2.0)
    assert interval.known
    assert rank_arms({"a": repeats(1.0, 1.0, 1.0), "b": repeats(2.0, 2.0, 2.0)}) == {"a": 1, "b": 2}


@pytest.mark.parametrize("n", [3, 8])
def test_the_interval_covers_the_truth_as_often_as_it_says(n: int) -> None:
    """In 4,000 simulated comparisons the 95 % interval holds the true ratio in 93 to 97 %.

    Repeats are paired: both arms share the machine's state of the repeat, as they do in a run.
    """
    draw, truth, hits, trials = np.random.default_rng(20261123), 1.3, 0, 4000
    for _ in range(trials):
        shared = draw.normal(0, 0.2, n)
        numerator = np.exp(math.log(truth) + shared + draw.normal(0, 0.05, n))
        denominator = np.exp(shared + draw.normal(0, 0.05, n))
        interval = paired_ratio(repeats(*numerator), repeats(*denominator))
        hits += interval.low <= truth <= interval.high
    assert 0.93 <= hits / trials <= 0.97


def test_a_ratio_is_paired_within_the_repeats_both_have() -> None:
    """A drift that both arms share leaves no trace, and a repeat that one lacks is left out."""
    interval = paired_ratio({0: 2.0, 1: 4.0, 2: 40.0, 3: 1.0}, {0: 1.0, 1: 2.0, 2: 20.0})
    assert (interval.value, interval.low, interval.high) == pytest.approx((2.0, 2.0, 2.0))
    assert interval.n == 3


def test_without_a_common_repeat_there_is_no_ratio() -> None:
    """Arms that never ran in the same repeat are not compared."""
    with pytest.raises(ValueError, match="No repeat holds both"):
        paired_ratio({0: 1.0}, {1: 1.0})
    assert not is_slower_in_pairs({0: 1.0}, {1: 1.0})


def test_ties_share_a_rank_and_the_next_one_counts_them() -> None:
    """Arms that the repeats do not tell apart share a rank; the next has its place in the order."""
    rank_of = rank_arms(
        {
            "slow": repeats(9.0, 9.1, 9.2),
            "one": repeats(1.0, 1.2, 1.1),
            "two": repeats(1.1, 1.0, 1.2),
        }
    )
    assert rank_of == {"one": 1, "two": 1, "slow": 3}


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from("abcdef"), st.lists(SECONDS, min_size=3, max_size=3)))
def test_ranks_begin_at_one_and_follow_the_means(times: dict[str, list[float]]) -> None:
    """Whatever was measured, the fastest has rank 1 and no slower mean has a better rank."""
    rank_of = rank_arms({arm: repeats(*values) for arm, values in times.items()})
    order = sorted(times, key=lambda arm: geometric_mean(times[arm]).value)
    ordered = [rank_of[arm] for arm in order]
    assert ordered == sorted(ordered)
    assert ordered[:1] == [1][: len(ordered)]


@settings(deadline=None)
@given(st.lists(SECONDS, min_size=2, max_size=8), st.lists(SECONDS, min_size=2, max_size=8))
def test_a_ratio_and_its_inverse_say_the_same(first: list[float], second: list[float]) -> None:
    """First / second and second / first are reciprocal, intervals included."""
    there, back = (
        paired_ratio(repeats(*first), repeats(*second)),
        paired_ratio(repeats(*second), repeats(*first)),
    )
    assert there.value == pytest.approx(1 / back.value)
    assert there.low == pytest.approx(1 / back.high)


def test_the_resolution_is_the_half_width_as_a_ratio() -> None:
    """What a run resolves is the half width of its interval; one repeat resolves nothing."""
    assert resolution(1, 0.1) == math.inf
    assert resolution(4, 0.1) == pytest.approx(math.exp(stats.t.ppf(0.975, 3) * 0.1 / 2) - 1)


def test_infinite_times_give_the_median_and_its_interval() -> None:
    """With an infinite time there is no mean: the median between order statistics stands in.

    Of eight the second smallest and the second largest would bound 93 %, too little: so it is the
    smallest and the largest.
    """
    partly_infinite = {**repeats(*[2.0, 2.2, 1.8, 2.1, 1.9, 2.3, 1.7]), 7: math.inf}
    interval = paired_ratio(partly_infinite, repeats(*[1.0] * 8))
    assert (interval.value, interval.low, interval.high) == (
        pytest.approx(2.05, rel=1e-3),
        1.7,
        math.inf,
    )
    few = paired_ratio({0: 1.0, 1: math.inf}, repeats(1.0, 1.0))
    assert (few.low, few.high) == (0, math.inf)


def test_infinite_times_on_both_sides_are_alike() -> None:
    """Where neither arm got there neither is slower, and opposite infinities cancel."""
    both = {0: math.inf, 1: 1.0}
    assert log_ratios(both, both) == [0.0, 0.0]
    assert paired_ratio({0: math.inf, 1: 1.0}, {0: 1.0, 1: math.inf}).value == 1


def test_numbers_without_end_become_infinite() -> None:
    """An interval that leaves the range of numbers ends at infinity, not in an error."""
    found = paired_ratio({0: 1e-300, 1: 1e300}, {0: 1.0, 1: 1.0})
    assert (found.low, found.high) == (0, math.inf)

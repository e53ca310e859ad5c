"""Break-even: from how many steps on, until how many, always, never, or not known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from samenet.stats.break_even import ArmTimes, BreakEvenKind, break_even, fieller_interval

REPEATS = 12


def cost(start_up: float, step: float, *, seed: int, noise: float = 0.02) -> ArmTimes:
    """Return an arm's seconds with noise."""
    factors = np.exp(np.random.default_rng(seed).normal(0, noise, (2, REPEATS)))
    return ArmTimes(
        start_up=dict(enumerate((start_up * factors[0]).tolist())),
        step=dict(enumerate((step * factors[1]).tolist())),
    )


EAGER = cost(1.0, 1e-3, seed=1)
CASES = {
    "compiled": (cost(6.0, 6e-4, seed=2), BreakEvenKind.FROM),
    "starts sooner, steps slower": (cost(0.5, 2e-3, seed=3), BreakEvenKind.UNTIL),
    "better in both": (cost(0.5, 6e-4, seed=4), BreakEvenKind.ALWAYS),
    "worse in both": (cost(6.0, 2e-3, seed=5), BreakEvenKind.NEVER),
    "equal steps, slower start": (cost(6.0, 1e-3, seed=6), BreakEvenKind.NEVER),
    "equal steps, quicker start": (cost(0.5, 1e-3, seed=7), BreakEvenKind.ALWAYS),
    "equal in both": (cost(1.0, 1e-3, seed=8), BreakEvenKind.UNKNOWN),
    "equal steps, a start that may be either": (
        ArmTimes(start_up=cost(1.1, 1e-3, seed=10, noise=0.5).start_up, step=EAGER.step),
        BreakEvenKind.UNKNOWN,
    ),
    "too noisy": (cost(6.0, 1e-3, seed=9, noise=0.5), BreakEvenKind.UNKNOWN),
    "one repeat": (ArmTimes(start_up={0: 6.0}, step={0: 6e-4}), BreakEvenKind.UNKNOWN),
    "no common repeat": (ArmTimes(start_up={99: 6.0}, step={99: 6e-4}), BreakEvenKind.UNKNOWN),
    "did not start": (
        ArmTimes(start_up={0: 6.0, 1: math.inf}, step={0: 1e-4, 1: 1e-4}),
        BreakEvenKind.UNKNOWN,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_every_case_has_its_answer(case: str) -> None:
    """What starts and steps say together: from, until, always, never, or cannot tell yet.

    A number of steps stands beside `from` and `until`, and nowhere else.
    """
    candidate, kind = CASES[case]
    answer = break_even(EAGER, candidate)
    assert answer.kind is kind
    assert (answer.steps is not None) == (kind in {BreakEvenKind.FROM, BreakEvenKind.UNTIL})


@pytest.mark.parametrize("case", ["compiled", "starts sooner, steps slower"])
def test_exchanged_arms_give_the_mirrored_answer(case: str) -> None:
    """What pays off from N steps on is overtaken, seen from the other side, at the same N."""
    candidate, kind = CASES[case]
    there, back = break_even(EAGER, candidate), break_even(candidate, EAGER)
    assert {there.kind, back.kind} == {BreakEvenKind.FROM, BreakEvenKind.UNTIL}
    assert there.kind is kind
    assert there.steps is not None
    assert back.steps is not None
    assert there.steps.value == pytest.approx(back.steps.value)
    assert there.steps.low == pytest.approx(back.steps.low)


def test_without_noise_the_break_even_is_the_quotient() -> None:
    """Five seconds later, 0.4 ms less per step: 12,500 steps."""
    flat = [
        ArmTimes(start_up=dict.fromkeys(range(3), start), step=dict.fromkeys(range(3), step))
        for start, step in ((1.0, 1e-3), (6.0, 6e-4))
    ]
    answer = break_even(*flat)
    assert answer.steps is not None
    ends = (answer.steps.low, answer.steps.value, answer.steps.high)
    assert ends == pytest.approx((12_500, 12_500, 12_500), rel=1e-6)


def test_a_start_that_may_be_no_later_pays_off_from_the_beginning() -> None:
    """Where the start-ups do not differ the interval begins at no step at all."""
    answer = break_even(EAGER, cost(1.0, 6e-4, seed=10))
    assert answer.kind is BreakEvenKind.FROM
    assert answer.steps is not None
    assert answer.steps.low == 0


PAIRS = st.lists(
    st.tuples(st.floats(-5, 5).map(lambda x: round(x, 2)), st.floats(1, 3)), min_size=3, max_size=9
)


@settings(deadline=None)
@given(PAIRS, st.floats(-10, 10))
def test_the_interval_holds_what_students_test_does_not_reject(
    pairs: list[tuple[float, float]], ratio: float
) -> None:
    """A ratio is inside exactly if top - ratio x bottom is not told from 0 by a t test."""
    top, bottom = np.array(pairs).T
    low, high = fieller_interval(top, bottom)
    rest = top - ratio * bottom
    if not np.isfinite([low, high]).all() or np.ptp(rest) <= 1e-6 * np.abs(rest).max():
        return
    p = stats.ttest_1samp(rest, 0).pvalue
    if not math.isclose(p, 0.05, abs_tol=1e-6):
        assert (low <= ratio <= high) == (p > 0.05)


def test_a_bottom_that_may_be_zero_bounds_nothing() -> None:
    """Where the mean below the line does not differ from 0 the interval is everything."""
    low, high = fieller_interval([1.0, 2.0, 1.5], [1.0, -1.0, 0.1])
    assert (low, high) == (-math.inf, math.inf)

"""Trials of the instrument: a pair with a known difference, and what is counted of many."""

from __future__ import annotations

import math

import pytest

from samenet._random import make_generator
from samenet.selftest import trials
from samenet.selftest.base import rate_figure
from samenet.selftest.measured import inject
from samenet.selftest.trials import Trial

SPREAD = 0.015
"""Of a block's log-ratio: what was measured on two shared cores."""


def trial(percent: float, number: int, spread: float = SPREAD) -> Trial:
    """Return a made-up trial of 12 repeats with this truth."""
    noise = make_generator("trial", number).normal(0.0, spread, size=12)
    planted = {r: (1 + percent / 100) * math.exp(n) for r, n in enumerate(noise)}
    return trials.judge(planted, dict.fromkeys(range(12), 1.0))


def test_a_planted_difference_is_found_and_none_is_not() -> None:
    """Of made-up pairs +5 % is found in each; without a difference ties are confirmed."""
    assert all(trial(5, n).slower for n in range(40))
    assert sum(trial(0, n).equivalent for n in range(40)) >= 36
    assert sum(trial(0, n).different for n in range(40)) <= 5


def test_the_figures_judge_found_bias_and_coverage() -> None:
    """Healthy trials pass every figure; a clock that reads 1 % too much fails the bias."""
    healthy = inject.figures(5, [trial(5, n) for n in range(40)])
    biased = inject.figures(5, [trial(6.05, n) for n in range(40)])
    assert [figure.passed for figure in healthy] == [True, True, True]
    assert next(figure.quantity for figure in biased if not figure.passed) == "+5 %: bias"


def test_replayed_blocks_are_called_different_in_about_five_per_cent() -> None:
    """Flipped signs leave nothing to be found: what is still found is the rate of errors."""
    hits, rounds = trials.replay([trial(5, n) for n in range(40)], 200, seed=0)
    assert rounds == 40 * 200
    assert 0.03 <= hits / rounds <= 0.07


def test_the_plan_of_a_trial_holds_the_pair_and_what_proves_it() -> None:
    """Twelve repeats of the reference and of itself, and no other arm."""
    for percent, again in ((0, "control"), (3, "sensitivity")):
        plan = trials.plan_of(percent, 12)
        assert {job.arm for job in plan.jobs} == {"", trials.PAIR}
        assert {j.pass_name for j in plan.jobs if j.timed} == {"cell", again}
        assert sum(job.timed for job in plan.jobs) == 24
        assert plan.planted_percent == percent
        first = [j.pass_name for j in plan.jobs if j.timed][::2]
        assert first == ["cell", again] * 6  # each of the two goes first as often


@pytest.mark.parametrize("percent", [0, 10])
def test_a_trial_goes_through_real_processes(percent: int) -> None:
    """A trial of two repeats has two log-ratios, from four processes."""
    assert len(trials.run_trial(percent, repeats=2).logs) == 2


def test_a_rate_carries_its_wilson_interval() -> None:
    """5 of 40 is 12.5 %, with the interval that Wilson's formula gives."""
    found = rate_figure("hits", 5, 40, most=0.125)
    assert found.passed
    assert (found.low, found.high) == pytest.approx((0.0546, 0.2611), abs=1e-4)

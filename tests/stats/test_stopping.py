"""When to stop: on the width of intervals, at fixed counts, and never on what they say."""

from __future__ import annotations

import math

import numpy as np
import pytest

from samenet.stats import stopping
from samenet.stats.intervals import Estimate, geometric_mean_of_logs, t_factor

TARGET = math.log1p(0.05) / 2


def logs_of(half_width: float, repeats: int, centre: float = 0.0) -> list[float]:
    """Return log-ratios whose 95 % interval has this half width."""
    signs = np.resize([1.0, -1.0], repeats)
    deviation = half_width * math.sqrt(repeats) / t_factor(repeats)
    return (centre + deviation * signs / signs.std(ddof=1)).tolist()


def test_it_looks_at_fixed_counts_only() -> None:
    """Between looks nothing is settled, however narrow the interval."""
    settled = [n for n in range(2, 31) if stopping.should_stop_pair([0.0] * n)]
    assert settled == list(stopping.INTERIM_LOOKS) == [8, 12, 16, 24, 30]


@pytest.mark.parametrize("centre", [0.0, 0.01, 0.03, 1.0])
def test_only_the_width_counts(centre: float) -> None:
    """Whatever the ratio is, half of the target is enough at 8 repeats, all of it is not."""
    assert stopping.should_stop_pair(logs_of(0.49 * TARGET, 8, centre))
    assert not stopping.should_stop_pair(logs_of(0.51 * TARGET, 8, centre))


def test_a_narrow_interval_must_have_been_narrow_before() -> None:
    """From the second look on the width is asked for at this look and at the one before."""
    first = logs_of(0.99 * TARGET, 8)
    assert stopping.should_stop_pair(first + logs_of(0.9 * TARGET, 4))
    wide = logs_of(1.5 * TARGET, 8) + [0.0] * 4
    assert geometric_mean_of_logs(wide).high < math.exp(TARGET)
    assert not stopping.should_stop_pair(wide)


def test_a_run_is_measured_enough_when_every_arm_is() -> None:
    """One arm that is not known narrowly, or no other arm at all, keeps the run going."""
    quiet = dict(enumerate(np.exp(logs_of(0.4 * TARGET, 8)).tolist()))
    wild = dict(enumerate(np.exp(logs_of(4 * TARGET, 8, 0.5)).tolist()))
    level = dict.fromkeys(range(8), 0.9)
    assert stopping.should_stop({"a": level, "b": quiet})
    assert not stopping.should_stop({"a": level, "b": quiet, "c": wild})
    assert not stopping.should_stop({"a": level, "b": {**quiet, 3: math.inf}})
    assert not stopping.should_stop({"a": level, "b": {0: 1.0}})
    assert not stopping.should_stop({"a": level})


@pytest.mark.parametrize("spread", [0.0, 0.01, 0.03, 0.05, 0.1])
def test_the_repeats_needed_are_the_fewest_that_are_narrow_enough(spread: float) -> None:
    """With so many repeats at this spread the interval is narrow enough, with one less it is not.

    Fewer than eight are never asked for.
    """
    estimate = Estimate(centre=0.0, spread=spread, n=8)
    needed = stopping.find_repeats_needed(lambda n: bool(stopping.is_narrow(estimate.at(n))))
    assert needed is not None
    assert t_factor(needed) * spread / math.sqrt(needed) <= TARGET
    if needed > 8:
        assert t_factor(needed - 1) * spread / math.sqrt(needed - 1) > TARGET


def test_no_unreasonable_number_is_promised() -> None:
    """A spread of 50 % needs more than 400 repeats: no number."""
    wild = Estimate(centre=0.0, spread=0.5, n=8)
    assert stopping.find_repeats_needed(lambda n: bool(stopping.is_narrow(wild.at(n)))) is None


@pytest.mark.parametrize(
    ("more", "seconds", "text"),
    [
        (6, None, "about 6 more repeats"),
        (1, None, "about 1 more repeat"),
        (6, 50.0, "about 5 more minutes"),
        (1, 1.0, "about 1 more minute"),
        (None, 50.0, "more than 400 repeats would be needed"),
    ],
)
def test_what_is_lacking_is_one_sentence(
    more: int | None, seconds: float | None, text: str
) -> None:
    """Repeats, or whole minutes if a repeat is known, at least one; and no unreasonable number."""
    assert stopping.format_needed(more, seconds) == text


def test_an_interval_of_the_wanted_width_always_answers() -> None:
    """With half of the margin as half width the interval excludes 1 or lies inside the margin."""
    for centre in np.linspace(0, 0.2, 101):
        found = geometric_mean_of_logs(logs_of(0.999 * TARGET, 12, float(centre)))
        assert found.low > 1 or found.high < 1.05

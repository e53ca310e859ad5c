"""The simulated tests of the instrument pass, and each fails when its fault is planted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from scipy.special import ndtri

from samenet.selftest import base, simulation
from samenet.selftest.base import SelfTestOrder
from samenet.selftest.simulated import drift
from samenet.stats import break_even, intervals, significance, stopping
from samenet.stats.intervals import Estimate

SIMULATED = (
    "break-even",
    "coverage",
    "drift",
    "equivalence",
    "family",
    "pseudo",
    "rank",
    "stopping",
)


@pytest.mark.parametrize("name", SIMULATED)
def test_the_instrument_passes_its_simulated_tests(name: str) -> None:
    """The short form is inside all limits, and no run was judged otherwise by a real function."""
    found = base.run_selftest(name, SelfTestOrder(short=True))
    assert [f for f in found.figures if not f.passed] == []
    assert found.passed
    assert [f.value for f in found.figures if "judged" in f.quantity or "answered" in f.quantity]


@pytest.mark.parametrize("name", SIMULATED)
def test_the_number_of_trials_can_be_asked_for(name: str) -> None:
    """`--n` is the number of trials of every test, down to one, and figures come of it."""
    assert base.run_selftest(name, SelfTestOrder(n=1, short=True)).figures


def significant(logs: Any, margin: float = 0.05) -> Any:
    """Stop as soon as the difference is significant."""
    del margin
    return significance.difference_p(Estimate.of_runs(logs)) <= significance.ALPHA


def unadjusted(p_values: Any) -> Any:
    """Leave p values as they are, however many there are."""
    return np.asarray(p_values, dtype=np.float64)


def not_significant(found: Estimate, margin: float) -> Any:
    """Call alike what does not differ significantly."""
    del margin
    return np.where(significance.difference_p(found) > significance.ALPHA, 0.0, 1.0)


def always_first(items: Sequence[str], repeat: int) -> list[str]:
    """Run one arm first in every repeat."""
    del repeat
    return list(items)


def normal_factor(n: float, confidence: float = 0.95) -> float:
    """Take the normal law for Student's."""
    del n
    return float(ndtri(0.5 + confidence / 2))


Fault = tuple[str, Any, str, Callable[..., Any], str]
FAULTS: list[Fault] = [
    ("stopping", stopping, "should_stop_pair", significant, "false differences"),
    ("family", significance, "adjust_by_holm", unadjusted, "equal arms: one called slower"),
    ("rank", significance, "adjust_by_holm", unadjusted, "two ranks"),
    ("equivalence", significance, "equivalence_p", not_significant, "true ratio"),
    ("drift", drift, "rotate", always_first, "2 arms"),
    ("break-even", break_even, "t_factor", normal_factor, "interval holds"),
    ("coverage", intervals, "t_factor", normal_factor, "normal noise"),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault[0]}-{fault[3].__name__}")
def test_a_planted_fault_is_caught(fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another rule in the place of ours, and the figure that watches it is out of its limits."""
    name, module, attribute, wrong, watching = fault
    monkeypatch.setattr(module, attribute, wrong)
    found = base.run_selftest(name, SelfTestOrder(short=True))
    assert [f for f in found.figures if not f.passed and watching in f.quantity]


def test_the_simulated_rule_is_held_to_the_real_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the rule applied to all runs at once were another one, `agreement_figure` counts it."""
    monkeypatch.setattr(simulation, "ALPHA", 0.5)
    found = base.run_selftest("family", SelfTestOrder(short=True))
    (checked,) = [f for f in found.figures if "judged" in f.quantity]
    assert checked.value > 0
    assert not checked.passed

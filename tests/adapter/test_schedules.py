"""Learning rates: one array for every framework, exact in float32, right by hand numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samenet.adapter import Batches
from samenet.adapter.schedules import learning_rates, rates_of, step_factors
from samenet.spec import TrainSpec

SGD = {"name": "sgd", "learning_rate": 1.0}
ADAM = {"name": "adam", "learning_rate": 0.125, "beta1": 0.5, "beta2": 0.75, "epsilon": 0.5}
HALF = math.sqrt(0.5)


def training(schedule: Any, optimizer: dict[str, Any] = SGD) -> TrainSpec:
    values = {"loss": "mean_squared_error", "batch_size": 4, "epochs": 1}
    return TrainSpec.model_validate({**values, "optimizer": optimizer, "schedule": schedule})


def call(first_step: int, steps: int) -> Batches:
    return Batches(order=np.zeros((steps, 4), np.int32), first_step=first_step)


STEP = {"name": "step", "steps": 5, "every": 2, "drop": 0.5}
EXPONENTIAL = {"name": "exponential", "steps": 4, "every": 2, "drop": 0.25}
COSINE = {"name": "cosine", "steps": 4}
BY_HAND = [
    ("constant", [1]),
    (STEP, [1, 1, 0.5, 0.5, 0.25, 0.25]),
    (EXPONENTIAL, [1, 0.5, 0.25, 0.125, 0.0625]),
    (COSINE, [1, (1 + HALF) / 2, 0.5, (1 - HALF) / 2, 0]),
    ({**COSINE, "final": 0.5}, [1, (3 + HALF) / 4, 0.75, (3 - HALF) / 4, 0.5]),
]


@pytest.mark.parametrize(("schedule", "factors"), BY_HAND, ids=str)
def test_a_schedule_follows_its_formula_by_hand(schedule: Any, factors: list[float]) -> None:
    """Each formula gives the hand-computed factors, from the first step to the one it ends with."""
    assert learning_rates(training(schedule)) == pytest.approx(factors, rel=2.0**-24, abs=1e-17)


@pytest.mark.parametrize(("schedule", "factors"), BY_HAND, ids=str)
def test_a_warm_up_rises_evenly_and_then_the_schedule_begins(
    schedule: Any, factors: list[float]
) -> None:
    """Four steps of a quarter more each reach the full rate; only then the schedule's time runs."""
    plain = {"name": schedule} if isinstance(schedule, str) else schedule
    found = learning_rates(training({**plain, "warmup_steps": 4}))
    assert found[:4].tolist() == [0.25, 0.5, 0.75, 1]
    assert found[4:] == pytest.approx(factors, rel=2.0**-24, abs=1e-17)


@pytest.mark.parametrize(("schedule", "factors"), BY_HAND, ids=str)
def test_the_last_rate_is_held(schedule: Any, factors: list[float]) -> None:
    """A training that goes on after the end of its schedule keeps the last rate for ever."""
    rates = learning_rates(training(schedule))
    late = rates_of(rates, call(first_step=len(factors) - 1, steps=3))
    assert late == pytest.approx([factors[-1]] * 3, rel=2.0**-24, abs=1e-17)
    assert rates_of(rates, call(first_step=10**6, steps=2)).tolist() == [rates[-1]] * 2


def test_a_rate_is_multiplied_by_its_factor() -> None:
    """The schedule scales the optimiser's own learning rate."""
    rates = learning_rates(training(STEP, {**SGD, "learning_rate": 0.75}))
    assert rates.tolist() == [0.75, 0.75, 0.375, 0.375, 0.1875, 0.1875]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    rate=st.floats(1e-6, 10),
    name=st.sampled_from(["constant", "step", "exponential", "cosine"]),
    steps=st.integers(1, 50),
    warm=st.integers(1, 20),
    drop=st.floats(0.01, 1),
)
def test_every_changing_rate_is_exact_in_float32(
    rate: float, name: str, steps: int, warm: int, drop: float
) -> None:
    """No precision rounds a scheduled rate, so all use the same ones, and none rises later on."""
    schedule = {"name": name, "steps": steps, "warmup_steps": warm, "drop": drop}
    rates = learning_rates(training(schedule, {**SGD, "learning_rate": rate}))
    assert rates.dtype == np.float64
    np.testing.assert_array_equal(rates, rates.astype(np.float32).astype(np.float64))
    assert len(rates) == warm + steps + 1
    assert np.all(np.diff(rates[warm - 1 :]) <= 0)


def test_a_constant_rate_is_the_number_of_the_task() -> None:
    """Without a schedule nothing is rounded: the rate is the float64 number that was written."""
    rates = learning_rates(training("constant", {**SGD, "learning_rate": 0.1}))
    assert rates.tolist() == [0.1]


def test_a_call_takes_the_rates_of_its_own_steps() -> None:
    """Steps are counted from the start of the training, across the calls."""
    rates = learning_rates(training(EXPONENTIAL))
    assert rates_of(rates, call(first_step=0, steps=2)).tolist() == [1, 0.5]
    assert rates_of(rates, call(first_step=1, steps=3)).tolist() == [0.5, 0.25, 0.125]
    assert rates_of(rates, call(first_step=3, steps=4)).tolist() == [0.125, 0.0625, 0.0625, 0.0625]


@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_the_factors_of_adam_are_those_of_its_formula(name: str) -> None:
    """The columns are r_t, r_t / (1 - beta1^t) and sqrt(1 - beta2^t), t counted from 1."""
    decay = {"weight_decay": 0.5} if name == "adamw" else {}
    spec = training("constant", {**ADAM, "name": name, **decay})
    found = step_factors(spec, learning_rates(spec), call(first_step=1, steps=2))
    second = [0.125, 0.125 / 0.75, math.sqrt(1 - 0.5625)]
    third = [0.125, 0.125 / 0.875, math.sqrt(1 - 0.75**3)]
    assert found == pytest.approx(np.array([second, third]), rel=1e-15)


def test_the_factors_of_adam_follow_a_schedule() -> None:
    """A scheduled rate stands in the first two columns, the third knows no rate."""
    spec = training({**STEP, "every": 1}, ADAM)
    found = step_factors(spec, learning_rates(spec), call(first_step=0, steps=2))
    first, second = [0.125, 0.25, 0.5], [0.0625, 0.0625 / 0.75, math.sqrt(1 - 0.5625)]
    assert found == pytest.approx(np.array([first, second]), rel=1e-15)


def test_other_optimizers_have_a_rate_alone() -> None:
    """The two columns of Adam are 0 where there are no moments."""
    spec = training(EXPONENTIAL)
    found = step_factors(spec, learning_rates(spec), call(first_step=1, steps=2))
    assert found.tolist() == [[0.5, 0, 0], [0.25, 0, 0]]

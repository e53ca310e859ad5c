"""The limits follow from rounding: strict where nothing amplifies it, wider only by what does."""

from __future__ import annotations

import math

import numpy as np
import pytest

from samenet.certificate import cases, limits
from samenet.certificate.oracle import network as oracle
from samenet.certificate.problem import ends_of
from samenet.spec import Forms

CASE = "training by momentum, smooth"
DTYPES = ("float32", "float64")


def law(dtype: str) -> limits.RoundingLaw:
    """Return what rounding may do to one parity case."""
    problem = cases.find_case(CASE).shown
    truth = problem.truth(Forms(), problem.whole, snapshots=ends_of(problem.whole))
    growth = limits.measure_growth(problem, Forms(), truth)
    return limits.rounding_law(problem, Forms(), truth, dtype, growth)


@pytest.mark.parametrize("dtype", DTYPES)
def test_weights_may_err_by_a_few_roundings_per_root_of_steps(dtype: str) -> None:
    """On a calm problem the limit is 4 u sqrt(t) G: nothing else has a say."""
    found = law(dtype)
    expected = 4 * limits.ROUNDOFF[dtype] * math.sqrt(120) * found.growth
    assert found.weights_limit(120) == pytest.approx(expected)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_oracles_own_rounding_is_far_inside_the_law(dtype: str) -> None:
    """Five trainings with units in another order stay below a quarter of the limit, not at 0."""
    found = law(dtype)
    for step, error in found.realised_weights.items():
        assert 0 < error < found.weights_limit(step) / 4


def test_the_limits_of_float64_are_those_of_the_issue() -> None:
    """A calm float64 training is held to less than 1e-12 in its weights and 1e-11 in its losses."""
    found = law("float64")
    assert max(found.weights_limit(step) for step in found.realised_weights) < 1e-12
    assert found.loss_limits().max() < 1e-11


def test_growth_is_what_the_training_makes_of_a_disturbance() -> None:
    """A calm training hardly amplifies a disturbance."""
    problem = cases.find_case(CASE).shown
    truth = problem.truth(Forms(), problem.whole)
    assert 1 <= limits.measure_growth(problem, Forms(), truth) < 2


def test_another_order_of_units_is_the_same_training() -> None:
    """Reordered, trained and turned back, float64 weights are equal up to its own rounding."""
    problem = cases.find_case("training by nesterov + dropout, smooth").shown
    ends = ends_of(problem.whole)
    truth = problem.truth(Forms(), problem.whole, snapshots=ends)
    found = limits.train_reordered(problem, Forms(), "float64", ends, 3)
    assert 0 < oracle.distance(found.final, truth.final) < 1e-14
    np.testing.assert_allclose(found.losses, truth.losses, rtol=1e-13)


def test_products_are_told_from_the_next_coarser_format() -> None:
    """The limit of a product lies between float32 and TF32, 90 times away from both."""
    limit = limits.precision_limit("float32")
    assert limit / limits.ROUNDOFF["float32"] == pytest.approx(2**6.5)
    assert limits.COARSER["float32"] / limit == pytest.approx(2**6.5)


def test_deeper_networks_have_more_roundings() -> None:
    """The limit of a gradient grows with the number of layers and with nothing else."""
    shallow = cases.find_case(CASE).shown.network
    deep = cases.find_case("training by adam + deep, smooth").shown.network
    ratio = limits.gradient_limit(deep, "float32") / limits.gradient_limit(shallow, "float32")
    assert ratio == (len(deep.layers) + 1) / (len(shallow.layers) + 1)

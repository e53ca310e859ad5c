"""Declared forms: kinks and rounded constants; the size of a deviation; why gate 2 failed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from samenet.adapter import Capabilities, Deviation, Target, discovery
from samenet.certificate import admissibility, cases, deviations, gate_functions, gate_training
from samenet.certificate.oracle import network as oracle
from samenet.certificate.oracle.functions import SELU_ALPHA, SELU_SCALE, delta_terms, derivative
from samenet.certificate.problem import Build, Problem, builder
from samenet.spec import Activation, Forms, Loss

USUAL_ADAM = "training by adam + usual constants, smooth"


def numpy() -> tuple[Build, Capabilities]:
    """Return how NumPy's programs are built, and what it offers."""
    adapter = discovery.load(discovery.shipped_adapters()["numpy"].path)
    return builder(adapter, "plain", Target()), adapter.capabilities()


def declaring(**forms: object) -> Capabilities:
    """Return what NumPy offers with other forms declared."""
    offered = numpy()[1]
    return offered.model_copy(update={"forms": offered.forms.model_copy(update=forms)})


# The slope exactly at a kink.

SLOPES = {
    "relu": (0.0, 0.5, 1.0),
    "leaky_relu": (0.01, 0.505, 1.0),
    "selu": (SELU_SCALE * SELU_ALPHA, SELU_SCALE * (SELU_ALPHA + 1) / 2, SELU_SCALE),
}


@pytest.mark.parametrize("name", SLOPES)
def test_a_slope_at_0_is_that_of_the_declared_side(name: str) -> None:
    """Left, middle and right are three numbers at 0 and one number everywhere else."""
    for side, slope in zip(("left", "middle", "right"), SLOPES[name], strict=True):
        forms = Forms.model_validate({f"{name}_at_0": side})
        points = np.array([0.0, -0.0, 2.0**-30, -(2.0**-30)])
        found = derivative(Activation(name=name), points, forms)
        usual = derivative(Activation(name=name), points)
        assert found[:2] == pytest.approx([slope, slope])
        np.testing.assert_array_equal(found[2:], usual[2:])


def test_the_slope_of_an_exact_hit_is_the_declared_one() -> None:
    """|z - y| has the slope 0 at an exact hit, or that of a side if an adapter says so."""
    hit, loss = np.zeros((1, 1)), Loss(name="mean_absolute_error")
    for side, slope in (("left", -1), ("middle", 0), ("right", 1)):
        forms = Forms.model_validate({"absolute_error_at_0": side})
        predicted, wanted = delta_terms(loss, hit, hit, forms)
        assert (predicted - wanted).item() == slope


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "selu"])
def test_another_side_than_the_declared_one_fails_gate_0(name: str) -> None:
    """NumPy has the left side: with the right one declared it is refused, for nothing else."""
    activation = next(a for a in map(_activation, cases.ACTIVATIONS) if a.name == name)
    build, _ = numpy()
    wrong = [
        check.quantity
        for check in gate_functions.check_activation(
            activation, build, declaring(**{f"{name}_at_0": "right"})
        )
        if not check.passed
    ]
    assert set(wrong) == {f"derivative of {activation}"}


def _activation(text: str) -> Activation:
    function = cases.find_case(f"activation {text}").function
    assert isinstance(function, Activation)
    return function


# Constants rounded to float32.


def test_a_rounded_constant_is_the_nearest_float32_number() -> None:
    """The momentum 0.9 as float32 is another training; one that is exact in binary is the same."""
    problem = cases.find_case("training by momentum + usual constants, smooth").shown
    rounded = Forms(rounded=("momentum",))
    written = problem.training.optimizer.model_copy(update={"momentum": float(np.float32(0.9))})
    other = replace(problem, training=problem.training.model_copy(update={"optimizer": written}))
    found = problem.truth(rounded, problem.whole).final
    assert oracle.distance(found, other.truth(Forms(), problem.whole).final) == 0
    assert oracle.distance(found, problem.truth(Forms(), problem.whole).final) > 1e-9
    dyadic = cases.find_case("training by momentum, smooth").shown
    trained = [dyadic.truth(forms, dyadic.whole).final for forms in (rounded, Forms())]
    assert oracle.distance(*trained) == 0


def test_an_undeclared_rounding_fails_gate_2_which_names_it() -> None:
    """What rounds Adam's betas in its correction is refused, and told which form would fit."""
    build, offered = numpy()
    problem = cases.find_case(USUAL_ADAM).shown
    wrong = declaring(rounded=("bias_correction",))
    refused = gate_training.check_training(problem, build, wrong, "float64")
    (weights,) = (check for check in refused if check.quantity == "weights")
    assert not weights.passed
    assert weights.detail.endswith("it would hold with the form rounded = none")
    right = gate_training.check_training(problem, build, offered, "float64")
    assert all(check.passed for check in right)


# The size of a deviation.


def deviating(*, present: bool = True) -> Capabilities:
    """Return what NumPy offers, with a deviation that rounds Adam's betas."""
    declared = declaring(rounded=("bias_correction",) if present else ())
    entry = Deviation(
        what="rounds", link="https://example.org", present=present, forms=("rounded",)
    )
    return declared.model_copy(update={"deviations": (entry,)})


def test_a_deviation_has_a_size_where_it_changes_something() -> None:
    """It is stated with its words and its address, judged by no limit, and absent where it is 0."""
    problem = cases.find_case(USUAL_ADAM).shown
    (found,) = deviations.sizes(problem, deviating())
    assert (found.gate, found.detail) == ("deviation", "rounds: https://example.org")
    assert 1e-9 < found.error < 1e-4
    assert found.passed
    assert deviations.sizes(cases.find_case("training by adam, smooth").shown, deviating()) == []
    assert deviations.sizes(problem, deviating(present=False)) == []


# Both branches of a step.

CLIPPED = [name for name in cases.names() if "clipping" in name]


@pytest.mark.parametrize("forms", admissibility.FORMS, ids=["first forms", "second forms"])
@pytest.mark.parametrize("name", CLIPPED)
def test_clipping_is_taken_and_not_taken(name: str, forms: Forms) -> None:
    """A third of the steps at least are clipped, and a third are not, whatever the form."""
    problem = cases.find_case(name).shown
    clip_norm = problem.training.optimizer.clip_norm
    assert clip_norm
    share = float(np.mean(cases.gradient_norms(problem, forms) > clip_norm))
    assert 1 / 3 <= share <= 2 / 3


def test_schedules_run_on_past_their_end() -> None:
    """Each schedule holds its last value for some steps of its case, and rises before."""
    for name in cases.SCHEDULES:
        shown = [cases.find_case(n).shown for n in cases.names() if f"+ {name}," in n]
        assert shown
        for problem in shown:
            schedule = problem.training.schedule
            assert schedule.warmup_steps + schedule.steps < _steps(problem)


def _steps(problem: Problem) -> int:
    return sum(len(call.order) for call in problem.whole)


def test_rows_are_dropped_whole_in_a_narrow_layer() -> None:
    """Some rows of the first steps have a mask of zeros alone: what follows sees biases only."""
    problem = cases.find_case("training by adam + narrow dropout, selu").shown
    (mask, *_) = problem.whole[0].masks
    assert (mask == 0).all(axis=2).any(axis=1).all()


@pytest.mark.parametrize("name", [n for n in cases.names() if n.startswith("gradient")])
def test_a_gradient_is_read_at_exact_kinks(name: str) -> None:
    """The batch whose gradient is read has a row of zeros, and biases are 0: all sums are 0."""
    problem = cases.find_case(name).shown
    first = problem.steps([problem.whole[0].first(1)])[0]
    assert (first.inputs == 0).all(axis=1).any()
    passed = oracle.forward(problem.network, problem.weights, first.inputs)
    assert (passed.sums[0] == 0).all(axis=1).any()


def test_the_long_cases_are_long() -> None:
    """More than 700 steps, more than 100 calls; calls over 20 steps, 1,024 rows, wide kernels."""
    many = cases.find_case("training by momentum + many calls, smooth").shown
    assert _steps(many) > 800
    assert len(many.whole) > 100
    large = cases.find_case("training by adam + large, smooth").shown
    assert large.shape.steps > 20
    assert len(large.source.inputs) > 1024
    assert max(n * m for n, m in large.network.shapes) >= 4096
    assert large.source.train_rows % large.training.batch_size

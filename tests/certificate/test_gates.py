"""What a gate does with numbers that are missing, not numbers, or in no reach of the law."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from samenet.adapter import Array, Layer, Target, discovery
from samenet.certificate import gate_functions, gate_timed, gate_training
from samenet.certificate.problem import Build, Check, Problem, builder, task_problem, train_call
from samenet.spec import Activation, Loss, load_task
from samenet.tasks import sources

EXACT = np.array([1.0, 2.0, 3.0])
LIMITS = np.array([0.5, 0.5, 0.1])


def healthy() -> Build:
    """Return how NumPy's programs are built."""
    return builder(discovery.load(discovery.shipped_adapters()["numpy"].path), "plain", Target())


def capabilities():
    """Return what NumPy offers."""
    return discovery.load(discovery.shipped_adapters()["numpy"].path).capabilities()


def test_the_loss_nearest_its_limit_is_reported() -> None:
    """Not the largest error counts but the one that uses up most of its own limit."""
    found = [EXACT + np.array([0.2, 0.0, 0.05])]
    assert gate_training.worst_loss(found, EXACT, LIMITS, [3]) == (pytest.approx(0.05), 0.1)


def test_a_mean_of_a_call_is_compared_with_the_mean() -> None:
    """A framework that reports one loss per call is held to the mean of the oracle's steps."""
    error, limit = gate_training.worst_loss([np.array([2.25])], EXACT, LIMITS, [3])
    assert (error, limit) == (0.25, 0.5)


def test_missing_losses_are_an_infinite_error() -> None:
    """Two losses for three steps cannot be the loss of every step."""
    assert gate_training.worst_loss([np.array([1.0, 2.0])], EXACT, LIMITS, [3])[0] == math.inf


@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize("lost", ["loss", "exact", "limit"])
def test_a_loss_that_is_no_number_is_infinitely_off(lost: str, place: int) -> None:
    """Wherever it stands, and whether framework, oracle or limit lost it: none hides it."""
    parts = {"loss": EXACT.copy(), "exact": EXACT.copy(), "limit": LIMITS.copy()}
    parts[lost][place] = math.nan
    error, _ = gate_training.worst_loss([parts["loss"]], parts["exact"], parts["limit"], [3])
    assert error == math.inf


@pytest.mark.parametrize("limit", [math.inf, math.nan])
def test_no_error_is_inside_a_limit_that_is_none(limit: float) -> None:
    """An infinite limit, of a training that diverges, lets nothing pass."""
    kind = {"gate": "gate 4", "quantity": "last loss", "dtype": "float32"}
    assert not Check(**kind, error=0.0, limit=limit).passed


def test_a_loss_that_is_no_number_is_an_infinite_error() -> None:
    """NaN is nearest to its limit, whatever the others are."""
    found = [np.array([1.0, np.nan, 3.4])]
    error, limit = gate_training.worst_loss(found, EXACT, LIMITS, [3])
    assert not Check(gate="", quantity="", dtype="", error=error, limit=limit).passed


def task() -> Problem:
    """Return a small shipped task."""
    iris = load_task("iris")
    return task_problem(iris, sources.prepare(iris))


def timed(problem: Problem, build: Build) -> gate_timed.TimedCalls:
    """Return what a program gives that is timed on the task."""
    program = build(problem, problem.training, problem.weights, "float32")
    losses = [train_call(program, problem.calls[0])]
    weights = list(program.weights())
    return gate_timed.TimedCalls(
        losses + [train_call(program, c) for c in problem.calls[1:]], weights
    )


def failed(given: gate_timed.TimedCalls) -> dict[str, float]:
    """Return which quantities of gate 4 fail, with their errors."""
    found = gate_timed.check_timed_program(task(), healthy(), capabilities(), given, "float32")
    return {check.quantity: check.error for check in found if not check.passed}


def test_a_timed_program_passes_gate_4() -> None:
    """What NumPy computes in float32 is inside all four limits."""
    assert failed(timed(task(), healthy())) == {}


def test_losses_that_are_missing_fail_gate_4() -> None:
    """A timed program that reports fewer losses than it was to take steps is refused for that."""
    given = timed(task(), healthy())
    short = [given.losses[0][:-1], *given.losses[1:]]
    assert failed(gate_timed.TimedCalls(short, given.weights)) == {"epoch loss": math.inf}


def test_weights_that_stay_fail_gate_4() -> None:
    """A first call that changes nothing is refused by what it should have changed."""
    problem = task()
    given = timed(problem, healthy())
    start = [
        Layer(*(part.astype(np.float32) for part in layer.values())) for layer in problem.weights
    ]
    assert failed(gate_timed.TimedCalls(given.losses, start)) == {"first call": pytest.approx(1.0)}


def test_every_activation_is_seen_at_saturated_and_at_kinked_points() -> None:
    """The points of gate 0 hold 0 itself, and both signs of large, ordinary and tiny numbers."""
    points = np.abs(gate_functions.POINTS)
    assert {np.sign(p) for p in gate_functions.POINTS} == {-1.0, 0.0, 1.0}
    assert points.max() == 100
    assert 0 < points[points > 0].min() < 1e-5
    np.testing.assert_array_equal(gate_functions.POINTS, gate_functions.POINTS.astype(np.float32))


def test_huber_is_seen_on_both_sides_of_its_delta() -> None:
    """Errors just inside and just outside delta are among the points, of both signs."""
    loss = Loss(name="huber", delta=0.5)
    logits, targets = gate_functions.loss_points(loss)
    errors = logits[:, 0] - targets[:, 0]
    for sign in (-1, 1):
        beside = sign * errors - loss.delta
        assert np.any((beside > 0) & (beside < 1e-3))
        assert np.any((beside < 0) & (beside > -1e-3))


def test_gate_0_reads_the_function_and_nothing_else() -> None:
    """The values that gate 0 reads from NumPy are the function at the points, to few roundings."""
    found = gate_functions.check_activation(Activation(name="silu"), healthy(), capabilities())
    assert [check.quantity for check in found] == ["silu", "derivative of silu"] * 2
    assert all(0 <= check.error < 4 * check.limit / 32 for check in found)


def reporting(change: Callable[[Array], Array]) -> Build:
    """Return how NumPy's programs are built, with changed losses."""

    def build(problem, training, weights, dtype):
        program = healthy()(problem, training, weights, dtype)
        losses = program.losses
        program.losses = lambda: change(losses())
        return program

    return build


CLIPPED = reporting(lambda losses: -np.log(np.clip(np.exp(-losses), 2.0**-52, 1)))
WRONG = reporting(lambda losses: losses / 2)
INFINITE = reporting(lambda losses: np.where(losses > 50, np.inf, losses))


@pytest.mark.parametrize(
    ("build", "told", "passed"),
    [
        (CLIPPED, "logits", False),
        (CLIPPED, "probabilities", True),
        (WRONG, "probabilities", False),
        (INFINITE, "probabilities", False),
    ],
    ids=["clipped", "clipped and said", "halved", "infinite"],
)
def test_a_loss_of_clipped_probabilities_has_to_be_declared(build, told: str, *, passed) -> None:
    """A clipped probability loses saturated rows: who says so is compared in probabilities."""
    limits = capabilities().model_copy(update={"losses_from": told})
    found = gate_functions.check_loss(Loss(name="binary_cross_entropy"), build, limits)
    values = [c.passed for c in found if c.dtype == "float64" and "derivative" not in c.quantity]
    assert values == [passed]
    assert all(check.passed for check in found if "derivative" in check.quantity)

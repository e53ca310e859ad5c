"""TF32: what its limits let through, and what they refuse, with products rounded as a GPU does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from samenet.adapter import (
    Array,
    Batches,
    Capabilities,
    DataSource,
    Precision,
    Target,
    Weights,
    draws,
)
from samenet.certificate import gate_timed, limits, readback
from samenet.certificate.oracle import network as oracle
from samenet.certificate.problem import Build, Check, Problem, task_problem, train_call
from samenet.spec import SGD, Network, TrainSpec, load_task
from samenet.tasks import sources

EVERYTHING = Capabilities(
    devices=("cuda",), dtypes=("float32",), activations=(), losses=(), optimizers=()
)
TASKS = ("iris", "diabetes", "digits")


def truncated(digits: int) -> oracle.Multiply:
    """Return a product of numbers cut off after so many digits, as tensor cores cut theirs."""

    def cut(values: Array) -> Array:
        fractions, exponents = np.frexp(values)
        return np.ldexp(np.trunc(fractions * 2.0**digits) / 2.0**digits, exponents)

    return lambda left, right: np.matmul(cut(left), cut(right)).astype(left.dtype)


class OracleProgram:
    """The oracle in float32 behind the six methods, with some device's products."""

    def __init__(
        self, network: Network, training: TrainSpec, weights: Weights, multiply: oracle.Multiply
    ) -> None:
        self.network, self.training, self.multiply = network, training, multiply
        self.start, self.batches = draws.as_dtype(weights, "float32"), []
        self.found = oracle.Trajectory(losses=np.zeros(0), snapshots={}, final=self.start)

    def load(self, source: DataSource) -> None:
        self.source = source

    def train(self, batches: Batches) -> None:
        """Train anew from the start: this is not about speed."""
        inputs, targets = self.source.arrays()
        self.batches += [oracle.Batch(inputs[rows], targets[rows]) for rows in batches.order]
        self.steps = len(batches.order)
        self.found = oracle.trajectory(
            *(self.network, self.training, self.start, self.batches),
            forms=EVERYTHING.forms,
            dtype="float32",
            multiply=self.multiply,
        )

    def losses(self) -> Array:
        return self.found.losses[-self.steps :]

    def predict(self, rows: Array) -> Array:
        given = self.source.inputs[rows].astype(np.float32)
        sums = oracle.forward(
            self.network, self.found.final, given, setting=oracle.Setting(multiply=self.multiply)
        ).sums
        return sums[-1]

    def weights(self) -> Weights:
        return self.found.final

    def sync(self) -> None: ...


def built(multiply: oracle.Multiply, change: Callable[[TrainSpec], TrainSpec] | None = None):
    """Return how programs with these products, and with a planted mistake, are built."""

    def build(problem: Problem, training: TrainSpec, weights: Weights, _dtype: str) -> Any:
        wrong = change(training) if change else training
        program = OracleProgram(problem.network, wrong, weights, multiply)
        program.load(problem.source)
        return program

    return build


def problem(name: str) -> Problem:
    """Return a shipped task with a few calls, which is enough to tell TF32 from a mistake."""
    task = load_task(name)
    found = task_problem(task, sources.prepare(task))
    return replace(found, training=found.training.model_copy(update={"epochs": 1}))


def gate(name: str, build: Build, precision: Precision) -> list[Check]:
    """Return gate 4 of a program on the first three calls of a task."""
    given = problem(name)
    program = build(given, given.training, given.weights, "float32")
    losses = [train_call(program, call) for call in given.calls[:1]]
    weights = list(program.weights())
    losses += [train_call(program, call) for call in given.calls[1:3]]
    timed = gate_timed.TimedCalls(losses, weights)
    return gate_timed.check_timed_program(given, build, EVERYTHING, timed, "float32", precision)


def failed(checks: list[Check]) -> set[str]:
    """Return which quantities are out of their limits."""
    return {check.quantity for check in checks if not check.passed}


@pytest.mark.parametrize("name", TASKS)
def test_tf32_passes_its_own_limits(name: str) -> None:
    """Products rounded, or cut off, to 11 digits are inside what gate 4 allows for TF32."""
    assert failed(gate(name, built(limits.tf32_product), "tf32")) == set()
    assert failed(gate(name, built(truncated(11)), "tf32")) == set()


@pytest.mark.parametrize("name", TASKS)
def test_tf32_fails_the_limits_of_float32(name: str) -> None:
    """A program that says float32 and multiplies in TF32 is refused by its numbers."""
    found = failed(gate(name, built(truncated(11)), "strict-float32"))
    assert {"first loss", "first update"} & found


def other_rate(training: TrainSpec) -> TrainSpec:
    """Train a quarter too fast."""
    rule = training.optimizer
    faster = rule.model_copy(update={"learning_rate": 1.25 * rule.learning_rate})
    return training.model_copy(update={"optimizer": faster})


def other_rule(training: TrainSpec) -> TrainSpec:
    """Train with plain gradient descent."""
    rate = training.optimizer.learning_rate
    return training.model_copy(update={"optimizer": SGD(learning_rate=rate)})


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("change", [other_rate, other_rule])
def test_a_mistake_is_caught_in_tf32(name: str, change: Callable[[TrainSpec], TrainSpec]) -> None:
    """The limits of TF32 are wide, and not so wide that another training fits into them."""
    build = built(truncated(11), change)
    assert {"first update", "first call"} & failed(gate(name, build, "tf32"))


def product(multiply: oracle.Multiply, precision: Precision) -> Check:
    """Return the check of one matrix product."""
    return readback.check_product_precision(
        built(multiply), Target(device="cuda", precision=precision)
    )


@pytest.mark.parametrize(
    ("multiply", "strict", "tf32"),
    [
        (np.matmul, True, False),
        (limits.tf32_product, False, True),
        (truncated(11), False, True),
        (truncated(8), False, False),  # bfloat16
    ],
    ids=["float32", "tf32 rounded", "tf32 cut off", "bfloat16"],
)
def test_a_product_is_known_by_its_numbers(
    multiply: oracle.Multiply, *, strict: bool, tf32: bool
) -> None:
    """Float32, TF32 and bfloat16 are told apart, whatever a framework says is in force."""
    assert product(multiply, "strict-float32").passed == strict
    assert product(multiply, "tf32").passed == tf32


def test_tf32_that_is_not_in_force_is_said_so() -> None:
    """A row that asked for TF32 and got float32 is refused with that sentence."""
    said = product(np.matmul, "tf32").detail
    assert said.startswith("tf32 was asked for, and products are exact to")
    assert said.endswith("it is not in force")

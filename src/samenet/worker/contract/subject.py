"""What the items of the contract are asked about: an adapter, and a small problem it can run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from types import ModuleType

from samenet.adapter import draws
from samenet.adapter.api import Capabilities, Program, Target
from samenet.adapter.arrays import Batches, DataSource, Weights
from samenet.certificate import cases
from samenet.certificate.problem import Build, Problem, builder, train_call
from samenet.spec.network import Network
from samenet.spec.training import TrainSpec

INPUTS, BATCH, TRAIN_ROWS, ROWS = 12, 16, 160, 192


@dataclass(frozen=True, kw_only=True)
class Subject:
    """The adapter as it is asked, with a small problem of what it offers."""

    adapter: ModuleType
    mode: str
    compiler: str
    target: Target
    capabilities: Capabilities
    reached: list[str] = field(default_factory=list)
    """Hosts that were asked for since the file was loaded."""

    @cached_property
    def problem(self) -> Problem:
        """Return ten steps of a small network."""
        return small_problem(self.capabilities)

    @cached_property
    def build(self) -> Build:
        """Return how its programs are built and loaded."""
        return builder(self.adapter, self.mode, self.target)

    def fresh(self) -> Program:
        """Return a program that has not been trained."""
        problem = self.problem
        return self.build(problem, problem.training, problem.weights, self.target.dtype)

    def after(self, *calls: Batches) -> Weights:
        """Return the weights of a fresh program after some calls."""
        program = self.fresh()
        for call in calls:
            train_call(program, call)
        return program.weights()


def small_problem(offered: Capabilities) -> Problem:
    """Return a problem of the first loss, activation and optimiser that an adapter offers."""
    loss = _first(("sparse_categorical_cross_entropy", "mean_squared_error"), offered.losses)
    activation = _first(("tanh", "sigmoid"), offered.activations)
    rule = _first(("sgd", "adam"), offered.optimizers)
    outputs = 1 if loss == "binary_cross_entropy" else 5
    training = TrainSpec.model_validate(
        {
            "loss": loss,
            "optimizer": cases.RULES["momentum" if rule == "sgd" else rule],
            "batch_size": BATCH,
            "epochs": 10,
        }
    )
    hidden = {"units": 8, "activation": activation}
    head = {"units": outputs, "activation": "identity"}
    inputs, targets = draws.parity_rows(ROWS, INPUTS, outputs, loss=loss, words=("contract", 0))
    return Problem(
        name="contract",
        network=Network.model_validate({"inputs": INPUTS, "layers": [hidden, head]}),
        training=training,
        source=DataSource(inputs=inputs, targets=targets, train_rows=TRAIN_ROWS),
    )


def _first(wanted: Iterable[str], offered: tuple[str, ...]) -> str:
    return next((name for name in wanted if name in offered), offered[0])

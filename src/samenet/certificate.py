"""What a certificate is about: one task as the oracle and an adapter both see it, and a check."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from samenet import batches as cutting
from samenet import draws, oracle
from samenet.adapter import (
    Array,
    Batches,
    Capabilities,
    DataSource,
    Dtype,
    Program,
    Target,
    Weights,
)
from samenet.spec import Network, TrainSpec

EPOCHS = 10
STEPS_MAX = 2_000
"""Ten epochs, or this many steps of a large data set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One error beside its limit."""

    gate: str
    quantity: str
    dtype: str
    error: float
    limit: float
    detail: str = ""

    @property
    def passed(self) -> bool:
        """Return whether the error is inside the limit; a NaN is not."""
        return bool(self.error <= self.limit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One task as the oracle and an adapter both see it."""

    name: str
    network: Network
    training: TrainSpec
    source: DataSource
    repeat: int = 0

    @property
    def weights(self) -> Weights:
        """Return the initial weights, float64 numbers that float32 holds exactly."""
        return draws.initial_weights(self.network, task=self.name, repeat=self.repeat)

    @property
    def shape(self) -> cutting.CallShape:
        """Return the shape of its timed calls."""
        return cutting.call_shape(self.source.train_rows, self.training.batch_size)

    @property
    def calls(self) -> list[Batches]:
        """Return the calls of the first ten epochs."""
        shape = self.shape
        epochs = min(EPOCHS, max(1, STEPS_MAX // (shape.steps * shape.calls_per_epoch)))
        count = min(epochs * shape.calls_per_epoch, max(1, STEPS_MAX // shape.steps))
        stream = cutting.timed_calls(
            shape, task=self.name, repeat=self.repeat, train_rows=self.source.train_rows
        )
        return [call for call, _ in zip(stream, range(count), strict=False)]

    def rows(self, order: NDArray[np.int32]) -> list[tuple[Array, Array]]:
        """Return the (inputs, targets) of each step in float64."""
        inputs, targets = self.source.arrays()
        return [(inputs[r].astype(np.float64), _exact(targets[r])) for r in order]

    def truth(self, capabilities: Capabilities, snapshots: Sequence[int]) -> oracle.Trajectory:
        """Return the oracle's training over `calls`, in the adapter's declared form."""
        return oracle.trajectory(
            self.network,
            self.training,
            self.weights,
            self.rows(np.concatenate([call.order for call in self.calls])),
            adam_form=capabilities.adam_form,
            snapshots=snapshots,
        )


def _exact(targets: Array) -> Array:
    return targets if targets.dtype.kind == "i" else targets.astype(np.float64)


Build = Callable[[Problem, TrainSpec, Weights, Dtype], Program]


def builder(adapter: ModuleType, mode: str, target: Target) -> Build:
    """Return a function that builds and loads a program in some precision."""

    def build(problem: Problem, training: TrainSpec, weights: Weights, dtype: Dtype) -> Program:
        wanted = target.model_copy(update={"dtype": dtype})
        exact = draws.as_dtype(weights, dtype)
        program: Program = adapter.build(problem.network, training, exact, target=wanted, mode=mode)
        program.load(problem.source)
        return program

    return build

"""What a certificate is about: a problem as the oracle and an adapter both see it, and a check."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType

import numpy as np

from samenet.adapter import batching as cutting
from samenet.adapter import draws
from samenet.adapter.api import Program, Target
from samenet.adapter.arrays import Array, Batches, DataSource, Dtype, Weights
from samenet.adapter.dataset import Dataset, network_of
from samenet.certificate.oracle import network as oracle
from samenet.spec.network import Network
from samenet.spec.task import Task
from samenet.spec.training import Forms, TrainSpec, needs_one_hot

EPOCHS, EPOCHS_MIN = 10, 2
STEPS_MAX = 2_000
WORK_MAX = 2**35
"""Ten epochs, or fewer of much work: so many steps, or weights times rows times steps."""


CALL_WORK, CALL_STEPS_MIN = 2**36, 8
"""What one timed call may ask of the oracle, which does at least one call, several times over: of
layers that are not dense, so much work, but some steps; against one of them, a call costs nothing.
"""


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
        """Return whether the error is inside the limit; NaN is not; infinity limits nothing."""
        return math.isfinite(self.limit) and bool(self.error <= self.limit)


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One task, or one parity problem, as the oracle and an adapter both see it."""

    name: str
    network: Network
    training: TrainSpec
    source: DataSource
    repeat: int = 0
    epochs_followed: int = EPOCHS
    """At most; a training that has fewer is followed to its end."""

    @cached_property
    def weights(self) -> Weights:
        """Return the initial weights, float64 numbers that float32 holds exactly."""
        return draws.initial_weights(self.network, task=self.name, repeat=self.repeat)

    @cached_property
    def shape(self) -> cutting.CallShape:
        """Return the shape of its timed calls."""
        a_step = self.network.work * self.training.batch_size
        most = min(cutting.STEPS_PER_CALL_MAX, max(CALL_STEPS_MIN, CALL_WORK // a_step))
        if self.network.is_dense:
            most = cutting.STEPS_PER_CALL_MAX
        return cutting.call_shape(self.source.train_rows, self.training.batch_size, most)

    @cached_property
    def calls(self) -> list[Batches]:
        """Return the timed calls of the first ten epochs: whole batches, all of one shape."""
        count = min(self._epochs * self.shape.calls_per_epoch, self._steps // self.shape.steps)
        return list(itertools.islice(self.stream(), max(1, count)))

    def stream(self) -> Iterator[Batches]:
        """Yield timed calls for ever, `calls` first; each epoch has an order of its own."""
        for call in cutting.timed_calls(
            self.shape, task=self.name, repeat=self.repeat, train_rows=self.source.train_rows
        ):
            yield self.masked(call)

    def unseen_call(self, first_step: int) -> Batches:
        """Return a call of the timed shape whose order is in no stream, of test rows as well."""
        rows = draws.unseen_order(len(self.source.inputs), task=self.name, repeat=self.repeat)
        order = draws.full_batches(rows, self.shape.batch_size)[: self.shape.steps]
        return self.masked(Batches(order=order, first_step=first_step))

    @cached_property
    def whole(self) -> list[Batches]:
        """Return the calls of ten whole epochs, their rests and short last batches included."""
        epochs = max(1, min(self._epochs, self._steps // self.shape.steps_per_epoch))
        found = [call for epoch in range(epochs) for call in self.epoch(epoch)]
        ends = np.cumsum([len(call.order) for call in found])
        return found[: max(1, int(np.sum(ends <= max(self._steps, ends[0]))))]

    @property
    def _epochs(self) -> int:
        """Return how many epochs are followed: all of a training that has fewer."""
        return min(self.epochs_followed, max(EPOCHS_MIN, self.training.epochs))

    @property
    def _steps(self) -> int:
        """Return how many steps of this network the oracle can be asked for."""
        a_step = self.network.work * self.training.batch_size
        return max(1, min(STEPS_MAX, WORK_MAX // a_step))

    def epoch(self, number: int) -> list[Batches]:
        """Return all calls of one epoch, the short last batch included."""
        found = cutting.whole_epoch(
            self.shape,
            task=self.name,
            repeat=self.repeat,
            train_rows=self.source.train_rows,
            epoch=number,
        )
        return [self.masked(call) for call in found]

    def masked(self, call: Batches) -> Batches:
        """Return the call with the masks of its dropout, if the network has any."""
        masks = draws.dropout_masks(
            self.network,
            call.order.shape,
            task=self.name,
            repeat=self.repeat,
            first_step=call.first_step,
        )
        return Batches(order=call.order, first_step=call.first_step, masks=masks)

    def steps(self, calls: Sequence[Batches]) -> list[oracle.Batch]:
        """Return what each step of the calls works on, in float64."""
        inputs, targets = self.source.arrays()
        return [
            oracle.Batch(
                inputs[rows] if self.network.vocabulary else inputs[rows].astype(np.float64),
                _exact(targets[rows]),
                [None if mask is None else mask[place] for mask in call.masks],
            )
            for call in calls
            for place, rows in enumerate(call.order)
        ]

    def rows(self) -> Array:
        """Return all inputs as the oracle takes them: float64, or token numbers."""
        inputs = self.source.inputs
        return inputs if self.network.vocabulary else inputs.astype(np.float64)

    def truth(
        self, forms: Forms, calls: Sequence[Batches], *, snapshots: Sequence[int] = ()
    ) -> oracle.Trajectory:
        """Return the oracle's training over the calls, in the adapter's declared forms."""
        return oracle.trajectory(
            self.network,
            self.training,
            self.weights,
            self.steps(calls),
            forms=forms,
            snapshots=snapshots,
        )


def task_problem(task: Task, dataset: Dataset, repeat: int = 0) -> Problem:
    """Return a task as the gates see it."""
    network = network_of(task, dataset)
    return Problem(
        name=task.name,
        network=network,
        training=task.training,
        source=dataset.source(network, one_hot=needs_one_hot(task.training)),
        repeat=repeat,
    )


def _exact(targets: Array) -> Array:
    return targets if targets.dtype.kind == "i" else targets.astype(np.float64)


def ends_of(calls: Sequence[Batches]) -> list[int]:
    """Return the number of steps done after each call."""
    return [int(end) for end in np.cumsum([len(call.order) for call in calls])]


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


def train_call(program: Program, call: Batches) -> Array:
    """Run a call to its end and return its losses in float64."""
    program.train(call)
    program.sync()
    return np.asarray(program.losses(), dtype=np.float64)

"""Gate 4 to the end: right programs pass, and faults that come late, or are small, do not.

The mistakes that the method page names are in test_mutants; these were planted afterwards, to see
whether the gate knows the kind or only the case.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
from mutants import Counting, IdleAfter100, Wrapped
from threadpoolctl import threadpool_limits

from samenet.adapter import Batches, Layer, Target, discovery
from samenet.certificate import cases, gate_timed, gate_timed_end, gate_training, limits
from samenet.certificate.gate_timed_end import Seen, Timing
from samenet.certificate.oracle import network as oracle
from samenet.certificate.oracle.setting import Setting
from samenet.certificate.problem import Check, Problem, builder, task_problem, train_call
from samenet.runs.records import decode, encode
from samenet.runs.work_order import WorkOrder
from samenet.spec import SGD, Schedule, load_task
from samenet.tasks import sources
from samenet.worker.common import certificate_records

CALLS = 130
MODES = {"numpy": "plain", "scikit-learn": "fit"}


@cache
def problem(name: str) -> Problem:
    """Return a task as the gates see it."""
    task = load_task(name)
    return task_problem(task, sources.prepare(task))


def timing(task: str, framework: str, change: Callable = lambda program: program) -> Timing:
    """Return what the programs of a framework, with a fault or none, would be timed on."""
    adapter = discovery.load(discovery.shipped_adapters()[framework].path)
    adapter.wake(Target())
    build = builder(adapter, MODES[framework], Target())
    return Timing(
        problem=problem(task),
        build=lambda *arguments: change(build(*arguments)),
        capabilities=adapter.capabilities(),
        dtype="float32",
    )


def checks(of: Timing, *, first: bool = True, calls: int = CALLS) -> dict[str, Check]:
    """Train as a timed process does, then return the checks by their names."""
    given = of.problem
    with threadpool_limits(1):
        program = of.build(given, given.training, given.weights, of.dtype)
        kept = {}
        for place, call in enumerate(itertools.islice(given.stream(), calls)):
            losses = train_call(program, call)
            if place % 5 == 0:
                kept[place] = losses
        last = gate_timed_end.last_call(given, program, calls, of.capabilities)
        seen = Seen(calls=calls, last=last, losses=kept)
        found = gate_timed_end.of_every_process(of, last)
        found += gate_timed_end.of_first_process(of, program, seen) if first else []
    return {check.quantity: check for check in found}


def failed(found: dict[str, Check]) -> set[str]:
    """Return the names of the checks that did not pass."""
    return {name for name, check in found.items() if not check.passed}


@pytest.mark.parametrize(("task", "calls"), [("breast_cancer", 1_500), ("digits", 430)])
def test_a_right_program_is_not_refused_however_long_it_was_timed(task: str, calls: int) -> None:
    """Trained on until its gradients are rounding alone NumPy's loop passes: that is no fault."""
    assert failed(checks(timing(task, "numpy"), calls=calls)) == set()


class IdleLate(Counting):
    """Does nothing from its 1,451st call on."""

    def do(self, batches: Batches) -> None:
        if self.calls <= 1_450:
            self.program.train(batches)


def test_idleness_after_twenty_thousand_steps_is_refused() -> None:
    """Where rounding has taken over, and nothing is followed, a program that stops is caught."""
    found = checks(timing("breast_cancer", "numpy", IdleLate), first=False, calls=1_460)
    assert "last call" in failed(found)


def test_a_loss_of_rounded_probabilities_may_be_off_as_far_as_rounding_takes_it() -> None:
    """The loss of a row that is far wrong is inside its limit, and somewhere at a twentieth of it.

    Of a probability near 1 the last digits are lost.
    """
    sums = np.linspace(6.0, 13.0, 2_000)
    probabilities = 1 / (1 + np.exp(-sums.astype(np.float32)))
    found = -np.log(1 - probabilities)
    exact = np.log1p(np.exp(sums))
    limits = [gate_timed_end._probability_rounding(np.array([row]), "float32") for row in exact]
    shares = np.abs(found - exact) / limits
    assert found.dtype == np.float32
    assert 1 / 20 < shares.max() <= 1


@pytest.mark.parametrize("framework", MODES)
@pytest.mark.parametrize("task", ["iris", "diabetes"])
def test_a_right_program_passes_far_from_the_limits(framework: str, task: str) -> None:
    """SGD and Adam, a loss per step and one per call: no error reaches a third of its limit."""
    found = checks(timing(task, framework))
    assert failed(found) == set()
    assert max(check.error / check.limit for check in found.values() if check.limit) < 1 / 3


def test_a_second_program_ends_at_the_same_bits() -> None:
    """On a processor, with one thread, what was timed is done again bit by bit."""
    found = checks(timing("iris", "numpy"))
    assert found["replayed"].error == found["losses between"].error == 0


@pytest.mark.parametrize("task", ["iris", "diabetes"])
def test_a_loop_that_stopped_is_seen_in_every_process(task: str) -> None:
    """A later process does nothing again, and still sees losses of old weights and no movement."""
    assert failed(checks(timing(task, "numpy"), first=False)) == set()
    found = failed(checks(timing(task, "numpy", IdleAfter100), first=False))
    assert found == {"last loss", "last call"}


ENDED: dict[str, Schedule] = {
    "at no rate": Schedule(name="cosine", steps=600),
    "at a rate that moves no float32": Schedule(name="exponential", steps=600, every=20, drop=0.1),
}


def scheduled(of: Timing, schedule: Schedule) -> Timing:
    """Return a timing of the same task, trained with a schedule."""
    training = of.problem.training.model_copy(update={"schedule": schedule})
    return replace(of, problem=replace(of.problem, training=training))


@pytest.mark.parametrize("schedule", ENDED)
@pytest.mark.parametrize("task", ["iris", "diabetes"])
def test_a_right_program_stands_still_once_its_schedule_has_ended(task: str, schedule: str) -> None:
    """It was timed beyond the end of its schedule: nothing is left to move, and nothing is asked.

    So it is with an optimiser that remembers, too: Adam, and momentum whose memory has faded.
    """
    of = scheduled(timing(task, "numpy"), ENDED[schedule])
    rule = of.problem.training.optimizer
    if isinstance(rule, SGD):
        training = of.problem.training.model_copy(
            update={"optimizer": rule.model_copy(update={"momentum": 0.875})}
        )
        of = replace(of, problem=replace(of.problem, training=training))
    assert failed(checks(of)) == set()


def kernels_of(program):
    """Return the kernels of a NumPy program, to write to."""
    return [layer["kernel"] for layer in program.layers.arrays]


class StopsEarly(Counting):
    """Stands still from the 451st step on, and still reports the loss."""

    def do(self, batches):
        before = self.program.weights()
        before = [{name: array.copy() for name, array in layer.items()} for layer in before]
        self.program.train(batches)
        if self.steps >= 450:
            for layer, old in zip(self.program.layers.arrays, before, strict=True):
                for name, array in layer.items():
                    array[...] = old[name]


def test_a_program_that_stops_before_its_schedule_ends_is_caught() -> None:
    """That it may stand at the end excuses no step before."""
    of = scheduled(timing("diabetes", "numpy", StopsEarly), ENDED["at no rate"])
    assert "farthest call" in failed(checks(of))


def test_calls_after_the_end_of_a_schedule_hide_no_small_error() -> None:
    """A rate off by a thousandth in every call shows in the middle of those calls that moved."""
    of = scheduled(timing("diabetes", "numpy", RateOffFromTheStart), ENDED["at no rate"])
    assert failed(checks(of)) == {"usual call"}


def test_a_program_that_moves_at_no_rate_is_caught() -> None:
    """Where the oracle stands, a program that goes on is as wrong as one that stops."""

    def goes_on(program):
        program.updates.rates = np.maximum(program.updates.rates, 2.0**-14)
        return program

    of = scheduled(timing("diabetes", "numpy", goes_on), ENDED["at no rate"])
    assert "farthest call" in failed(checks(of))


class RateOff(Counting):
    """Goes a thousandth too far from the 601st step on."""

    def do(self, batches):
        updates = self.program.updates
        if self.steps == 602:
            updates.rates = updates.rates * 1.001
        self.program.train(batches)


class RateOffFromTheStart(Counting):
    """Goes a thousandth too far in every step."""

    def do(self, batches):
        if self.calls == 1:
            self.program.updates.rates = self.program.updates.rates * 1.001
        self.program.train(batches)


class OneRowTwice(Counting):
    """Takes one row twice, and its neighbour not at all, in each call after 90 calls."""

    def do(self, batches):
        order = batches.order.copy()
        if self.calls > 90:
            order[-1, 0] = order[-1, 1]
        self.program.train(replace(batches, order=order))


class Halved(Counting):
    """Keeps the weights to 16 bits after 110 calls."""

    def do(self, batches):
        self.program.train(batches)
        if self.calls > 110:
            for part in self.program.layers.parameters:
                part[...] = part.astype(np.float16)


class Clipped(Counting):
    """Keeps every weight below half of the largest it has, once, in the 120th call."""

    def do(self, batches):
        self.program.train(batches)
        if self.calls == 120:
            for kernel in kernels_of(self.program):
                np.clip(kernel, -abs(kernel).max() / 2, abs(kernel).max() / 2, out=kernel)


class Forgets(Counting):
    """Starts its optimiser anew after 100 calls."""

    def do(self, batches):
        rule = self.program.updates.rule
        if self.calls == 101 and hasattr(rule, "moments"):
            for m, v in rule.moments:
                m[...], v[...] = 0, 0
        self.program.train(batches)


class OldWeights(Wrapped):
    """Reads back weights of the call before."""

    before = None

    def train(self, batches):
        self.before = [Layer(w.kernel.copy(), w.bias.copy()) for w in self.program.weights()]
        self.program.train(batches)

    def weights(self):
        return self.program.weights() if self.before is None else self.before


OTHERS = {
    ("iris", RateOff): "usual call",
    ("iris", OneRowTwice): "farthest call",
    ("iris", Halved): "farthest call",
    ("iris", Clipped): "farthest call",
    ("diabetes", Forgets): "farthest call",
    ("iris", OldWeights): "last loss",
}


@pytest.mark.parametrize(
    ("task", "fault"), OTHERS, ids=lambda each: getattr(each, "__name__", each)
)
def test_faults_that_the_gate_was_not_built_for_are_caught(task: str, fault: type) -> None:
    """Each of them is seen by the quantity that is about its kind."""
    assert OTHERS[task, fault] in failed(checks(timing(task, "numpy", fault)))


class OnlyOnce(Counting):
    """Leaves steps out in one of the programs of a process, and in no other."""

    made = 0
    wrong = 2

    def __init__(self, program):
        super().__init__(program)
        type(self).made += 1
        self.number = type(self).made

    def do(self, batches):
        short = self.number == self.wrong and self.calls > 100
        self.program.train(batches.first(len(batches.order) - short))
        self.short = short

    def losses(self):
        found = np.asarray(self.program.losses())
        return np.append(found, found[-1]) if self.short else found


def test_a_second_program_that_behaves_better_than_the_first_is_no_alibi() -> None:
    """Steps left out only in the program that was timed: it ends elsewhere than the second one."""
    fault = type("First", (OnlyOnce,), {"wrong": 1, "made": 0})
    assert {"replayed", "losses between"} <= failed(checks(timing("iris", "numpy", fault)))


class Unrepeatable(Counting):
    """Adds up in no fixed order, as some devices do: two programs never end at the same bits."""

    made = 0

    def __init__(self, program):
        super().__init__(program)
        type(self).made += 1
        self.draw = np.random.default_rng(type(self).made)

    def do(self, batches):
        self.program.train(batches)
        for kernel in kernels_of(self.program):
            kernel *= 1 + self.draw.choice([-1, 1], kernel.shape).astype(np.float32) * 2.0**-23


@pytest.mark.parametrize("task", ["iris", "diabetes"])
def test_programs_that_differ_by_rounding_alone_pass(task: str) -> None:
    """Where two programs go apart, the limit is what a disturbance does to that program itself."""
    found = checks(timing(task, "numpy", Unrepeatable))
    assert found["replayed"].error > 0
    assert failed(found) == set()


def test_a_step_faster_than_the_machine_is_refused() -> None:
    """Its products alone would take longer; a step that takes as long as they do is possible."""
    of = timing("iris", "numpy")
    operations, rate = 1e6, 1e11
    assert gate_timed_end.machine_limit(of, 1e-5, operations, rate).passed
    refused = gate_timed_end.machine_limit(of, 15e-9, operations, rate)
    assert not refused.passed
    assert refused.quantity == "machine's limit"
    assert "a second" in refused.detail


def test_numbers_that_are_none_pass_nothing() -> None:
    """A program whose weights are no numbers at the end fails, whatever is compared with what."""

    class Lost(Counting):
        def do(self, batches):
            self.program.train(batches)
            if self.calls == 125:
                kernels_of(self.program)[0][...] = np.nan

    with np.errstate(all="ignore"):
        found = failed(checks(timing("iris", "numpy", Lost)))
    assert {"last loss", "last call", "replayed", "farthest call"} <= found


def test_a_training_that_diverges_fails_in_words() -> None:
    """A rate so large that nothing stays finite: every check is recorded, and says why it fails."""
    of = timing("diabetes", "numpy")
    training = of.problem.training.model_copy(update={"optimizer": SGD(learning_rate=2.0**20)})
    of = replace(of, problem=replace(of.problem, training=training))
    with np.errstate(all="ignore"):
        found = checks(of, first=False)
    order = SimpleNamespace(job=SimpleNamespace(id="cell/r0", arm="numpy:plain"))
    records = certificate_records(cast("WorkOrder", order), "neuron", list(found.values()), 0)
    assert not any(record.passed for record in records)
    assert any("this training diverges" in record.detail for record in records)
    lines = [encode(record) for record in records]
    assert [decode(line) for line in lines] == records


class KeepsItsWeights(Wrapped):
    """Trains, and puts every kernel, bias and scale back; what batch norms keep goes on moving."""

    def train(self, batches):
        kept = [
            {name: array.copy() for name, array in layer.items() if name not in STATISTICS}
            for layer in self.program.layers.arrays
        ]
        self.program.train(batches)
        for layer, old in zip(self.program.layers.arrays, kept, strict=True):
            for name, array in old.items():
                layer[name][...] = array


STATISTICS = ("mean", "variance")


def test_statistics_that_move_hide_no_weights_that_stand() -> None:
    """A program that only goes on averaging is refused by its last call, and by its first."""
    adapter = discovery.load(discovery.shipped_adapters()["numpy"].path)
    build = builder(adapter, "plain", Target())
    given = cases.find_case("network batch norm by adam").shown
    of = Timing(
        problem=given,
        build=lambda *arguments: KeepsItsWeights(build(*arguments)),
        capabilities=adapter.capabilities(),
        dtype="float32",
    )
    assert "last call" in failed(checks(of, first=False, calls=3))
    program = of.build(given, given.training, given.weights, of.dtype)
    losses = [train_call(program, given.calls[0])]
    timed = gate_timed.TimedCalls(losses, program.weights())
    found = gate_timed.check_timed_program(given, of.build, of.capabilities, timed, of.dtype)
    assert {"first call", "first update"} <= {c.quantity for c in found if not c.passed}


@pytest.mark.parametrize("off", [0.0, 2.0**-30])
def test_outputs_that_cancel_have_the_limit_of_what_cancels(off: float) -> None:
    """Terms some thousand times as long as their sum leave room for their rounding, and no more."""
    adapter = discovery.load(discovery.shipped_adapters()["numpy"].path)
    build = builder(adapter, "plain", Target())
    plain = cases.find_case("network layer norm by momentum").shown
    head = plain.weights[-1]
    norm = plain.weights[-2]
    moved = Layer(**{**norm, "offset": norm.offset + 3333.3})
    back = Layer(head.kernel, head.bias - 3333.3 * head.kernel.sum(axis=0))
    weights = [*plain.weights[:-2], moved, back]
    program = build(plain, plain.training, weights, "float64")
    other = Setting(multiply=limits.ReorderedProducts(0), training=False)
    rounded = oracle.outputs(plain.network, weights, plain.rows(), other)
    program.predict = lambda rows: rounded[rows] * (1 + off)
    check = gate_training.check_outputs(plain, program, "float64", "gate 2")
    assert check.passed == (off == 0), (check.error, check.limit)
    assert check.error > limits.function_limit("float64")

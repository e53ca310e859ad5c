"""One result: start-up and steady state of one arm on one task, in one fresh pinned process.

The control and the sensitivity arm are this too, in a track of their own: the reference once more,
and with more steps in each stretch than it says.
"""

from __future__ import annotations

import gc
import math
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from samenet.adapter import draws
from samenet.adapter.api import Program
from samenet.adapter.arrays import Array, Batches, Weights
from samenet.certificate import cuda, gate_timed, gate_timed_end, readback
from samenet.certificate.gate_timed import TimedCalls
from samenet.certificate.gate_timed_end import Seen, Timing
from samenet.certificate.problem import Check, Problem, builder
from samenet.machine import clock, heap, system
from samenet.runs import timed_checks
from samenet.runs.records import TimingRecord, Track
from samenet.runs.work_order import WorkOrder
from samenet.spec.products import least_operations
from samenet.spec.task import Task
from samenet.worker import fastest_products
from samenet.worker.common import adapter_timed, certificate_records, problem_of

CHUNK_SECONDS = 0.01
"""Shortest timed stretch: the clock and one sync are then far below a thousandth of it."""

CHUNKS_MIN = 9

CALLS_MAX = 4096
"""Of a stretch: a call that takes less than 2.5 microseconds trains nothing, and all are drawn."""

KEPT_FIRST, KEPT_EVERY = 16, 8
"""The losses of so many of the first stretches are kept, then of one in so many."""

READING_SECONDS = 0.05
"""Reading what was kept may take so long altogether, whatever was timed."""

OWN_EPOCHS, OWN_PAIRS_MAX, OWN_SECONDS, OWN_EPOCH_SECONDS_MAX = 3, 9, 0.8, 0.4
"""Of own fits: so many epochs more in the longer one of a pair; pairs until the time is spent.
An epoch that takes longer is not timed: a process spends three seconds on this at most."""


@dataclass(slots=True)
class Stopwatch:
    """Collects the raw samples of one process."""

    order: WorkOrder
    task: Task
    track: Track = "same"
    records: list[TimingRecord] = field(default_factory=list)

    def add(
        self, phase: str, seconds: list[float], *, steps: int = 0, cpu: float | None = None
    ) -> None:
        """Keep the samples of a phase."""
        self.records.append(
            TimingRecord(
                job=self.order.job.id,
                track=self.track,
                task=self.task.name,
                arm=self.order.job.arm,
                repeat=self.order.job.repeat,
                phase=phase,
                steps=steps,
                seconds=tuple(seconds),
                cpu_seconds=cpu,
            )
        )


def run(order: WorkOrder) -> None:
    """Time start-up, then the steady state, then check what was timed."""
    task, track = order.tasks[0], order.job.kind.track
    problem = problem_of(order, task, order.job.repeat)
    watch = Stopwatch(order, task, track)
    scattered = heap.scatter_heap(f"{order.plan.created} {order.job.id}")
    for phase, seconds in order.stamps.items():
        watch.add(phase, [seconds])
    adapter, seconds = adapter_timed(order)
    watch.add("adapter", [seconds])
    program = time_start_up(watch, adapter, problem)
    calls = Calls(problem.stream())
    first = warm_up(watch, program, calls, problem)
    checks: list[Check] = []
    fed = Fed(program, calls)
    looked = [_looked(checks, lambda: [readback.check_sync(fed, problem.calls[0])])]
    waits = checks[0].passed
    if waits:  # otherwise no sample means anything, and the queue could take for ever
        before = adapter.read_back(program, order.target)
        kept = time_steady(watch, program, calls, problem)
        after = adapter.read_back(program, order.target)
        checks += readback.check_compilations(before, after, order.target.dtype)
        checks.append(left_after_timing(watch, program, kept))
        capabilities = order.arm.capabilities
        last = gate_timed_end.last_call(problem, program, calls.taken, capabilities)
        seen = Seen(calls=calls.taken, last=last, losses=kept.losses)
        if track == "same":
            time_other_shape(watch, program, calls, problem)
        looked.append(_looked(checks, lambda: _to_the_end(watch, adapter, program, problem, seen)))
    checks += check_busy(watch)
    looked.append(_looked(checks, lambda: check_program(order, adapter, program, problem, first)))
    watch.add("check", looked)
    if waits and track == "same":
        time_own_fit(watch, adapter, problem)
    del scattered
    order.emit([*watch.records, *certificate_records(order, task.name, checks, order.job.repeat)])


def _looked(found: list[Check], look: Callable[[], list[Check]]) -> float:
    """Add what a look finds to the rest, and return its seconds."""
    return clock.time_call(lambda: found.extend(look()))


AHEAD = 8
"""So many stretches are drawn at once, so that most of them follow each other with nothing between;
of calls with masks, which may be large, one."""


class Calls:
    """The calls of one process, each of them once: it counts how many were taken."""

    def __init__(self, stream: Iterator[Batches]) -> None:
        """Start before the first one."""
        self.stream, self.taken = stream, 0
        self.drawn: deque[Batches] = deque()

    def take(self, count: int) -> list[Batches]:
        """Return the next calls; outside the clock, for some may have to be drawn."""
        while len(self.drawn) < count:
            self.drawn.append(next(self.stream))
            if len(self.drawn) == count and not self.drawn[-1].masks:
                self.drawn.extend(next(self.stream) for _ in range((AHEAD - 1) * count))
        self.taken += count
        return [self.drawn.popleft() for _ in range(count)]

    def __next__(self) -> Batches:
        """Return the next call."""
        return self.take(1)[0]


class Fed:
    """A program that is asked for the same call over and over, and does a new one each time."""

    def __init__(self, program: Program, calls: Calls) -> None:
        """Keep both."""
        self.program, self.calls = program, calls

    def __getattr__(self, name: str) -> Any:
        """Leave everything else to the program."""
        return getattr(self.program, name)

    def train(self, batches: Batches) -> None:
        """Do the next call of the stream, which has the same shape."""
        del batches
        self.program.train(next(self.calls))


def time_start_up(watch: Stopwatch, adapter: ModuleType, problem: Problem) -> Program:
    """Wake, build, load, first call: each once, each finished before the next begins."""
    target, mode = watch.order.target, watch.order.arm.mode
    watch.add("wake", [clock.time_call(lambda: adapter.wake(target))])
    weights = draws.as_dtype(problem.weights, target.dtype)
    made: list[Program] = []

    def build() -> None:
        program = adapter.build(
            problem.network, problem.training, weights, target=target, mode=mode
        )
        made.append(program)

    watch.add("build", [clock.time_call(build)])
    program = made[0]
    watch.add(
        "load", [clock.time_call(lambda: _synced(program, lambda: program.load(problem.source)))]
    )
    return program


def _synced(program: Program, work: Callable[[], object]) -> None:
    work()
    program.sync()


def _timed_call(program: Program, call: Batches) -> float:
    return clock.time_call(lambda: _synced(program, lambda: program.train(call)))


def warm_up(watch: Stopwatch, program: Program, calls: Calls, problem: Problem) -> TimedCalls:
    """Run the first ten epochs call by call and keep for gate 4 what they gave."""
    seconds: list[float] = []
    losses: list[Array] = []
    weights: Weights = []
    for _ in problem.calls:
        seconds.append(_timed_call(program, next(calls)))
        losses.append(np.asarray(program.losses(), dtype=np.float64))
        weights = weights or list(program.weights())
    steps = problem.shape.steps
    watch.add("first_call", seconds[:1], steps=steps)
    watch.add("warmup", seconds[1:], steps=steps)
    return TimedCalls(losses, weights)


class Kept(NamedTuple):
    """What is kept of the timing itself, to be looked at afterwards."""

    losses: dict[int, Array]
    """Of the last call of some stretches, by its place in the stream."""
    reading: list[float]
    """Seconds of reading them."""


class Stretch:
    """A timed stretch: some calls and one sync; the calls are new each time."""

    def __init__(
        self, program: Program, calls: Calls, count: int, planted: tuple[int, int], *, keep: bool
    ) -> None:
        """`planted` is how many calls more there are, and how many steps of yet another one."""
        self.program, self.calls, self.count, self.planted = program, calls, count, planted
        self.keep, self.done = keep, -1
        self.kept = Kept({}, [])
        self.drawn: list[Batches] = []

    def prepare(self) -> None:
        """Outside the clock: keep the losses of the stretch before, draw the calls of the next."""
        self.done += 1
        if self.keep and self.done and (self.done <= KEPT_FIRST or self.done % KEPT_EVERY == 0):
            self.kept.reading.append(clock.time_call(self._keep))
        whole, rest = self.planted
        self.drawn = self.calls.take(self.count + whole)
        if rest:
            self.drawn.append(next(self.calls).first(rest))

    def _keep(self) -> None:
        found = np.array(self.program.losses(), dtype=np.float64)
        self.kept.losses[self.calls.taken - 1] = found

    def __call__(self) -> None:
        """Inside the clock: train, then wait once."""
        for call in self.drawn:
            self.program.train(call)
        self.program.sync()


def time_steady(watch: Stopwatch, program: Program, calls: Calls, problem: Problem) -> Kept:
    """Time chunks of whole calls, one sync each, without the garbage collector."""
    steps, call_seconds = problem.shape.steps, _call_seconds(watch)
    same = watch.track == "same"
    percent = 0 if same else watch.order.plan.planted_percent
    seconds_max = watch.order.plan.steady_seconds / CHUNKS_MIN
    while True:
        per_chunk = calls_per_chunk(call_seconds, steps, percent, seconds_max)
        planted = (0, 0)
        if watch.track == "sensitivity":
            planted = more_calls(per_chunk, percent, steps)
        stretch = Stretch(program, calls, per_chunk, planted, keep=same)
        stretch.prepare()
        trial = clock.time_call(
            stretch
        )  # traces and compiles a planted call, whose shape may be new
        stretch.prepare()
        spent = clock.time_call(stretch)
        watch.add("calibration", [trial, spent], steps=steps * per_chunk)
        if spent >= CHUNK_SECONDS or per_chunk >= CALLS_MAX:
            break
        call_seconds = max(spent / per_chunk / 1.1, call_seconds / 10)  # alone it waited, too
    budget = watch.order.plan.steady_seconds
    samples, cpu = take_samples(stretch, budget, CHUNKS_MIN, 10_000, stretch.prepare)
    watch.add("call", samples, steps=steps * per_chunk, cpu=cpu)
    return stretch.kept


def _call_seconds(watch: Stopwatch) -> float:
    """Return what a single call took at the end of the warm-up."""
    return min(watch.records[-1].seconds[-3:] or watch.records[-2].seconds)


def calls_per_chunk(
    call_seconds: float, steps: int, percent: int = 0, seconds_max: float = 0.0
) -> int:
    """Return how many calls make a timed stretch.

    Where so many per cent are to be planted, or compared with that, they are a whole number of
    calls. Where such a stretch would take longer than `seconds_max` they are one of steps, and the
    last of what is planted is a shorter call.
    """
    least = min(CALLS_MAX, max(1, math.ceil(CHUNK_SECONDS / max(call_seconds, 1e-7))))
    unit = 100 // math.gcd(100, percent)
    if unit * call_seconds > seconds_max:
        unit = 100 // math.gcd(100, percent * steps)
    return unit * math.ceil(least / unit)


def more_calls(per_chunk: int, percent: int, steps: int) -> tuple[int, int]:
    """Return which calls hold exactly so many per cent of the steps of a stretch.

    How many whole ones, of so many steps each, and how many steps of another one.
    """
    return divmod(per_chunk * steps * percent // 100, steps)


def left_after_timing(watch: Stopwatch, program: Program, kept: Kept) -> Check:
    """Check that nothing of the timed stretches was put off until somebody reads a result."""
    first, second = clock.time_call(program.weights), clock.time_call(program.weights)
    measured = sum(watch.records[-1].seconds)
    waited = max(0.0, first - second + sum(kept.reading) - READING_SECONDS)
    return Check(
        gate="sync",
        quantity="share of the timed work left at the end",
        dtype=watch.order.target.dtype,
        error=waited / (measured + waited),
        limit=readback.SYNC_SHARE,
    )


def take_samples(
    work: Callable[[], object],
    budget_seconds: float,
    least: int,
    most: int,
    prepare: Callable[[], object] = lambda: None,
) -> tuple[list[float], float]:
    """Return samples until the budget is spent, and the processor time of all of them.

    `prepare` is called before each, outside the clock.
    """
    gc.collect()
    gc.freeze()  # what is there stays: the next time need not look through it again
    gc.disable()
    samples: list[float] = []
    start, used = clock.now(), 0.0
    while len(samples) < least or (clock.now() - start < budget_seconds and len(samples) < most):
        prepare()
        before = clock.cpu_seconds()
        samples.append(clock.time_call(work))
        used += clock.cpu_seconds() - before
    gc.enable()
    return samples, used


def check_busy(watch: Stopwatch, phase: str = "call") -> list[Check]:
    """Check that the steady part kept no more processors busy than it was given."""
    order, steady_part = watch.order, [r for r in watch.records if r.phase == phase]
    most = None if order.pinned else len(system.usable_cores())
    return [
        readback.check_processors_busy(record.cpu_seconds, sum(record.seconds), order.target, most)
        for record in steady_part
        if record.cpu_seconds is not None
    ]


def time_other_shape(watch: Stopwatch, program: Program, calls: Calls, problem: Problem) -> None:
    """Time a call of a quarter of the steps: the line through both gives a call's fixed cost."""
    steps = max(1, problem.shape.steps // 4)
    if steps == problem.shape.steps:
        return
    stretch = Stretch(program, calls, 0, (0, steps), keep=False)
    stretch.prepare()
    watch.add("call_other_first", [clock.time_call(stretch)], steps=steps)  # compiles its shape
    samples, _ = take_samples(stretch, 0.1, 3, 50, stretch.prepare)
    watch.add("call_other", samples, steps=steps)


def time_own_fit(watch: Stopwatch, adapter: ModuleType, problem: Problem) -> None:
    """Time an epoch of the framework's own whole fit in the first process, on a fresh program.

    The difference of a longer and a shorter fit is free of what a fit costs apart from its epochs.
    """
    order = watch.order
    if order.job.repeat or order.arm.mode != "fit" or not hasattr(adapter, "own_fit"):
        return
    if problem.network.has_dropout:  # its masks are ours too: the program cannot train without
        return
    build = builder(adapter, order.arm.mode, order.target)
    program = build(problem, problem.training, problem.weights, order.target.dtype)

    def timed(epochs: int) -> float:
        return clock.time_call(lambda: _synced(program, lambda: adapter.own_fit(program, epochs)))

    timed(1)  # traces and compiles
    if timed(1) > OWN_EPOCH_SECONDS_MAX:
        return
    seconds: list[float] = []

    def pair() -> None:
        seconds.append((timed(1 + OWN_EPOCHS) - timed(1)) / OWN_EPOCHS)

    take_samples(pair, OWN_SECONDS, 3, OWN_PAIRS_MAX)
    watch.add("own_fit", seconds, steps=problem.shape.steps_per_epoch)


def _to_the_end(
    watch: Stopwatch, adapter: ModuleType, program: Program, problem: Problem, seen: Seen
) -> list[Check]:
    """Return what gate 4 asks of all that was timed, after the clock has stopped."""
    order = watch.order
    arm, target = order.arm, order.target
    timing = Timing(
        problem=problem,
        build=builder(adapter, arm.mode, target),
        capabilities=arm.capabilities,
        dtype=target.dtype,
        precision=target.precision,
    )
    found = gate_timed_end.of_every_process(timing, seen.last)
    if target.device == "cpu":
        stretches = [record for record in watch.records if record.phase == "call"]
        step = min(min(record.seconds) / record.steps for record in stretches)
        operations = least_operations(problem.network, problem.training.batch_size)
        rate = fastest_products.rate(target.dtype)
        found.append(gate_timed_end.machine_limit(timing, step, operations, rate))
    if all(check.passed for check in found) and timed_checks.whole_length(order.job):
        found += gate_timed_end.of_first_process(timing, program, seen)
    return found


def check_program(
    order: WorkOrder, adapter: ModuleType, program: Program, problem: Problem, first: TimedCalls
) -> list[Check]:
    """Return gate 4 and the read-backs, after the clock has stopped."""
    arm, target = order.arm, order.target
    build = builder(adapter, arm.mode, target)
    numbers = target.dtype, target.precision
    return [
        *cuda.check_device(adapter, program, problem.calls[0], target),
        *gate_timed.check_timed_program(problem, build, arm.capabilities, first, *numbers),
        *readback.check_read_back(adapter.read_back(program, target), target, arm.compiler),
        readback.check_precision_kept(program, target),
        readback.check_product_precision(build, target),
    ]

"""One result: start-up and steady state of one arm on one task, in one fresh pinned process.

The control and the sensitivity arm are this too, in a track of their own: the reference once more,
and with more steps in each stretch than it says.
"""

from __future__ import annotations

import gc
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import ModuleType

import numpy as np

from samenet.adapter import draws
from samenet.adapter.api import Program
from samenet.adapter.arrays import Array, Batches, Weights
from samenet.certificate import cuda, gate_timed, readback
from samenet.certificate.gate_timed import Timed
from samenet.certificate.problem import Check, Problem, builder
from samenet.machine import clock, heap, system
from samenet.runs.records import TimingRecord, Track
from samenet.runs.work_order import WorkOrder
from samenet.spec.task import Task
from samenet.worker.common import certificate_records, problem_of

CHUNK_SECONDS = 0.01
"""Shortest timed stretch: the clock and one sync are then far below a thousandth of it."""

CHUNKS_MIN = 9

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
    scattered = heap.scattered(f"{order.plan.created} {order.job.id}")
    for phase, seconds in order.stamps.items():
        watch.add(phase, [seconds])
    adapter = order.adapter()
    program = start_up(watch, adapter, problem)
    calls = itertools.cycle(problem.calls)  # all drawn before the clock starts
    first = warm_up(watch, program, calls, problem)
    checks: list[Check] = []
    looked = [_looked(checks, lambda: [readback.sync_waits(program, problem.calls[0])])]
    waits = checks[0].passed
    if waits:  # otherwise no sample means anything, and the queue could take for ever
        before = adapter.read_back(program, order.target)
        steady(watch, program, calls, problem)
        after = adapter.read_back(program, order.target)
        checks += readback.compiled(before, after, order.target.dtype)
        if track == "same":
            other_shape(watch, program, problem)
    checks += busy(watch)
    looked.append(_looked(checks, lambda: _checks(order, adapter, program, problem, first)))
    watch.add("check", looked)
    if waits and track == "same":
        own_fit(watch, adapter, problem)
    del scattered
    order.emit([*watch.records, *certificate_records(order, task.name, checks, order.job.repeat)])


def _looked(found: list[Check], look: Callable[[], list[Check]]) -> float:
    """Add what a look finds to the rest, and return its seconds."""
    return clock.seconds(lambda: found.extend(look()))


def start_up(watch: Stopwatch, adapter: ModuleType, problem: Problem) -> Program:
    """Wake, build, load, first call: each once, each finished before the next begins."""
    target, mode = watch.order.target, watch.order.arm.mode
    watch.add("wake", [clock.seconds(lambda: adapter.wake(target))])
    weights = draws.as_dtype(problem.weights, target.dtype)
    made: list[Program] = []

    def build() -> None:
        program = adapter.build(
            problem.network, problem.training, weights, target=target, mode=mode
        )
        made.append(program)

    watch.add("build", [clock.seconds(build)])
    program = made[0]
    watch.add(
        "load", [clock.seconds(lambda: _synced(program, lambda: program.load(problem.source)))]
    )
    return program


def _synced(program: Program, work: Callable[[], object]) -> None:
    work()
    program.sync()


def _timed_call(program: Program, call: Batches) -> float:
    return clock.seconds(lambda: _synced(program, lambda: program.train(call)))


def warm_up(
    watch: Stopwatch, program: Program, calls: Iterator[Batches], problem: Problem
) -> Timed:
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
    return Timed(losses, weights)


def steady(watch: Stopwatch, program: Program, calls: Iterator[Batches], problem: Problem) -> None:
    """Time chunks of whole calls, one sync each, without the garbage collector."""
    steps, call_seconds = problem.shape.steps, _call_seconds(watch)
    percent = watch.order.plan.planted_percent if watch.track != "same" else 0
    seconds_max = watch.order.plan.steady_seconds / CHUNKS_MIN
    while True:
        per_chunk = calls_per_chunk(call_seconds, steps, percent, seconds_max)
        planted = more_calls(per_chunk, percent, problem) if watch.track == "sensitivity" else []
        chunk = partial(_chunk, program, calls, per_chunk, planted)
        trial = clock.seconds(chunk)  # traces and compiles a planted call, whose shape may be new
        spent = clock.seconds(chunk)
        watch.add("calibration", [trial, spent], steps=steps * per_chunk)
        if spent >= CHUNK_SECONDS:
            break
        call_seconds = max(spent / per_chunk / 1.1, call_seconds / 10)  # alone it waited, too
    samples, cpu = sampled(chunk, watch.order.plan.steady_seconds, CHUNKS_MIN, 10_000)
    watch.add("call", samples, steps=steps * per_chunk, cpu=cpu)


def _call_seconds(watch: Stopwatch) -> float:
    """Return what a single call took at the end of the warm-up."""
    return min(watch.records[-1].seconds[-3:] or watch.records[-2].seconds)


def _chunk(
    program: Program, calls: Iterator[Batches], count: int, planted: Sequence[Batches]
) -> None:
    for call in (*itertools.islice(calls, count), *planted):
        program.train(call)
    program.sync()


def calls_per_chunk(
    call_seconds: float, steps: int, percent: int = 0, seconds_max: float = 0.0
) -> int:
    """Return how many calls make a timed stretch.

    Where so many per cent are to be planted, or compared with that, they are a whole number of
    calls. Where such a stretch would take longer than `seconds_max` they are one of steps, and the
    last of what is planted is a shorter call.
    """
    least = max(1, math.ceil(CHUNK_SECONDS / max(call_seconds, 1e-7)))
    unit = 100 // math.gcd(100, percent)
    if unit * call_seconds > seconds_max:
        unit = 100 // math.gcd(100, percent * steps)
    return unit * math.ceil(least / unit)


def more_calls(per_chunk: int, percent: int, problem: Problem) -> list[Batches]:
    """Return the calls that hold exactly so many per cent of the steps of a stretch."""
    steps = problem.shape.steps
    whole, rest = divmod(per_chunk * steps * percent // 100, steps)
    calls = [call for call, _ in zip(itertools.cycle(problem.calls), range(whole), strict=False)]
    return calls + ([problem.calls[0].first(rest)] if rest else [])


def sampled(
    work: Callable[[], object], budget_seconds: float, least: int, most: int
) -> tuple[list[float], float]:
    """Return samples until the budget is spent, and the processor time of all of them."""
    gc.collect()
    gc.freeze()  # what is there stays: the next time need not look through it again
    gc.disable()
    samples: list[float] = []
    start, cpu = clock.now(), clock.cpu_seconds()
    while len(samples) < least or (clock.now() - start < budget_seconds and len(samples) < most):
        samples.append(clock.seconds(work))
    used = clock.cpu_seconds() - cpu
    gc.enable()
    return samples, used


def busy(watch: Stopwatch) -> list[Check]:
    """Check that the steady part kept no more processors busy than it was given."""
    order, steady_part = watch.order, [r for r in watch.records if r.phase == "call"]
    most = None if order.pinned else len(system.cores())
    return [
        readback.processors_busy(record.cpu_seconds, sum(record.seconds), order.target, most)
        for record in steady_part
        if record.cpu_seconds is not None
    ]


def other_shape(watch: Stopwatch, program: Program, problem: Problem) -> None:
    """Time a call of a quarter of the steps: the line through both gives a call's fixed cost."""
    steps = max(1, problem.shape.steps // 4)
    if steps == problem.shape.steps:
        return
    call = problem.calls[0].first(steps)
    watch.add("call_other_first", [_timed_call(program, call)], steps=steps)  # compiles its shape
    samples, _ = sampled(lambda: _synced(program, lambda: program.train(call)), 0.1, 3, 50)
    watch.add("call_other", samples, steps=steps)


def own_fit(watch: Stopwatch, adapter: ModuleType, problem: Problem) -> None:
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
        return clock.seconds(lambda: _synced(program, lambda: adapter.own_fit(program, epochs)))

    timed(1)  # traces and compiles
    if timed(1) > OWN_EPOCH_SECONDS_MAX:
        return
    seconds: list[float] = []

    def pair() -> None:
        seconds.append((timed(1 + OWN_EPOCHS) - timed(1)) / OWN_EPOCHS)

    sampled(pair, OWN_SECONDS, 3, OWN_PAIRS_MAX)
    watch.add("own_fit", seconds, steps=problem.shape.steps_per_epoch)


def _checks(
    order: WorkOrder, adapter: ModuleType, program: Program, problem: Problem, first: Timed
) -> list[Check]:
    """Return gate 4 and the read-backs, after the clock has stopped."""
    arm, target = order.arm, order.target
    build = builder(adapter, arm.mode, target)
    numbers = target.dtype, target.precision
    return [
        *cuda.checks(adapter, program, problem.calls[0], target),
        *gate_timed.after_timing(problem, build, arm.capabilities, first, *numbers),
        *readback.read_back(adapter.read_back(program, target), target, arm.compiler),
        readback.kept_precision(program, target),
        readback.product_precision(build, target),
    ]

"""How long one layer takes: forward, and forward with backward, in the smallest network around it.

One fresh pinned process per framework and kind of layer, with all sizes in it. What is timed was
proved before (pass `certify`, on this very network and batch); here the timed program itself is
looked at: its first steps and its last one beside the oracle's, and what it predicts then.

    step      one call of `train` with one batch of resident rows, a new order each time: the rows
              are taken by number, forward pass, mean squared error, backward pass, update by SGD.
              A stretch of calls is waited for once
    forward   `predict` of the same rows, with its outputs on the host: one after the other
"""

from __future__ import annotations

import math
from collections.abc import Callable
from types import ModuleType

import numpy as np

from samenet.adapter.api import Program
from samenet.certificate import gate_timed_end, gate_training, readback
from samenet.certificate.gate_timed_end import Timing
from samenet.certificate.problem import Check, Problem, builder
from samenet.machine import clock, heap
from samenet.runs.timed_checks import GATE
from samenet.runs.work_order import WorkOrder
from samenet.worker import timing
from samenet.worker.common import adapter_timed, certificate_records, problem_of
from samenet.worker.timing import CALLS_MAX, CHUNK_SECONDS, CHUNKS_MIN, Stopwatch

SAMPLES_MAX = 1_000


def run(order: WorkOrder) -> None:
    """Time every network of the job; each answers for itself."""
    scattered = heap.scatter_heap(f"{order.plan.created} {order.job.id}")
    adapter, file = adapter_timed(order)
    wake = clock.time_call(lambda: adapter.wake(order.target))
    for place, task in enumerate(order.tasks):
        watch = Stopwatch(order, task, "layers")
        if place == 0:
            for phase, seconds in {**order.stamps, "adapter": file, "wake": wake}.items():
                watch.add(phase, [seconds])
        checks = _timed(watch, adapter, problem_of(order, task, order.job.repeat))
        records = certificate_records(order, task.name, checks, order.job.repeat)
        order.emit([*watch.records, *records])
    del scattered


def _timed(watch: Stopwatch, adapter: ModuleType, problem: Problem) -> list[Check]:
    """Build, warm up, time both passes, and return the checks of what was timed."""
    order = watch.order
    build = builder(adapter, order.arm.mode, order.target)
    program = build(problem, problem.training, problem.weights, order.target.dtype)
    calls = timing.Calls(problem.stream())
    first = timing.warm_up(watch, program, calls, problem)
    checks = [readback.check_sync(timing.Fed(program, calls), problem.calls[0])]
    if checks[0].passed:  # otherwise no sample means anything
        rows = problem.calls[0].order[0]

        def forward() -> None:
            np.asarray(program.predict(rows))

        forward()  # traces and compiles
        before = adapter.read_back(program, order.target)
        _time_steps(watch, lambda count: timing.Stretch(program, calls, count, (0, 0), keep=False))
        checks.append(timing.left_after_timing(watch, program, timing.Kept({}, [])))
        _time_forward(watch, forward)
        after = adapter.read_back(program, order.target)
        checks += readback.check_compilations(before, after, order.target.dtype)
        checks += timing.check_busy(watch, "step")
        checks += _after(watch, adapter, program, problem, calls.taken)
    return checks + timing.check_program(order, adapter, program, problem, first)


def _after(
    watch: Stopwatch, adapter: ModuleType, program: Program, problem: Problem, taken: int
) -> list[Check]:
    """Check that the timed program still trains and predicts right, after its last timed call."""
    arm, target = watch.order.arm, watch.order.target
    seen = Timing(
        problem=problem,
        build=builder(adapter, arm.mode, target),
        capabilities=arm.capabilities,
        dtype=target.dtype,
        precision=target.precision,
    )
    last = gate_timed_end.last_call(problem, program, taken, arm.capabilities)
    numbers = target.dtype, GATE, target.precision
    outputs = gate_training.check_outputs(problem, program, *numbers)
    return [*gate_timed_end.of_every_process(seen, last), outputs]


def _time_steps(watch: Stopwatch, stretch_of: Callable[[int], timing.Stretch]) -> None:
    """Time stretches of calls, each long enough for the clock, one sync each."""
    count = _calibrated(watch, lambda count: _prepared(stretch_of(count)))
    stretch = stretch_of(count)
    _time_phase(watch, "step", stretch, count, stretch.prepare)


def _prepared(stretch: timing.Stretch) -> timing.Stretch:
    stretch.prepare()
    return stretch


def _time_forward(watch: Stopwatch, forward: Callable[[], None]) -> None:
    def several(count: int) -> Callable[[], None]:
        def work() -> None:
            for _ in range(count):
                forward()

        return work

    count = _calibrated(watch, several)
    _time_phase(watch, "forward", several(count), count)


def _calibrated(watch: Stopwatch, work_of: Callable[[int], Callable[[], object]]) -> int:
    """Return how many calls make a timed stretch."""
    count = 1
    while True:
        seconds = [clock.time_call(work_of(count)) for _ in range(2)]
        watch.add("calibration", seconds, steps=count)
        if min(seconds) >= CHUNK_SECONDS or count >= CALLS_MAX:
            return count
        wanted = math.ceil(1.2 * count * CHUNK_SECONDS / max(min(seconds), 1e-7))
        count = min(CALLS_MAX, max(2 * count, wanted))


def _time_phase(
    watch: Stopwatch,
    phase: str,
    work: Callable[[], object],
    count: int,
    prepare: Callable[[], object] = lambda: None,
) -> None:
    budget = watch.order.plan.steady_seconds
    samples, cpu = timing.take_samples(work, budget, CHUNKS_MIN, SAMPLES_MAX, prepare)
    watch.add(phase, samples, steps=count, cpu=cpu)

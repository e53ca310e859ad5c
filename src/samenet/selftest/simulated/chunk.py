"""M7: chunks are long enough for clock and sync not to count, on a clock that is simulated.

The program is asynchronous: a call returns at once and the simulated device computes on. What the
instrument reports for a step can then be compared with what a step takes.
"""

from __future__ import annotations

import gc
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np

from samenet.adapter.arrays import Array, Batches
from samenet.machine import clock
from samenet.runs.records import TimingRecord
from samenet.selftest.base import Figure, SelfTestOrder
from samenet.worker import timing

SUMMARY = "clock and sync take at most 0.1 % of a chunk, steps of 1 µs to 1 s (simulated clock)"
OPTIONS = ("short",)

STEP_SECONDS = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)
STEPS, CALLS = 4, 10
READING, DISPATCH, SYNC = 2e-7, 1e-6, 5e-6
"""Seconds of one reading of the clock, of starting a call, of a sync with nothing to wait for."""

OVERHEAD_MOST = 0.001
CHUNK_SECONDS_MIN = 0.01


class SimulatedDevice:
    """A clock, and a device behind it; both advance only when they are used."""

    def __init__(self, step_seconds: float) -> None:
        """Start at zero."""
        self.step_seconds = step_seconds
        self.host = self.ready = 0.0
        self.syncs, self.collected = 0, False
        self.stretches: list[tuple[int, bool]] = []

    def look(self) -> float:
        """Look at the clock."""
        self.host += READING
        return self.host

    def seconds(self, work: Callable[[], object]) -> float:
        """Time a stretch; note its syncs, and whether the collector could have run in it."""
        self.syncs, self.collected, start = 0, False, self.look()
        work()
        spent = self.look() - start
        self.stretches.append((self.syncs, self.collected))
        return spent

    def train(self, batches: Batches) -> None:
        """Ask the device for a call; it begins when it is free."""
        self.host += DISPATCH
        self.ready = max(self.ready, self.host) + self.step_seconds * len(batches.order)
        self.collected = self.collected or gc.isenabled()

    def sync(self) -> None:
        """Wait for the device."""
        self.host = max(self.host, self.ready) + SYNC
        self.syncs += 1

    def losses(self) -> Array:
        """Read something, which waits too."""
        self.sync()
        return np.zeros(STEPS)

    def weights(self) -> list[Array]:
        """Read something, which waits too."""
        self.sync()
        return [np.zeros(1)]

    @contextmanager
    def in_force(self) -> Iterator[None]:
        """Let the instrument read this clock."""
        with patch.multiple(clock, now=self.look, time_call=self.seconds, cpu_seconds=self.look):
            yield


def run(order: SelfTestOrder) -> list[Figure]:
    """Time programs of very different speed, and look at every chunk."""
    chosen = STEP_SECONDS[::3] if order.short else STEP_SECONDS
    runs = [time_chunks(seconds) for seconds in chosen]
    chunks = [record for _, record in runs]
    overhead = max((READING + SYNC) / min(record.seconds) for record in chunks)
    wrong = [
        abs(median(record.seconds) / record.steps / simulated.step_seconds - 1)
        for simulated, record in runs
    ]
    syncs = [count for simulated, _ in runs for count, _ in simulated.stretches]
    collected = [
        on for simulated, record in runs for _, on in simulated.stretches[-len(record.seconds) :]
    ]
    shortest = min(min(record.seconds) for record in chunks)
    figures = [
        Figure(quantity="clock and sync over chunk, most", value=overhead, most=OVERHEAD_MOST),
        Figure(quantity="shortest chunk, seconds", value=shortest, least=CHUNK_SECONDS_MIN),
        Figure(quantity="step as reported, largest error", value=max(wrong), most=OVERHEAD_MOST),
        Figure(quantity="syncs of a timed stretch, fewest", value=min(syncs), least=1),
        Figure(quantity="syncs of a timed stretch, most", value=max(syncs), most=1),
        Figure(quantity="chunks with the collector on", value=sum(collected), most=0),
    ]
    return figures if order.short else [*figures, _real()]


def time_chunks(step_seconds: float) -> tuple[SimulatedDevice, TimingRecord]:
    """Return a simulated device and the record of its steady chunks."""
    simulated = SimulatedDevice(step_seconds)
    batches = [Batches(order=np.zeros((STEPS, 1), np.int32)) for _ in range(CALLS)]
    problem: Any = SimpleNamespace(calls=batches, shape=SimpleNamespace(steps=STEPS))
    job = SimpleNamespace(id="cell", arm="simulated", repeat=0)
    order: Any = SimpleNamespace(job=job, plan=SimpleNamespace(steady_seconds=0.1))
    task: Any = SimpleNamespace(name="simulated")
    watch, calls, program = (
        timing.Stopwatch(order, task),
        timing.Calls(itertools.cycle(batches)),
        simulated,
    )
    with simulated.in_force():
        timing.warm_up(watch, program, calls, problem)  # type: ignore[arg-type]
        timing.time_steady(watch, program, calls, problem)  # type: ignore[arg-type]
    return simulated, watch.records[-1]


def _real() -> Figure:
    """Return what two looks at the real clock take."""
    seconds = median(clock.time_call(lambda: None) for _ in range(1000))
    most = OVERHEAD_MOST * CHUNK_SECONDS_MIN
    return Figure(quantity="two readings of the real clock, seconds", value=seconds, most=most)

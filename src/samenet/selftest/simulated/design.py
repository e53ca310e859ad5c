"""The plan and the arithmetic hold what the method promises, on cases whose answer is known."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from samenet.adapter import batching
from samenet.adapter.api import Target
from samenet.adapter.discovery import known_headers
from samenet.adapter.variables import THREADS
from samenet.analysis.frames import ArmResult, Frames
from samenet.certificate import readback
from samenet.execution import process
from samenet.execution.worker_environment import worker_environment
from samenet.runs import plan
from samenet.runs.plan import Job
from samenet.selftest.base import Figure, SelfTestOrder
from samenet.selftest.fakes.records import CHUNKS, TASK, make_frames
from samenet.stats import intervals, significance

SUMMARY = "order, pairing, the unit, refusals, caches and threads, on known cases (no process)"
OPTIONS = ()
ARMS = ("a", "b", "c")
VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def run(order: SelfTestOrder) -> list[Figure]:
    """Count what is wrong in each case."""
    del order  # nothing here depends on chance
    cases = {
        "places in the order taken unequally": unequal_places(),
        "ratios of repeats that do not belong together": wrong_pairs(),
        "numbers that are not one per process": wrong_unit(),
        "step times that are not the settled level": wrong_level(),
        "unsettled results that pass as settled": wrongly_settled(),
        "refusals that do not follow from the checks alone": wrong_refusals(),
        "differences beyond the margin called equivalent": wrong_ties(),
        "compiled code that a process finds": warm_caches(),
        "thread variables that are not as asked for": unset_threads(),
        "batches that depend on who asks": unequal_batches(),
        "broken limits that are let through": faults_let_through(),
    }
    return [Figure(quantity=text, value=value, most=0) for text, value in cases.items()]


def unequal_places() -> int:
    """Return how unequally often a framework takes a place, over two rounds of repeats."""
    repeats = 2 * len(ARMS)
    orders = [plan.rotate(ARMS, repeat) for repeat in range(repeats)]
    taken = Counter((arm, place) for order in orders for place, arm in enumerate(order))
    times = [taken[pair] for pair in itertools.product(ARMS, range(len(ARMS)))]
    return max(times) - min(times)


def wrong_pairs() -> int:
    """Return whether repeats are paired by anything but their number: a repeat doubles the time."""
    one, other = {0: 1.0, 1: 2.0, 2: 4.0}, {1: 2.0, 2: 4.0, 3: 8.0}
    ratio = intervals.paired_ratio(one, other)
    return int((ratio.value, ratio.n) != (1.0, 2))


def _level(seconds: float) -> list[float]:
    """Return chunks at a level, with two that a neighbour delayed."""
    return [seconds * (1.5 if place in {9, 19} else 1.0) for place in range(CHUNKS)]


def _result(tables: Frames, arm: str) -> ArmResult:
    return tables.result(tables.plan.task(TASK), arm)


def wrong_unit() -> int:
    """Return how many of three processes, one of them slow, are not given their own median."""
    levels = [1.0, 1.02, 3.0]
    seconds = _result(make_frames({"a": [_level(level) for level in levels]}), "a").step
    wrong = [level for repeat, level in enumerate(levels) if seconds.get(repeat) != level]
    return len(wrong) + abs(len(seconds) - len(levels))


def wrong_level() -> int:
    """Return whether chunks before the steady state move the step time."""
    warming = [2.0] * 12 + [1.0, 1.002, 1.004] * 6
    seconds = _result(make_frames({"a": [warming]}), "a").step
    return int(seconds != {0: 1.002})


def wrongly_settled() -> int:
    """Return how many of two results are judged wrongly: of ten processes six slow, or three."""
    slows, flat = [1.0] * 12 + [1.5] * 18, [1.0] * CHUNKS
    tables = make_frames({"a": [slows] * 6 + [flat] * 4, "b": [slows] * 3 + [flat] * 7})
    return int(_result(tables, "a").is_steady) + int(not _result(tables, "b").is_steady)


def wrong_refusals() -> int:
    """Return how often another framework is refused than the one whose check failed.

    Every framework takes every speed and every outcome: neither name nor time may matter.
    """
    wrong = 0
    for slow, failing in itertools.product(ARMS, ARMS):
        chunks = {arm: [_level(2.0 if arm == slow else 1.0)] * 2 for arm in ARMS}
        tables = make_frames(chunks, failing=[failing])
        compared = tables.compared(tables.plan.task(TASK))
        wrong += set(compared) != set(ARMS) - {failing}
    return wrong


def wrong_ties() -> int:
    """Return whether a clear difference of 6 % is called equivalent within 5 %."""
    one = {repeat: 1.06 + repeat / 1e4 for repeat in range(12)}
    return int(significance.is_equivalent(one, dict.fromkeys(range(12), 1.0)))


def warm_caches() -> int:
    """Return how many folders for compiled code two processes share, or find there."""
    folder = Path("run")
    jobs = [
        Job(
            id=f"cell/a/r{n}",
            pass_name="cell",
            tasks=(TASK,),
            repeat=n,
            predicted_seconds=1.0,
        )
        for n in range(2)
    ]
    names = {name for header in known_headers() for name in header.variables.cache}
    places = [
        {name: worker_environment(None, Target(), compiled=code)[name] for name in names}
        for code in (process.compiled_code_of(folder, "cold", job) for job in jobs)
    ]
    shared = [name for name in names if places[0][name] == places[1][name]]
    existing = [place for header in places for place in header.values() if Path(place).exists()]
    return len(shared) + len(existing) + int(not places[0])


def unset_threads() -> int:
    """Return how many variables do not say the number of threads."""
    environment = worker_environment(None, Target(threads=3))
    declared = {
        name: value
        for header in known_headers()
        for name, value in header.variables.threads.items()
    }
    counting = [name for name, value in declared.items() if value == THREADS]
    return sum(environment.get(name) != "3" for name in (*VARIABLES, *counting))


def unequal_batches() -> int:
    """Return how often two askers get other batches, or an epoch is no reordering of the rows."""
    rows, epochs = 50, 3
    shape = batching.call_shape(rows, 8)
    asked = [_orders(shape, rows, epochs) for _ in ("one framework", "another")]
    different = sum(not np.array_equal(*pair) for pair in zip(*asked, strict=True))
    broken = sum(sorted(order) != list(range(rows)) for order in asked[0])
    return different + broken + int(np.array_equal(asked[0][0], asked[0][1]))


def _orders(shape: batching.CallShape, rows: int, epochs: int) -> Sequence[Any]:
    whole = [
        batching.whole_epoch(shape, task=TASK, repeat=0, train_rows=rows, epoch=epoch)
        for epoch in range(epochs)
    ]
    return [np.concatenate([call.order.ravel() for call in calls]) for calls in whole]


def faults_let_through() -> int:
    """Return how many of three faults of a process pass: a compile, two processors, no count."""
    compiled = readback.check_compilations({"compilations": 3}, {"compilations": 4}, "float32")
    busy = [readback.check_processors_busy(1.3, 1.0, Target())]
    quiet = readback.check_compilations({"compilations": 3}, {"compilations": 3}, "float32")
    return sum(all(check.passed for check in checks) for checks in (compiled, busy)) + int(
        not quiet or not quiet[0].passed
    )

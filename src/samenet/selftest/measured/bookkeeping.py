"""What measuring costs beside what it measures: the clock in a stretch, the rest of a process."""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import median

from samenet.execution import planner, session
from samenet.machine import clock
from samenet.runs.passes import ADMISSION_PASSES, BLOCK_PASSES
from samenet.runs.records import JobFinished, Record, TimingRecord
from samenet.selftest.base import Figure, SelfTestOrder, raise_failure

SUMMARY = "what the clock and the harness take of a standard run (a minute or two)"
OPTIONS = ("n", "short")
CLOCK_MOST, REST_MOST = 0.005, 0.10


def run(order: SelfTestOrder) -> list[Figure]:
    """Make a small standard run and add up where its time went."""
    request = planner.Request(
        tasks=("digits",),
        frameworks=("numpy",) if order.short else ("numpy", "pytorch"),
        profile="standard",
        repeats=order.trials(4, 1),
        track="same",
    )
    plan = planner.make_plan(request).only(*ADMISSION_PASSES, *BLOCK_PASSES)
    with tempfile.TemporaryDirectory() as folder:
        store = session.start_run(plan, Path(folder) / "run", lambda *_: None)
        records = store.records()
    raise_failure(records)
    return figures(records, clock_seconds())


def clock_seconds() -> float:
    """Return what timing nothing takes, the median of many."""
    return median(clock.time_call(_nothing) for _ in range(10_000))


def _nothing() -> None:
    """Be what is timed."""


def figures(records: list[Record], reading_seconds: float) -> list[Figure]:
    """Return both shares; the seconds of reading the clock are given."""
    timings = [r for r in records if isinstance(r, TimingRecord)]
    shortest = min(min(r.seconds) for r in timings if r.phase == "call")
    known = sum(sum(r.seconds) for r in timings)
    spent = sum(
        r.seconds for r in records if isinstance(r, JobFinished) and r.pass_name in BLOCK_PASSES
    )
    return [
        Figure(
            quantity="clock, share of the shortest stretch",
            value=reading_seconds / shortest,
            most=CLOCK_MOST,
            detail=f"{reading_seconds * 1e9:.0f} ns of {shortest * 1e3:.1f} ms",
        ),
        Figure(
            quantity="neither import, build, compile, check nor timed work, share of the time",
            value=1 - known / spent,
            most=REST_MOST,
            detail=f"{spent - known:.1f} s of {spent:.1f} s",
        ),
    ]

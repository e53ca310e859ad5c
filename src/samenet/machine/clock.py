"""The only module that reads a clock. All durations are seconds from one monotonic source.

`time.perf_counter` is CLOCK_MONOTONIC on Linux, mach_absolute_time on macOS and the performance
counter on Windows: in each case shared by all processes of a machine, so that a parent's stamp
can be subtracted from a worker's.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from time import perf_counter, process_time  # what a framework puts in their place changes nothing


def now() -> float:
    """Return seconds on the monotonic clock."""
    return perf_counter()


def time_call(work: Callable[[], object]) -> float:
    """Return how long one call takes."""
    start = perf_counter()
    work()
    return perf_counter() - start


def cpu_seconds() -> float:
    """Return the processor time this process has used, all threads together."""
    return process_time()


def utc() -> str:
    """Return the present moment as an ISO text; for people, never subtracted."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def local_stamp() -> str:
    """Return the local time for a folder name, e.g. '2026-11-23-1642'."""
    return datetime.now().astimezone().strftime("%Y-%m-%d-%H%M%S")

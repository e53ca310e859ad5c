"""Asked for N threads, every framework keeps N processors busy, and no more.

    pytest tests/benchmarks/bare/test_threads.py --benchmark-only

Processor time over wall time of our loop on the net L, in a process started as samenet starts its
workers: bound to N processors, with the variables of samenet.execution.worker_environment.
"""

from __future__ import annotations

import pytest
from pairs import THREADS, Worker
from pytest_benchmark.fixture import BenchmarkFixture

from samenet.adapter import discovery

TOLERANCE = 0.1
ARMS = [
    found.arm(name)
    for found in discovery.shipped_adapters().values()
    for name, mode in found.header.modes.items()
    if "CUDA device" not in mode.needs
]
PAIRS = [(arm, threads) for arm in ARMS for threads in (1, 2)]


@pytest.mark.parametrize(
    "worker", PAIRS, ids=[f"{arm}-{threads}" for arm, threads in PAIRS], indirect=True
)
def test_no_more_processors_than_threads(worker: Worker, benchmark: BenchmarkFixture) -> None:
    """With N threads the processor time is at most N + 0.1 times the wall time."""
    worker.ask("ours L")
    steady = benchmark.pedantic(lambda: worker.ask("steady"), rounds=1)
    share = steady["cpu"] / steady["wall"]
    benchmark.extra_info.update(arm=worker.arm, threads=worker.threads, share=share)
    THREADS[worker.arm, worker.threads] = share
    assert share <= worker.threads + TOLERANCE

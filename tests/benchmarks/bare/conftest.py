"""One worker process per mode, and one table of all at the end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pairs
import pytest

from samenet.adapter import discovery
from samenet.machine import distributions, system


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let bare forms be measured that were never the fastest."""
    parser.addoption("--all-forms", action="store_true", help="bare loops: the slower forms, too")


@pytest.fixture(scope="module")
def worker(request: pytest.FixtureRequest) -> Iterator[pairs.Worker]:
    """Return the process of a mode; the parameter: (mode, threads)."""
    arm, threads = request.param
    if not request.config.getoption("benchmark_only"):
        pytest.skip("a measurement; run with --benchmark-only")
    found = discovery.shipped_adapters()[arm.partition(":")[0]]
    if None in map(distributions.installed_version, found.header.distributions):
        pytest.skip(f"{found.header.title} is not installed")
    if threads > len(system.usable_cores()):
        pytest.skip(f"this machine has fewer than {threads} processors")
    made = pairs.Worker(arm, threads)
    yield made
    made.end()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print what the pairs and the threads say."""
    if pairs.STEPS:
        terminalreporter.section("samenet's loop over the fastest bare one: median ratio of pairs")
        terminalreporter.write("\n".join([*pairs.lines(), ""]))
    if pairs.THREADS:
        terminalreporter.section("processor time over wall time, net L")
        for (arm, threads), share in pairs.THREADS.items():
            plural = "" if threads == 1 else "s"
            terminalreporter.write_line(f"{arm:21} {threads} thread{plural}: {share:.2f}")

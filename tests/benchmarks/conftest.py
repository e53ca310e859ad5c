"""One core for every framework, set before any of them is imported; which frameworks to time."""

from __future__ import annotations

import os

import pytest

from samenet.adapter import discovery
from samenet.adapter.discovery import AdapterFile
from samenet.adapter.variables import THREADS
from samenet.machine import distributions, system

os.environ |= dict.fromkeys(system.THREAD_VARIABLES, "1")
for header in discovery.known_headers():
    for variable, value in header.variables.threads.items():
        os.environ[variable] = value.replace(THREADS, "1")

CHOSEN = "SAMENET_BENCHMARK"


def arms(config: pytest.Config) -> list[tuple[AdapterFile, str]]:
    """Return the arms to time: those of SAMENET_BENCHMARK, or all installed in default modes.

    In the default test command, which is not for timing, NumPy alone shows that this works.
    """
    chosen = tuple(filter(None, os.environ.get(CHOSEN, "").split(",")))
    if not chosen and not config.getoption("benchmark_only"):
        chosen = ("numpy",)
    return [pair for pair in discovery.choose(chosen) if installed(pair[0])]


def installed(found: AdapterFile) -> bool:
    """Return whether everything that an adapter needs is there."""
    return None not in map(distributions.installed_version, found.header.distributions)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give each benchmark every chosen arm, named like 'pytorch:eager'."""
    if "arm" in metafunc.fixturenames:
        found = arms(metafunc.config)
        names = [one.arm(mode) for one, mode in found]
        metafunc.parametrize("arm", found, ids=names, scope="module")

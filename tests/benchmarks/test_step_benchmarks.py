"""Every adapter's training step under pytest-benchmark, grouped by task.

    pytest tests/benchmarks --benchmark-only
    SAMENET_BENCHMARK=numpy,pytorch:compiled pytest tests/benchmarks --benchmark-only
    pytest tests/benchmarks --benchmark-only --benchmark-save=before
    pytest-benchmark compare

For an adapter's author: does a change make the step faster? samenet itself measures each framework
in fresh processes of its own; here all of them share one, so that the second framework finds warm
caches, a grown heap and the first one's threads. Compare an adapter with itself, before and after,
not one framework with another; for that there is `samenet run`. One core is used, as there.

One round is one call of the task's shape, its end waited for; `steps` in the extra information says
how many training steps that is, so step time = time / steps.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from threadpoolctl import threadpool_limits

from samenet.adapter import Batches, Program, Target, discovery
from samenet.adapter.discovery import AdapterFile
from samenet.certificate.problem import Problem, builder, task_problem
from samenet.spec import load_task
from samenet.tasks import sources

pytestmark = [
    # What frameworks warn of while they are imported or trace is theirs to repair; our own code
    # runs under `error` everywhere else.
    pytest.mark.filterwarnings("ignore"),
]

TARGET = Target()


@cache
def problem(name: str) -> Problem:
    """Return a shipped task as every framework gets it."""
    task = load_task(name)
    return task_problem(task, sources.prepare(task))


@cache
def awake(path: Path) -> ModuleType:
    """Load an adapter once, with the variables its header asks for, and wake it."""
    os.environ.update(discovery.read(path).header.environment)
    adapter = discovery.load(path)
    adapter.wake(TARGET)
    return adapter


def prepared(arm: tuple[AdapterFile, str], task: str) -> tuple[Program, Batches]:
    """Return a program whose first call, with trace and compile, is over, and a call for it."""
    found, mode = arm
    asked = problem(task)
    build = builder(awake(found.path), mode, TARGET)
    program = build(asked, asked.training, asked.weights, TARGET.dtype)
    call = asked.calls[0]
    program.train(call)
    program.sync()
    return program, call


@pytest.mark.parametrize("task", ["iris", "digits", "diabetes"])
def test_step(
    arm: tuple[AdapterFile, str],
    task: str,
    benchmark: BenchmarkFixture,
    pytestconfig: pytest.Config,
) -> None:
    """A call of the timed shape trains all its steps, and its time is what is reported."""
    benchmark.group = task
    benchmark.disabled = not pytestconfig.getoption("benchmark_only")  # once, where nobody asked
    with threadpool_limits(1):
        program, call = prepared(arm, task)
        benchmark.extra_info.update(arm=arm[0].arm(arm[1]), steps=len(call.order))

        def train() -> None:
            program.train(call)
            program.sync()

        benchmark(train)
        assert len(program.losses()) in {1, len(call.order)}

"""M4: what compiles in the steady window is refused, and a new shape is counted as one compile.

As a program of its own, with NAME and MODE, it is the process in which a framework is asked for its
count before and after a new shape.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import numpy as np

from samenet.adapter import discovery
from samenet.adapter.api import Target
from samenet.adapter.arrays import Batches
from samenet.analysis.frames import Frames
from samenet.certificate import readback
from samenet.certificate.problem import builder
from samenet.execution import planner
from samenet.execution.worker_environment import worker_environment
from samenet.machine import distributions
from samenet.selftest.base import Figure, SelfTestOrder
from samenet.selftest.fakes.running import refusals, run_fake

SUMMARY = "a compile in the steady window is refused; a new shape counts once per compiler (real)"
OPTIONS = ("short",)
LATE, PLAIN = "fake:recompiles", "fake:asynchronous"
STEPS, BATCHES = 4, (16, 16, 12, 12, 16)
"""Batch sizes of five calls: the third is new, whether a call or a step is compiled."""


def run(order: SelfTestOrder) -> list[Figure]:
    """Run the fakes through the whole path, and every installed compiler."""
    figures = judge(run_fake("recompiles", "asynchronous"))
    return (
        figures if order.short else figures + [count_compilations(*pair) for pair in _installed()]
    )


def judge(run: Frames) -> list[Figure]:
    """Return whether the late compile is refused, and only that."""
    late, plain = refusals(run, LATE), refusals(run, PLAIN)
    caught = any(text.endswith(readback.COMPILED) for text in late)
    return [
        Figure(
            quantity="a compile in the steady window is refused",
            value=float(caught),
            least=1,
            detail="; ".join(late),
        ),
        Figure(
            quantity="one without is refused", value=float(len(plain)), most=0, detail=str(plain)
        ),
    ]


def _installed() -> list[tuple[str, str]]:
    """Return the shipped modes that count what they compile and can run here, on a processor."""
    machine_has = {"C++ compiler"} if planner.has_compiler() else set()
    return [
        (name, mode)
        for name, adapter in discovery.shipped_adapters().items()
        if all(
            distributions.installed_version(distribution)
            for distribution in adapter.header.distributions
        )
        for mode, about in adapter.header.modes.items()
        if about.counts_compilations and machine_has.issuperset(about.needs)
    ]


def count_compilations(name: str, mode: str) -> Figure:
    """Return how often a framework compiled for a shape it had not seen."""
    header = discovery.shipped_adapters()[name].header
    done = subprocess.run(
        [sys.executable, "-P", "-m", "samenet.selftest.fake_frameworks.compile_events", name, mode],
        env=worker_environment(header, Target()),
        capture_output=True,
        text=True,
        check=False,
    )
    quantity = f"{name}:{mode}: compiled for a new shape"
    if done.returncode:
        return Figure(quantity=quantity, value=float("nan"), least=1, detail=done.stderr[-300:])
    counts: list[int] = json.loads(done.stdout.splitlines()[-1])
    steps = " → ".join(map(str, counts))
    again = float(counts[1] - counts[0] + counts[3] - counts[2] + counts[4] - counts[3])
    once = float(counts[2] - counts[1])
    return Figure(quantity=quantity, value=once + again, least=1, most=1, detail=f"counts {steps}")


def counts_of(name: str, mode: str) -> list[int]:
    """Return the count after each call of a small program."""
    target = Target()
    adapter: Any = discovery.load(discovery.shipped_adapters()[name].path)
    adapter.wake(target)
    problem = readback.product_problem()
    build = builder(adapter, mode, target)
    program = build(problem, problem.training, problem.weights, target.dtype)
    counts = []
    for size in BATCHES:
        rows = np.arange(STEPS * size, dtype=np.int32).reshape(STEPS, size)
        program.train(Batches(order=rows))
        program.sync()
        counts.append(int(adapter.read_back(program, target)["compilations"]))
    return counts


if __name__ == "__main__":
    sys.stdout.write(json.dumps(counts_of(*sys.argv[1:])) + "\n")

"""Worker processes that run samenet's loop and a bare one in turns, and what the pairs say."""

from __future__ import annotations

import json
import math
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from samenet.adapter import Target, discovery
from samenet.execution.worker_environment import worker_environment

HERE = Path(__file__).parent


class Worker:
    """A process for one mode."""

    def __init__(self, arm: str, threads: int) -> None:
        """Start it as samenet starts its workers."""
        self.arm, self.threads = arm, threads
        header = discovery.shipped_adapters()[arm.partition(":")[0]].header
        self.process = subprocess.Popen(
            [sys.executable, "-P", str(HERE / "pair_worker.py"), arm, str(threads)],
            env=worker_environment(header, Target(threads=threads)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def ask(self, order: str) -> Any:
        """Return the answer to an order."""
        self.process.stdin.write(f"{order}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, f"the worker ended at {order!r}; run pair_worker.py by hand to see why"
        return json.loads(line)

    def end(self) -> None:
        """Let it run out of orders."""
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()


class Ratio(NamedTuple):
    """Of one mode and net: microseconds per step, and what the pairs say of ours over bare."""

    ours: float
    bare: float
    wall: float
    cpu: float
    pairs: int


def ratio_of(turns: list[dict[str, Any]]) -> Ratio:
    """Return medians of the pairs."""
    walls = [turn["ours"][0] / turn["bare"][0] for turn in turns]
    cpus = [turn["ours"][1] / turn["bare"][1] for turn in turns]
    ours, bare = (
        statistics.median(turn[side][0] / turn["steps"] for turn in turns) * 1e6
        for side in ("ours", "bare")
    )
    return Ratio(ours, bare, statistics.median(walls), statistics.median(cpus), len(turns))


def mean_of(ratios: list[float]) -> float:
    """Return the geometric mean."""
    return math.exp(statistics.mean(map(math.log, ratios)))


RATIOS: dict[str, dict[str, Ratio]] = {}
WHOLE: dict[tuple[str, str], dict[str, float]] = {}
THREADS: dict[tuple[str, int], float] = {}
"""What was measured in this session, for the tables at its end."""


def lines() -> list[str]:
    """Return one table of all that was measured."""
    found = [f"{'':21} net  ours us  bare us  wall ratio  processor  pairs"]
    for arm, ratios in RATIOS.items():
        for net, r in ratios.items():
            times = f"{r.ours:9.1f}{r.bare:9.1f}"
            found.append(f"{arm:21} {net:3}{times}{r.wall:12.3f}{r.cpu:11.3f}{r.pairs:7}")
            found += whole_lines(WHOLE.get((arm, net), {}))
        wall, cpu = (mean_of([getattr(r, of) for r in ratios.values()]) for of in ("wall", "cpu"))
        found.append(f"{arm:21} mean{wall:29.3f}{cpu:11.3f}")
    return found


def whole_lines(found: dict[str, float]) -> list[str]:
    """Return what our order costs against a framework's own whole fit, where it has one."""
    if not found:
        return []
    own, ours = found["own"] * 1e3, found["ours"] * 1e3
    return [
        f"{'':25} one pass: its own fit {own:.1f} ms, our order {ours:.1f} ms ({ours / own:.2f})"
    ]

"""Worker processes that run samenet's loop and a bare one in turns, and what the pairs say."""

from __future__ import annotations

import json
import math
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from samenet.adapter import Target, discovery
from samenet.execution.worker_environment import CompiledCode, worker_environment

HERE = Path(__file__).parent


class Worker:
    """A process for one mode."""

    def __init__(self, arm: str, threads: int) -> None:
        """Start it as samenet starts its workers."""
        self.arm, self.threads = arm, threads
        self.folder = tempfile.TemporaryDirectory()
        self.process = subprocess.Popen(
            [sys.executable, "-P", str(HERE / "pair_worker.py"), arm, str(threads)],
            env=environment(arm, threads, self.folder.name),
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
        self.folder.cleanup()


def environment(arm: str, threads: int, folder: str) -> dict[str, str]:
    """Return the variables that samenet would set; nothing has been compiled by another process."""
    header = discovery.shipped_adapters()[arm.partition(":")[0]].header
    code = CompiledCode("cold", Path(folder))
    return worker_environment(header, Target(threads=threads), compiled=code)


class Ratio(NamedTuple):
    """What pairs say of ours over bare: medians, and an interval of the processor time's."""

    ours: float
    """Seconds of a step, or of a whole training."""
    bare: float
    wall: float
    cpu: float
    low: float
    high: float
    pairs: int


def ratio_of(pairs: list[dict[str, Any]]) -> Ratio:
    """Return medians of the pairs, and the interval of the sign test (95 %)."""
    walls, cpus = (
        [pair["ours"][which] / pair["bare"][which] for pair in pairs] for which in (0, 1)
    )
    ours, bare = (
        statistics.median(pair[side][0] / pair.get("steps", 1) for pair in pairs)
        for side in ("ours", "bare")
    )
    interval = median_interval(cpus)
    return Ratio(
        ours, bare, statistics.median(walls), statistics.median(cpus), *interval, len(cpus)
    )


def median_interval(values: list[float]) -> tuple[float, float]:
    """Return the two values between which the sign test puts the median; with few, the extremes."""
    n, place = len(values), 0
    tail = 2.0**-n
    while tail + math.comb(n, place + 1) * 2.0**-n < 0.025:
        place += 1
        tail += math.comb(n, place) * 2.0**-n
    found = sorted(values)
    return found[place], found[-1 - place]


def mean_of(ratios: list[float]) -> float:
    """Return the geometric mean."""
    return math.exp(statistics.mean(map(math.log, ratios)))


def whole_training(arm: str, side: str, net: str, rule: str) -> tuple[float, float]:
    """Return wall and processor seconds of a whole training in a fresh process."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-P", str(HERE / "whole_worker.py"), side, arm, net, rule],
            env=environment(arm, 1, folder),
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    return found["wall"], found["cpu"]


class Tried(NamedTuple):
    """Of one mode, net and optimiser: every bare form, and which are the fastest."""

    forms: dict[str, dict[str, float]]
    """Name: processor microseconds of a step (us), seconds to the end of a first call (first)."""
    best: str
    """In the time of a step."""
    beside: Sequence[str]
    """Forms that are not of the mode, or not public."""

    def best_whole(self, steps: int) -> str:
        """Return the form whose first call and so many steps take the least."""
        names = self.forms.keys() - set(self.beside)
        return min(names, key=lambda name: self._seconds(name, steps))

    def _seconds(self, name: str, steps: int) -> float:
        return self.forms[name]["first"] + self.forms[name]["us"] * 1e-6 * steps


Cell = tuple[str, str, str]
"""Mode, net, optimiser."""
TRIED: dict[Cell, Tried] = {}
STEPS: dict[Cell, Ratio] = {}
WHOLE: dict[Cell, tuple[str, Ratio]] = {}
"""With the form that ours was compared with."""
OWN: dict[Cell, dict[str, float]] = {}
THREADS: dict[tuple[str, int], float] = {}
"""What was measured in this session, for the tables at its end."""


def lines() -> list[str]:
    """Return one table of all that was measured, then what was tried."""
    columns = "  wall    cpu  interval     pairs"
    found = [
        f"{'':47}a step{'':42}a whole training",
        f"{'':18} net rule  ours us  bare us{columns}  ours s bare s{columns}  against",
    ]
    for arm in dict.fromkeys(cell[0] for cell in STEPS):
        cells = [cell for cell in STEPS if cell[0] == arm]
        found += [line for cell in cells for line in (row_of(cell), *own_lines(OWN.get(cell, {})))]
        wall, cpu = (mean_of([getattr(STEPS[c], of) for c in cells]) for of in ("wall", "cpu"))
        found.append(f"{arm:18} mean{wall:32.3f}{cpu:7.3f}")
    return [*found, "", *tried_lines()]


def row_of(cell: Cell) -> str:
    """Return the row of a mode, net and optimiser."""
    (arm, net, rule), step = cell, STEPS[cell]
    times = f"{step.ours * 1e6:9.1f}{step.bare * 1e6:9.1f}"
    against = TRIED[cell].best
    whole = " " * 47
    if cell in WHOLE:
        form, of = WHOLE[cell]
        whole = f"{of.ours:8.2f}{of.bare:7.2f}{ratios(of)}"
        against += "" if form == against else f"; whole: {form}"
    return f"{arm:18} {net:3} {rule:4}{times}{ratios(step)}{whole}  {against}"


def ratios(of: Ratio) -> str:
    """Return the columns of a ratio."""
    return f"{of.wall:7.3f}{of.cpu:7.3f}  {of.low:.3f}-{of.high:.3f}{of.pairs:6}"


def own_lines(found: dict[str, float]) -> list[str]:
    """Return what our order costs against a framework's own whole fit, where it has one."""
    if not found:
        return []
    own, ours = found["own"] * 1e3, found["ours"] * 1e3
    return [
        f"{'':23} one pass: its own fit {own:.1f} ms, our order {ours:.1f} ms ({ours / own:.2f})"
    ]


def tried_lines() -> list[str]:
    """Return the processor time of every form that was tried, and that of its first call."""
    found = [
        "Tried: processor us a step / seconds to the end of the first call, compiling included"
    ]
    for arm in dict.fromkeys(cell[0] for cell in TRIED):
        cells = [cell for cell in TRIED if cell[0] == arm]
        found.append(f"{arm:60}" + "".join(f"{f'{net} {rule}':>16}" for _, net, rule in cells))
        for form in TRIED[cells[0]].forms:
            each = [TRIED[cell].forms[form] for cell in cells]
            mark = "not compared: " if form in TRIED[cells[0]].beside else ""
            found.append(
                f"   {mark + form:57}"
                + "".join(f"{e['us']:10.1f} /{e['first']:4.1f}" for e in each)
            )
    return found

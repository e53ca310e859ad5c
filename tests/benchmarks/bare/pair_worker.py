"""One framework mode in a process of its own: samenet's loop and the bare one, in turns.

    python -P pair_worker.py pytorch:eager 1     (the mode; threads)

Orders come in on standard input, one a line, and every one is answered with one line of JSON:

    size S        make both for this net, take a first call each, say how far apart they end
    ours L        make ours alone
    turn          time the same calls of both; which is first alternates
    whole         time one pass in the framework's own whole `fit`, and in samenet's loop
    steady        keep samenet's loop busy and say what processor time and wall time that takes

It is started as samenet starts its workers: processors, then variables, then the framework.
"""

from __future__ import annotations

import gc
import importlib
import importlib.util
import itertools
import json
import math
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from samenet.adapter import discovery
from samenet.machine import system

HERE = Path(__file__).parent
TURN_SECONDS = 0.1
STEADY_SECONDS = 1.5
PASSES = 3
"""In a whole fit: the difference to one of one pass is what so many more cost."""


class Pair:
    """Both loops of one net, and the calls that they take."""

    def __init__(self, arm: str, size: str, adapter: ModuleType, bare: ModuleType | None) -> None:
        """Make both and take the first call."""
        import nets

        self.net, self.turns = nets.NETS[size], itertools.count()
        self.case = nets.case(self.net)
        self.program = nets.program(self.net, adapter, arm.partition(":")[2])
        calls = nets.calls(self.net)
        self.calls: Iterator[Any] = itertools.cycle(calls)
        self.train_ours(calls[:1])
        self.bare = getattr(bare, bare.LOOPS[arm])(self.case) if bare else None
        self.apart = self._apart(calls[0]) if self.bare else {}
        self.train_ours(calls[1:2])
        seconds, _ = spent(lambda: self.train_ours(calls[2:3]))
        self.steady_calls = max(2, math.ceil(STEADY_SECONDS / max(seconds, 1e-6)))
        self.per_turn = max(1, math.ceil(TURN_SECONDS / 2 / max(seconds, 1e-6)))
        if self.bare:
            self.train_bare(calls[1:3])

    def _apart(self, call: Any) -> dict[str, float]:
        """Return how far apart weights and losses are after the same first call."""
        import numpy as np

        self.train_bare([call])
        ours = [part for layer in self.program.weights() for part in layer]
        pairs = zip(ours, self.bare.weights(), strict=True)
        weights = [np.abs(one - other).max() / np.abs(one).max() for one, other in pairs]
        losses = np.asarray(self.program.losses()) - np.asarray(self.bare.losses())
        return {"weights": float(max(weights)), "losses": float(np.abs(losses).max())}

    def train_ours(self, calls: list[Any]) -> None:
        for call in calls:
            self.program.train(call)
        self.program.sync()

    def train_bare(self, calls: list[Any]) -> None:
        for call in calls:
            self.bare.train(call.order)
        self.bare.sync()

    def turn(self) -> dict[str, Any]:
        """Return wall and processor seconds of the same calls of both."""
        calls = list(itertools.islice(self.calls, self.per_turn))
        sides = {"ours": self.train_ours, "bare": self.train_bare}
        names = list(sides) if next(self.turns) % 2 else list(sides)[::-1]
        found = {name: spent(lambda name=name: sides[name](calls)) for name in names}
        return {**found, "steps": self.per_turn * len(calls[0].order)}

    def steady(self) -> dict[str, float]:
        """Return wall and processor seconds of samenet's loop, kept busy."""
        calls = list(itertools.islice(self.calls, self.steady_calls))
        wall, cpu = spent(lambda: self.train_ours(calls))
        return {"wall": wall, "cpu": cpu}


def spent(work: Callable[[], object]) -> tuple[float, float]:
    """Return the wall and the processor seconds of some work."""
    gc.collect()
    gc.disable()
    start, cpu = time.perf_counter(), time.process_time()
    work()
    found = time.perf_counter() - start, time.process_time() - cpu
    gc.enable()
    return found


def whole(pair: Pair, fit: Callable[[int], object]) -> dict[str, float]:
    """Return the seconds of a pass: of a whole fit of its own, and of as many calls of ours."""
    fit(1)
    own, ours = [], []
    for _ in range(3):
        one, more = spent(lambda: fit(1))[0], spent(lambda: fit(1 + PASSES))[0]
        own.append((more - one) / PASSES)
        calls = list(itertools.islice(pair.calls, PASSES))
        ours.append(spent(lambda calls=calls: pair.train_ours(calls))[0] / PASSES)
    return {"own": sorted(own)[1], "ours": sorted(ours)[1]}


def bare_module(arm: str) -> ModuleType | None:
    """Return the file that holds the bare loop of a mode."""
    for path in sorted((HERE / "loops").glob("*_loops.py")):
        if arm in (discovery.read_literal(path, "LOOPS") or ()):
            return importlib.import_module(path.stem)
    return None


def main(arm: str, threads: int) -> None:
    """Answer orders until there are no more."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what frameworks print is no answer
    system.pin(system.measuring_cores(threads))
    warnings.simplefilter("ignore")
    sys.path[:0] = [str(HERE), str(HERE / "loops")]
    found = discovery.shipped_adapters()[arm.partition(":")[0]]
    for name in found.header.imports:
        importlib.import_module(name)
    from samenet.adapter import Target

    adapter, bare = discovery.load(found.path), bare_module(arm)
    adapter.wake(Target(threads=threads))
    pair: Any = None
    for line in sys.stdin:
        match line.split():
            case ["size", size]:
                pair = Pair(arm, size, adapter, bare)
                answer: Any = pair.apart
            case ["ours", size]:
                pair = Pair(arm, size, adapter, None)
                answer = {}
            case ["turn"]:
                answer = pair.turn()
            case ["steady"]:
                answer = pair.steady()
            case ["whole"]:
                maker = getattr(bare, "WHOLE_FITS", {}).get(arm)
                answer = whole(pair, getattr(bare, maker)(pair.case)) if maker else {}
            case other:
                raise ValueError(other)
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))

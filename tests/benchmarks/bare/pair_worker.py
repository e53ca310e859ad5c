"""One framework mode in a process of its own: samenet's loop and the bare one, in turns.

    python -P pair_worker.py pytorch:eager 1     (the mode; threads)

Orders come in on standard input, one a line, and every one is answered with one line of JSON:

    size S adam   make ours and every bare form for this net and optimiser, take a first call each,
                  say how far apart they end and by how much ours is slower than each; keep the best
                  (`size S adam all`: the slower ones, too)
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
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from samenet.adapter import discovery
from samenet.machine import system

HERE = Path(__file__).parent
Maker = Callable[[Any], Any]
"""Of a case, a bare loop: the form of a mode."""
TURN_SECONDS = 0.1
STEADY_SECONDS = 1.5
TRIALS = 5
PASSES = 3
"""In a whole fit: the difference to one of one pass is what so many more cost."""


class Pair:
    """Our loop and bare ones of one net and optimiser, and the calls that they take."""

    def __init__(
        self,
        arm: str,
        size: str,
        rule: str,
        adapter: ModuleType,
        forms: dict[str, Maker],
        beside: set[str],
    ) -> None:
        """Make all and take the first call; the best form is the bare one from now on."""
        import nets

        self.net, self.turns = nets.NETS[size], itertools.count()
        self.case = nets.case(self.net, rule)
        self.program = nets.program(self.net, rule, adapter, arm.partition(":")[2], self.case)
        self.first, *calls = nets.calls(self.net)
        self.calls: Iterator[Any] = itertools.cycle(calls)
        self.train_ours([self.first])
        self.ours = [part.copy() for layer in self.program.weights() for part in layer.values()]
        self.losses = self.program.losses().copy()
        self.train_ours(calls[:1])
        seconds, _ = spent(lambda: self.train_ours(calls[1:2]))
        self.steady_calls = max(2, math.ceil(STEADY_SECONDS / max(seconds, 1e-6)))
        self.per_turn = max(1, math.ceil(TURN_SECONDS / 2 / max(seconds, 1e-6)))
        self.forms = {name: self.tried(maker) for name, maker in forms.items()}
        if self.forms:
            self.best = min(set(self.forms) - beside, key=lambda name: self.forms[name]["us"])
            self.bare = forms[self.best](self.case)
            self.train_bare(calls[:2])

    def tried(self, maker: Maker) -> dict[str, float]:
        """Return how far apart a form and ours end after one call, and how long a step takes."""
        start = time.process_time()
        self.bare = maker(self.case)
        self.train_bare([self.first])
        first = time.process_time() - start
        apart = self._apart()
        self.train_bare([self.first])
        turns = [self.turn() for _ in range(TRIALS if self.per_turn > 1 else 1)]
        ratio = statistics.median(turn["ours"][1] / turn["bare"][1] for turn in turns)
        us = min(turn["bare"][1] / turn["steps"] for turn in turns) * 1e6
        return {"ratio": ratio, "us": us, "first": first, **apart}

    def _apart(self) -> dict[str, float]:
        """Return how far apart weights and losses are after the same first call."""
        import numpy as np

        pairs = zip(self.ours, self.bare.weights(), strict=True)
        weights = [np.abs(one - other).max() / np.abs(one).max() for one, other in pairs]
        losses = np.asarray(self.losses) - np.asarray(self.bare.losses())
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


def bare_file(arm: str) -> Path:
    """Return the file that holds the bare loops of a mode."""
    paths = sorted((HERE / "loops").glob("*_loops.py"))
    (found,) = [path for path in paths if arm in (discovery.read_literal(path, "LOOPS") or ())]
    return found


def bare_forms(arm: str, module: ModuleType) -> dict[str, Maker]:
    """Return the bare loops of a mode: its function with the arguments of each form."""
    made = getattr(module, arm.partition(":")[2])
    forms = module.LOOPS[arm] | forms_beside(module, arm, slower=True)
    return {name: partial(made, **given) for name, given in forms.items()}


def forms_beside(module: ModuleType, arm: str, *, slower: bool) -> dict[str, Any]:
    """Return the forms that are never compared: of another mode, and slower ones if asked for."""
    names = ("BESIDE", "SLOWER") if slower else ("BESIDE",)
    return {
        name: given
        for group in names
        for name, given in getattr(module, group, {}).get(arm, {}).items()
    }


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

    adapter, bare = discovery.load(found.path), importlib.import_module(bare_file(arm).stem)
    adapter.wake(Target(threads=threads))
    pair: Any = None
    for line in sys.stdin:
        match line.split():
            case ["size", size, rule, *more]:
                beside = set(forms_beside(bare, arm, slower=bool(more)))
                names = bare.LOOPS[arm].keys() | beside
                forms = {name: of for name, of in bare_forms(arm, bare).items() if name in names}
                pair = Pair(arm, size, rule, adapter, forms, beside)
                answer: Any = {"forms": pair.forms, "best": pair.best, "beside": sorted(beside)}
            case ["ours", size]:
                pair = Pair(arm, size, "sgd", adapter, {}, set())
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

"""One whole training in a fresh process: import, first use, build, load, and all its epochs.

    python -P whole_worker.py ours pytorch:eager S adam     (or a bare form instead of ours)

What is drawn for both is drawn before the clock starts, and what only samenet needs is imported
then: the rest, from the import of the framework to the losses of the last epoch, is timed. One line
of JSON: wall and processor seconds, and those of the processor until the first call is done; a C++
compiler that was started counts.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from samenet.adapter import Target, discovery
from samenet.machine import system

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE / "loops")]

import nets  # noqa: E402  (beside this file)
import pair_worker  # noqa: E402
from case import Case  # noqa: E402

EPOCHS = 10
Make = Callable[[], Callable[[Any], object]]
"""Imports and makes a loop, and returns what takes a call."""


def ours(arm: str, net: nets.Net, rule: str, given: Case) -> Make:
    """Return what wakes and loads samenet's loop; which file it is in is known before."""
    found = discovery.shipped_adapters()[arm.partition(":")[0]]

    def make() -> Callable[[Any], object]:
        for name in found.header.imports:
            importlib.import_module(name)
        adapter = discovery.load(found.path)
        adapter.wake(Target())
        program = nets.program(net, rule, adapter, arm.partition(":")[2], given)

        def train(call: Any) -> object:
            program.train(call)
            program.sync()
            return program.losses()

        return train

    return make


def bare(form: str, arm: str, given: Case) -> Make:
    """Return what makes the bare loop, one thread as samenet asks for."""
    path = pair_worker.bare_file(arm)

    def make() -> Callable[[Any], object]:
        loop = pair_worker.bare_forms(arm, importlib.import_module(path.stem))[form](given)

        def train(call: Any) -> object:
            loop.train(call.order)
            loop.sync()
            return loop.losses()

        return train

    return make


def processor_seconds() -> float:
    """Return what this process has used, and compilers that it started and that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def main(side: str, arm: str, size: str, rule: str) -> None:
    """Train and print the seconds."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what frameworks print is no answer
    system.pin(system.measuring_cores(1))
    warnings.simplefilter("ignore")
    net = nets.NETS[size]
    calls, given = nets.calls(net)[:EPOCHS], nets.case(net, rule)
    make = ours(arm, net, rule, given) if side == "ours" else bare(side, arm, given)
    wall, cpu = time.perf_counter(), processor_seconds()
    train = make()
    train(calls[0])
    first = processor_seconds() - cpu
    for call in calls[1:]:
        train(call)
    wall, cpu = time.perf_counter() - wall, processor_seconds() - cpu
    print(json.dumps({"wall": wall, "cpu": cpu, "first": first}), file=answers, flush=True)
    answers.close()
    os._exit(0)  # how long a framework takes to end is no part of a training


if __name__ == "__main__":
    main(*sys.argv[1:])

"""One whole training in a fresh process: import, first use, build, load, and all its epochs.

    python -P whole_worker.py ours pytorch:eager S     (or: bare)

What is drawn for both is drawn before the clock starts, and what only samenet needs is imported
then: the rest, from the import of the framework to the losses of the last epoch, is timed. One line
of JSON: wall and processor seconds, and those of the processor until the first call is done.
"""

from __future__ import annotations

import importlib
import json
import os
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

EPOCHS = 10


def ours(arm: str, net: nets.Net) -> Callable[[Any], object]:
    """Return a call of samenet's loop, awake and loaded."""
    found = discovery.shipped_adapters()[arm.partition(":")[0]]
    for name in found.header.imports:
        importlib.import_module(name)
    adapter = discovery.load(found.path)
    adapter.wake(Target())
    program = nets.program(net, adapter, arm.partition(":")[2])

    def train(call: Any) -> object:
        program.train(call)
        program.sync()
        return program.losses()

    return train


def bare(arm: str, net: nets.Net) -> Callable[[Any], object]:
    """Return a call of the bare loop, one thread as samenet asks for."""
    module = pair_worker.bare_module(arm)
    assert module
    loop = getattr(module, module.LOOPS[arm])(nets.case(net))

    def train(call: Any) -> object:
        loop.train(call.order)
        loop.sync()
        return loop.losses()

    return train


def main(side: str, arm: str, size: str) -> None:
    """Train and print the seconds."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what frameworks print is no answer
    system.pin(system.measuring_cores(1))
    warnings.simplefilter("ignore")
    net = nets.NETS[size]
    calls = nets.calls(net)[:EPOCHS]
    wall, cpu = time.perf_counter(), time.process_time()
    train = {"ours": ours, "bare": bare}[side](arm, net)
    train(calls[0])
    first = time.process_time() - cpu
    for call in calls[1:]:
        train(call)
    found = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "first": first}
    print(json.dumps(found), file=answers, flush=True)
    answers.close()
    os._exit(0)  # how long a framework takes to end is no part of a training


if __name__ == "__main__":
    main(*sys.argv[1:])

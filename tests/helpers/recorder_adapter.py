"""An adapter that writes down what is asked of it and fails as planned: NumPy's program inside.

The environment plans it: SAMENET_RECORDER holds JSON like

    {"log": "calls.txt", "faults": [{"job": "cell~*~r1", "at": "train", "how": "kill"}]}

`job` is a pattern for the name of the worker's order, `at` a function or method of the contract
(or "import": while this file is loaded), `how` one of HOW below. A fault of its `times`-th call
(default 1) hits once; "here", if given, is a file that is written just before.
"""

from __future__ import annotations

import fnmatch
import json
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

from samenet.adapters.numpy import adapter
from samenet.adapters.numpy.adapter import NumpyProgram

__all__ = ["build", "capabilities", "own_fit", "read_back", "wake"]

ADAPTER = {
    "name": "recorder",
    "title": "Recorder",
    "modes": {
        "plain": {"why": "a fake", "source": "tests/helpers", "default": True},
        "fit": {"why": "a fake with a whole fit of its own", "source": "tests/helpers"},
    },
    "imports": ["numpy"],
    "distributions": ["numpy", "scipy"],
    "adoptable": False,
}


def _raise():
    raise RuntimeError("as planned")


HOW = {
    "exit": lambda: os._exit(7),
    "crash": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "hang": lambda: time.sleep(3600),
    "raise": _raise,
    "nan": lambda: None,  # done by the method itself
}
PLAN = json.loads(os.environ.get("SAMENET_RECORDER", "{}"))
JOB = Path(sys.argv[-1]).name.removesuffix(".order.json")
COUNT: dict[str, int] = {}


def note(place):
    """Write down a call; do what is planned there and return how."""
    COUNT[place] = COUNT.get(place, 0) + 1
    if "log" in PLAN:
        with Path(PLAN["log"]).open("a", encoding="utf-8") as file:
            file.write(f"{JOB} {place}\n")
    for fault in PLAN.get("faults", ()):
        now = fault["at"] == place and COUNT[place] == fault.get("times", 1)
        if now and fnmatch.fnmatch(JOB, fault["job"]):
            if "here" in fault:
                Path(fault["here"]).write_text(str(os.getpid()), encoding="utf-8")
            HOW[fault["how"]]()
            return fault["how"]
    return ""


note("import")


def capabilities():
    """Offer what NumPy offers."""
    note("capabilities")
    return adapter.capabilities()


def wake(target):
    """Wake NumPy."""
    note("wake")
    adapter.wake(target)


def read_back(program, target):
    """Return what is in force."""
    note("read_back")
    return adapter.read_back(program, target)


def build(network, training, weights, *, target, mode):
    """Return the recording program."""
    del mode
    note("build")
    return Recorder(network, training, weights, np.dtype(target.dtype))


def own_fit(program, epochs):
    """Write down for how many epochs; train nothing."""
    del program
    note(f"own_fit({epochs})")


class Recorder(NumpyProgram):
    """NumPy's program that writes down its calls."""

    def load(self, source):
        """Load."""
        note("load")
        super().load(source)

    def train(self, batches):
        """Train."""
        note("train")
        super().train(batches)

    def losses(self):
        """Return the losses, or what is none."""
        found = super().losses()
        return found * np.nan if note("losses") == "nan" else found

    def predict(self, rows):
        """Predict."""
        note("predict")
        return super().predict(rows)

    def weights(self):
        """Return the weights."""
        note("weights")
        return super().weights()

    def sync(self):
        """Note that somebody waited."""
        note("sync")

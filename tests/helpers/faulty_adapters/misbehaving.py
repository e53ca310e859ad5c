"""NumPy's loop in a process that ends, answers or fails as the variable FAULT says."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np

from samenet.adapters.numpy import adapter
from samenet.adapters.numpy.adapter import NumpyProgram, read_back, wake

__all__ = ["build", "capabilities", "read_back", "wake"]

ADAPTER = {
    "name": "misbehaving",
    "title": "Misbehaving",
    "modes": {"plain": {"why": "a fake", "source": "https://example.org", "default": True}},
    "imports": ["numpy"],
    "distributions": ["numpy", "scipy"],
    "adoptable": False,
    "environment": {"FAULT": "none"},
}
FAULT = os.environ.get("FAULT", "none")
JOB = Path(sys.argv[-1]).name.partition("~")[0]


def capabilities():
    """Offer what NumPy does."""
    return adapter.capabilities()


def limit_files(size: int) -> None:
    """Let no file grow beyond a size, as a full disk or a quota does."""
    import resource
    import signal

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def build(network, training, weights, *, target, mode):
    """Misbehave in the processes that prove, if asked to."""
    if JOB in {"certify", "parity"}:
        if FAULT == "proof-exit":
            os._exit(0)
        if FAULT == "proof-cut":
            limit_files(300)
    return Misbehaving(network, training, weights, np.dtype(target.dtype))


class Misbehaving(NumpyProgram):
    """Misbehaves in its second call of a timed process."""

    calls = 0

    def train(self, batches):
        """Train, then do it."""
        super().train(batches)
        Misbehaving.calls += 1
        if JOB != "cell" or Misbehaving.calls != 2:
            return
        if FAULT == "exit":
            os._exit(0)
        if FAULT == "sys-exit":
            sys.exit(0)
        if FAULT == "cut":
            limit_files(2600)
        if FAULT == "fork":
            os.fork()

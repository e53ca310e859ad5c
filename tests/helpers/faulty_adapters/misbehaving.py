"""NumPy's loop in a process that ends, answers or fails as the variable FAULT says."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
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


def limit(name: str, size: int) -> None:
    """Let this process have no more of something than it is told."""
    import resource

    resource.setrlimit(getattr(resource, name), (size, size))


def flood() -> None:
    """Print 60 MB, half of it as errors, without a line's end."""
    for _ in range(30):
        os.write(1, b"x" * 1_000_000)
        os.write(2, b"y" * 1_000_000)


def flood_for_ever() -> None:
    """Print until somebody ends this."""
    while True:
        os.write(2, b"more and more\n" * 1000)


def run_out_of_memory() -> None:
    """Ask for more memory than there is."""
    limit("RLIMIT_AS", 4 * 2**30)
    np.ones(2**40)


def run_out_of_descriptors() -> None:
    """Open more files than is allowed."""
    limit("RLIMIT_NOFILE", 16)
    for _ in range(20):
        os.open(sys.argv[-1], os.O_RDONLY)


def raise_long() -> None:
    """Raise with a text of 10 MB that would control a terminal."""
    raise RuntimeError("\x1b[31m" + "y" * 10_000_000)


WORK = Path(sys.argv[-1]).parent
ACTIONS = {
    "exit": lambda: os._exit(0),
    "sys-exit": lambda: sys.exit(0),
    "exit-7": lambda: os._exit(7),
    "cut": lambda: limit_files(2600),
    "fork": os.fork,
    "hang": lambda: time.sleep(3600),
    "stop": lambda: os.kill(os.getpid(), signal.SIGSTOP),
    "segfault": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "abort": os.abort,
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "terminate": lambda: os.kill(os.getpid(), signal.SIGTERM),
    "keyboard": lambda: os.kill(os.getpid(), signal.SIGINT),
    "flood": flood,
    "flood-for-ever": flood_for_ever,
    "memory": run_out_of_memory,
    "descriptors": run_out_of_descriptors,
    "raise-long": raise_long,
    "child": lambda: subprocess.Popen(["sleep", "3600"]),
    "detached": lambda: subprocess.Popen(["sleep", "3600"], start_new_session=True),
    "folder": lambda: os.chdir("/"),
    "remove-work": lambda: shutil.rmtree(WORK),
    "remove-run": lambda: shutil.rmtree(WORK.parent),
    "remove-records": (WORK.parent / "records.jsonl").unlink,
    "clock": lambda: setattr(time, "perf_counter", lambda: 0.0),
}


class Misbehaving(NumpyProgram):
    """Misbehaves in its second call of a timed process, or in what it answers."""

    calls = 0

    def train(self, batches):
        """Train, then do it."""
        super().train(batches)
        Misbehaving.calls += 1
        if JOB == "cell" and Misbehaving.calls == 2 and FAULT in ACTIONS:
            ACTIONS[FAULT]()

    def losses(self):
        """Return the losses, or what is none."""
        losses = super().losses()
        wrong = {
            "loss-nan": losses * np.nan,
            "loss-infinite": losses * np.inf,
            "loss-short": losses[:-1],
            "loss-long": np.append(losses, 1),
            "loss-text": np.array(["a"] * len(losses)),
            "loss-objects": np.array([None] * len(losses)),
            "loss-table": losses[:, None],
            "loss-none": None,
        }
        return wrong.get(FAULT, losses) if JOB == "cell" else losses

    def weights(self):
        """Return the weights, or what is none."""
        weights = super().weights()
        if JOB != "cell":
            return weights
        wrong = {
            "weights-none": None,
            "weights-short": weights[:-1],
            "weights-nan": [type(w)(w.kernel * np.nan, w.bias) for w in weights],
            "weights-turned": [type(w)(w.kernel.T, w.bias) for w in weights],
            "weights-objects": [type(w)(w.kernel.astype(object), w.bias) for w in weights],
        }
        return wrong.get(FAULT, weights)

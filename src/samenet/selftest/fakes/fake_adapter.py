"""An adapter that does as planned: NumPy's program inside, and one trick per mode.

The core imports no adapter; this file runs NumPy's as a worker runs any.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from samenet.adapter import discovery
from samenet.adapter.api import Capabilities, Target
from samenet.adapter.arrays import Array, Batches, DataSource, Weights
from samenet.machine import clock, system
from samenet.selftest.fakes.known import FIRST_CALL, PHASES, RECOMPILED_STEP, RESULT, STEP
from samenet.spec.network import Network
from samenet.spec.training import TrainSpec

ADAPTER = {
    "name": "fake",
    "title": "Fake",
    "modes": {
        "sleeps": {"why": "every phase takes a known time", "source": "samenet selftest phases"},
        "asynchronous": {"why": "returns at once", "source": "samenet selftest sync"},
        "never-waits": {"why": "its sync does nothing", "source": "samenet selftest sync"},
        "recompiles": {"why": "compiles late", "source": "samenet selftest compile-events"},
        "greedy": {"why": "takes every processor", "source": "samenet selftest threads"},
    },
    "imports": ["samenet.selftest.fakes.slow_import"],
    "distributions": ["numpy", "scipy"],
    "adoptable": False,
}

NUMPY: Any = discovery.load(discovery.shipped_adapters()["numpy"].path)


def capabilities() -> Capabilities:
    """Offer what NumPy offers."""
    offered: Capabilities = NUMPY.capabilities()
    return offered


def wake(target: Target) -> None:
    """Wake NumPy, slowly."""
    start = clock.now()
    NUMPY.wake(target)
    sleep_until(start + PHASES["wake"])


def read_back(program: FakeProgram, target: Target) -> dict[str, str | int | float]:
    """Return what is in force; the first question opens the steady window."""
    program.asked = True
    in_force: dict[str, str | int | float] = NUMPY.read_back(program.inner, target)
    return in_force | {"compilations": program.compilations}


def build(
    network: Network, training: TrainSpec, weights: Weights, *, target: Target, mode: str
) -> FakeProgram:
    """Return the program of a mode."""
    start = clock.now()
    inner = NUMPY.build(network, training, weights, target=target, mode="plain")
    if mode == "sleeps":
        sleep_until(start + PHASES["build"])
    return MODES[mode](inner)


def sleep_until(moment: float) -> None:
    """Sleep until a moment: what NumPy did meanwhile is part of the known time."""
    time.sleep(max(0.0, moment - clock.now()))


class FakeProgram:
    """NumPy's program, unchanged."""

    def __init__(self, inner: Any) -> None:
        """Keep the program."""
        self.inner = inner
        self.asked, self.compilations = False, 1

    def load(self, source: DataSource) -> None:
        """Load."""
        self.inner.load(source)

    def train(self, batches: Batches) -> None:
        """Train."""
        self.inner.train(batches)

    def losses(self) -> Array:
        """Return the losses."""
        losses: Array = self.inner.losses()
        return losses

    def predict(self, rows: Array) -> Any:
        """Predict."""
        return self.inner.predict(rows)

    def weights(self) -> Weights:
        """Return the weights."""
        weights: Weights = self.inner.weights()
        return weights

    def sync(self) -> None:
        """Everything is done when it returns."""


class SleepingProgram(FakeProgram):
    """Every phase takes a known time."""

    def __init__(self, inner: Any) -> None:
        """Keep what the first call takes more."""
        super().__init__(inner)
        self.more = FIRST_CALL

    def load(self, source: DataSource) -> None:
        """Load slowly."""
        start = clock.now()
        super().load(source)
        sleep_until(start + PHASES["load"])

    def train(self, batches: Batches) -> None:
        """Train slowly, the first time as a compiler does."""
        start, seconds = clock.now(), self.more + STEP * len(batches.order)
        super().train(batches)
        self.more = 0.0
        sleep_until(start + seconds)


class AsynchronousProgram(FakeProgram):
    """Returns at once, as a device does; the result comes later."""

    def __init__(self, inner: Any) -> None:
        """Start the device: one thread that does one call after the other."""
        super().__init__(inner)
        self.device = ThreadPoolExecutor(max_workers=1)
        self.latest: Future[None] | None = None

    def train(self, batches: Batches) -> None:
        """Ask for the training."""

        def later() -> None:
            start = clock.now()
            self.inner.train(batches)
            sleep_until(start + RESULT)

        self.latest = self.device.submit(later)

    def losses(self) -> Array:
        """Wait, as reading a device's memory does."""
        self.wait()
        return super().losses()

    def predict(self, rows: Array) -> Any:
        """Wait, too."""
        self.wait()
        return super().predict(rows)

    def weights(self) -> Weights:
        """Wait, too."""
        self.wait()
        return super().weights()

    def wait(self) -> None:
        """Return when the device is done."""
        if self.latest is not None:
            self.latest.result()

    def sync(self) -> None:
        """Wait for everything."""
        self.wait()


class NeverWaitingProgram(AsynchronousProgram):
    """The fault: its sync returns at once."""

    def sync(self) -> None:
        """Do nothing."""


class RecompilingProgram(FakeProgram):
    """The fault: compiles once more, in the steady window."""

    steps = 0

    def train(self, batches: Batches) -> None:
        """Train; count the steps of the steady window."""
        super().train(batches)
        before, self.steps = self.steps, self.steps + self.asked * len(batches.order)
        self.compilations += before < RECOMPILED_STEP <= self.steps


class GreedyProgram(FakeProgram):
    """The fault: works on two processors, whatever it was bound to."""

    def train(self, batches: Batches) -> None:
        """Train beside another thread that is as busy."""
        system.pin(list(range(os.cpu_count() or 1)))
        with ThreadPoolExecutor(max_workers=2) as pool:
            list(pool.map(hashlib.sha256, [BALLAST, BALLAST]))
        super().train(batches)


BALLAST = bytes(4_000_000)
MODES: dict[str, Callable[[Any], FakeProgram]] = {
    "sleeps": SleepingProgram,
    "asynchronous": AsynchronousProgram,
    "never-waits": NeverWaitingProgram,
    "recompiles": RecompilingProgram,
    "greedy": GreedyProgram,
}

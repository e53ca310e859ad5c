"""What the instrument's tests of itself have in common: an order, and figures with their limits.

A figure that is a rate carries its Wilson interval (Wilson 1927), so that "5 of 40" is read as
what it is.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from scipy.stats import binomtest

from samenet.errors import WorkerError, unknown_name
from samenet.machine import clock
from samenet.runs.records import FailureRecord, Record

PACKAGES = ("simulated", "fake_frameworks", "measured")
"""Where the tests are: on drawn numbers, on fake frameworks, on real runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfTestOrder:
    """How a self-test is to be run."""

    n: int | None = None
    """Trials, or repetitions; None means the test's own number."""

    short: bool = False
    """Fewer trials, and wider limits where the number of trials matters: for the test command."""

    seed: int = 0
    say: Callable[[str], None] = lambda _: None
    """Called with a line of progress after each trial that takes more than a moment."""

    def trials(self, usual: int, short: int) -> int:
        """Return how many trials to make."""
        return self.n or (short if self.short else usual)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number beside its limits, which are inclusive."""

    quantity: str
    value: float
    least: float | None = None
    most: float | None = None
    low: float | None = None
    high: float | None = None
    """The 95 % interval of the value, where it has one."""

    detail: str = ""

    @property
    def passed(self) -> bool:
        """Return whether the value is within its limits; one without limits always is."""
        above = self.least is None or self.value >= self.least
        return above and (self.most is None or self.value <= self.most)

    @property
    def judged(self) -> bool:
        """Return whether there is a limit."""
        return (self.least, self.most) != (None, None)


def rate_figure(
    quantity: str,
    hits: int,
    trials: int,
    *,
    least: float | None = None,
    most: float | None = None,
    detail: str = "",
) -> Figure:
    """Return a share of trials with its Wilson interval; `least` and `most` bound the share."""
    ends = binomtest(hits, trials).proportion_ci(method="wilson")
    counted = f"{hits} of {trials}"
    return Figure(
        quantity=quantity,
        value=hits / trials,
        least=least,
        most=most,
        low=float(ends.low),
        high=float(ends.high),
        detail=f"{counted}; {detail}" if detail else counted,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfTestResult:
    """The result of one self-test."""

    name: str
    figures: Sequence[Figure]
    seconds: float
    notes: Sequence[str] = field(default_factory=tuple)
    """Why there are no figures, where a worker failed."""

    @property
    def passed(self) -> bool:
        """Return whether every figure is within its limits, and at least one has limits."""
        return any(f.judged for f in self.figures) and all(f.passed for f in self.figures)

    def plain(self) -> dict[str, Any]:
        """Return the finding as plain data."""
        figures = [
            {name: getattr(figure, name) for name in Figure.__dataclass_fields__}
            | {"passed": figure.passed}
            for figure in self.figures
        ]
        return {
            "name": self.name,
            "passed": self.passed,
            "seconds": round(self.seconds, 2),
            "figures": figures,
            "notes": list(self.notes),
        }


def selftest_names() -> list[str]:
    """Return the names of all tests: those of their files, with hyphens."""
    return sorted(_modules())


def selftest_module(name: str) -> ModuleType:
    """Return the module of a test.

    Raises UsageError, with the nearest name, if there is none.
    """
    modules = _modules()
    if name not in modules:
        raise unknown_name("selftest", name, modules)
    return importlib.import_module(modules[name])


def heeded_options(name: str) -> tuple[str, ...]:
    """Return which of n, short and seed change what a test does; it ignores the others."""
    read: tuple[str, ...] = selftest_module(name).OPTIONS
    return read


def _modules() -> dict[str, str]:
    """Return the module of each test by the test's name; packages hold nothing but tests."""
    return {
        file.name.replace("_", "-"): f"samenet.selftest.{package}.{file.name}"
        for package in PACKAGES
        for file in pkgutil.iter_modules([str(Path(__file__).parent / package)])
    }


def summaries() -> dict[str, str]:
    """Return what each test shows, in one line."""
    return {name: str(selftest_module(name).SUMMARY) for name in selftest_names()}


def run_selftest(name: str, order: SelfTestOrder) -> SelfTestResult:
    """Carry out a test of the instrument; one whose worker fails has no figures, but a note."""
    start = clock.now()
    figures: Sequence[Figure] = ()
    notes: tuple[str, ...] = ()
    try:
        figures = tuple(selftest_module(name).run(order))
    except WorkerError as error:
        notes = (str(error),)
    return SelfTestResult(name=name, figures=figures, notes=notes, seconds=clock.now() - start)


NO_ANSWER = ("failed", "timed out", "interrupted")
"""The failures after which nothing is known."""


def raise_failure(records: Iterable[Record]) -> None:
    """Raise WorkerError if a worker failed or took too long: without its answer nothing is shown.

    What a framework does not offer, or is refused for, is an answer.
    """
    for record in records:
        if isinstance(record, FailureRecord) and record.mark in NO_ANSWER:
            who = " on ".join(filter(None, (record.arm, record.task)))
            raise WorkerError(f"The worker of {who} {record.mark}: {record.reason}")

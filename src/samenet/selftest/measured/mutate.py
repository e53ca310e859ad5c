"""M30: planted defects of the instrument, each caught by the test that is named for it."""

from __future__ import annotations

import gc
import itertools
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any
from unittest.mock import patch

from samenet.adapter import draws
from samenet.analysis import processes
from samenet.analysis.frames import ArmResult, Frames
from samenet.analysis.quantities import Quantity
from samenet.certificate import readback
from samenet.execution import process
from samenet.machine import system
from samenet.runs import plan
from samenet.selftest import base
from samenet.selftest.base import Figure, SelfTestOrder, rate_figure
from samenet.spec.task import Task
from samenet.stats import intervals, significance, steady_state
from samenet.worker import timing

SUMMARY = "planted defects of the instrument, each caught by a test named for it (no process)"
OPTIONS = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect:
    """One mistake a person could make in the instrument."""

    what: str
    by: str
    """The test that must fail."""
    planted: Callable[[], AbstractContextManager[Any]]
    """The defect is in force inside."""


def run(order: SelfTestOrder) -> list[Figure]:
    """Plant one defect after the other; without any, every test used here passes."""
    del order  # the tests run in their short form
    tests = sorted({defect.by for defect in DEFECTS})
    alarms = [f"{name}: {text}" for name in tests for text in failing_figures(name)]
    caught_by = {defect.what: _caught(defect) for defect in DEFECTS}
    detail = "; ".join(
        f"{defect.what} → {defect.by}: {caught_by[defect.what] or 'NOT CAUGHT'}"
        for defect in DEFECTS
    )
    caught = sum(bool(text) for text in caught_by.values())
    return [
        rate_figure(
            "defects caught by the test named for them",
            caught,
            len(caught_by),
            least=1,
            detail=detail,
        ),
        Figure(
            quantity="figures that fail without a defect",
            value=len(alarms),
            most=0,
            detail="; ".join(alarms),
        ),
    ]


def failing_figures(name: str) -> list[str]:
    """Return the figures of a test that are outside their limits."""
    steady_state.classify.cache_clear()  # what was found without the defect says nothing about it
    figures = base.selftest_module(name).run(SelfTestOrder(short=True))
    steady_state.classify.cache_clear()  # nor does what was found with it about anything later
    return [figure.quantity for figure in figures if figure.judged and not figure.passed]


def _caught(defect: Defect) -> str:
    with defect.planted():
        return ", ".join(failing_figures(defect.by))


class _Changed:
    """A program with some of its methods replaced."""

    def __init__(self, program: Any, **methods: Any) -> None:
        self.program, self.methods = program, methods

    def __getattr__(self, name: str) -> Any:
        return self.methods.get(name) or getattr(self.program, name)


def _steadily(change: Callable[[Any], Any]) -> AbstractContextManager[Any]:
    """Let the steady part see another program."""
    usual = timing.time_steady
    return patch.object(
        timing, "time_steady", lambda w, program, calls, p: usual(w, change(program), calls, p)
    )


def _unsynced(program: Any) -> Any:
    return _Changed(program, sync=lambda: None)


def _synced_always(program: Any) -> Any:
    def train(call: Any) -> None:
        program.train(call)
        program.sync()

    return _Changed(program, train=train)


def _pooled(result: ArmResult, quantity: Quantity) -> dict[int, float]:
    del quantity
    rows = result.frames.samples
    rows = rows[(rows.task == result.task.name) & (rows.arm == result.arm)]
    return dict(enumerate(rows.seconds.tolist()))


def _without_slow(result: ArmResult, quantity: Quantity) -> dict[int, float]:
    seconds = PER_REPEAT(result, quantity)
    middle = median(seconds.values())
    return {repeat: value for repeat, value in seconds.items() if value < 1.5 * middle}


def _by_place(one: Any, other: Any, confidence: float = 0.95) -> Any:
    pairs = list(zip(one.values(), other.values(), strict=False))
    return intervals.geometric_mean([a / b for a, b in pairs], confidence)


def _by_name(run: Frames, task: Task) -> list[str]:
    return [arm for arm in COMPARED(run, task) if arm != "b"]


def _slow_too(run: Frames, task: Task) -> list[str]:
    seconds = {arm: median(run.result(task, arm).step.values()) for arm in COMPARED(run, task)}
    return [arm for arm in seconds if seconds[arm] <= 1.5 * min(seconds.values())]


def _timed(run: Frames, task: Task) -> list[str]:
    arms: list[str] = run.times[run.times.task == task.name].arm.unique().tolist()
    return arms


def _another_order() -> AbstractContextManager[Any]:
    """Draw another order for everyone who asks."""
    asked, usual = itertools.count(), draws.epoch_order
    return patch.object(
        draws,
        "epoch_order",
        lambda rows, *, task, repeat, epoch: usual(
            rows, task=f"{task}{next(asked)}", repeat=repeat, epoch=epoch
        ),
    )


PER_REPEAT, COMPARED, EQUIVALENT = ArmResult.per_repeat, Frames.compared, significance.is_equivalent


def _defect(owner: Any, name: str, new: Any, *, what: str, by: str) -> Defect:
    """Return the defect that exchanges one function or constant, as `patch.object` would."""
    return Defect(what=what, by=by, planted=lambda: patch.object(owner, name, new))


DEFECTS = (
    Defect(what="missing sync", by="chunk", planted=partial(_steadily, _unsynced)),
    Defect(what="a sync after every call", by="chunk", planted=partial(_steadily, _synced_always)),
    _defect(timing, "CHUNK_SECONDS", 1e-4, what="chunks too short", by="chunk"),
    _defect(gc, "disable", lambda: None, what="collector left on", by="chunk"),
    _defect(plan, "rotate", lambda items, repeat: list(items), what="fixed order", by="design"),
    _defect(ArmResult, "per_repeat", _pooled, what="pooled samples", by="design"),
    _defect(ArmResult, "per_repeat", _without_slow, what="slow runs dropped", by="design"),
    _defect(processes, "median", min, what="the fastest chunk for the middle one", by="design"),
    _defect(intervals, "paired_ratio", _by_place, what="wrong pairing", by="design"),
    _defect(
        significance,
        "is_equivalent",
        partial(EQUIVALENT, margin=0.2),
        what="margin changed after the run",
        by="design",
    ),
    _defect(
        process,
        "cache_path",
        lambda folder, kept, job: folder / "warm",
        what="cache left warm",
        by="design",
    ),
    _defect(system, "THREAD_VARIABLES", (), what="threads unset", by="design"),
    Defect(what="unequal data order", by="design", planted=_another_order),
    _defect(steady_state, "drop_warm_up", tuple, what="steady window too early", by="design"),
    _defect(
        steady_state, "UNSTEADY_SHARE_MAX", 1.0, what="unsettled results compared", by="design"
    ),
    _defect(Frames, "compared", _by_name, what="refusing by name", by="design"),
    _defect(Frames, "compared", _slow_too, what="refusing the slow", by="design"),
    _defect(Frames, "compared", _timed, what="failed checks ignored", by="design"),
    _defect(readback, "check_compilations", lambda *_: [], what="compiles ignored", by="design"),
    _defect(readback, "BUSY_TOLERANCE", 10.0, what="busy processors ignored", by="design"),
    _defect(
        steady_state,
        "_drifts",
        lambda logs, band: False,
        what="drift taken for steady",
        by="steady",
    ),
    _defect(
        steady_state,
        "_onset",
        lambda pieces, band: 0,
        what="onset always at the start",
        by="steady",
    ),
)

"""From a ladder's run: what can be predicted on this machine, and how right that is.

The trainings that are predicted to judge it, twenty of them, are in no fit. Their measured total is
what a run says of any task: the start-up of its process, then its epochs at the steady rate.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any

import numpy as np
from scipy.optimize import nnls

from samenet.advice.evidence import lasting
from samenet.analysis.frames import Frames
from samenet.experiments.scaling import fit, ladder
from samenet.experiments.scaling.cost_model import WITHIN, WITHIN_MEDIAN, shapes
from samenet.experiments.scaling.fit import Fitted
from samenet.experiments.scaling.forecast import Forecast, Row, Training, choice, numbers, rows
from samenet.spec.task import Task
from samenet.stats import significance
from samenet.stats.formatting import words
from samenet.stats.intervals import VERDICT_REPEATS_MIN
from samenet.stats.verdicts import percent

HITS_LEAST = 0.9
"""In so many of the held-out trainings the advice has to be right: 18 of 20."""


def forecasts(frames: Frames) -> list[Forecast]:
    """Return what a run with a ladder lets us predict, arm by arm."""
    return [_forecast(frames, each) for each in fit.fitted(frames)]


def _forecast(frames: Frames, each: Fitted) -> Forecast:
    tasks = [t for t in ladder.points(frames.plan.tasks) if not ladder.is_held_out(t)]
    starts = [_start(frames, each, task) for task in tasks]
    found = [pair for pair in starts if pair is not None]
    start, per_layer, per_shape, error = _line(found)
    arm = frames.plan.arm(each.arm)
    imported = frames.import_seconds(each.arm)
    return Forecast(
        arm=each.arm,
        title=frames.title(each.arm),
        adoptable=arm.header.adoptable,
        model=each.model,
        start=start,
        start_per_layer=per_layer,
        start_per_shape=per_shape,
        start_error=error,
        call_error=math.sqrt(fmean(math.log1p(p.error) ** 2 for p in each.left_out)),
        sizes=len(each.left_out),
        ranges=_ranges([training_of(task) for task in tasks]),
        place=str(frames.plan.target),
        when=frames.plan.created,
        device=frames.plan.target.device,
        offers=arm.header.offers,
        install_bytes=arm.installed.bytes,
        import_seconds=imported.high if imported.known else imported.value,
    )


def training_of(task: Task) -> Training:
    """Return a point as a training, a held-out one with the epochs it is predicted for."""
    return Training(
        widths=ladder.network_of(task).widths,
        batch_size=task.training.batch_size,
        samples=int(task.data.options["rows"]) - ladder.TEST_ROWS,
        epochs=ladder.held_out_epochs(task) or task.training.epochs,
    )


def _start(frames: Frames, each: Fitted, task: Task) -> tuple[int, int, float] | None:
    """Return layers, shapes and seconds of a start without the steps of its first call."""
    result = frames.result(task, each.arm)
    if not result.start_up or not result.passed:
        return None
    training = training_of(task)
    call = each.model.predict(training.widths, training.batch_size, ladder.steps_of(task))
    seconds = median(result.start_up.values())
    widths = training.widths
    return len(widths) - 1, shapes(widths), max(seconds - call, seconds / 100)


def _line(found: Sequence[tuple[int, int, float]]) -> tuple[float, float, float, float]:
    """Return what a start costs anyway, what a layer and a shape add, and the relative error.

    None is negative, and all starts count alike, as in the fit of a step.
    """
    seconds = np.array([each for *_, each in found])
    parts = np.array([[1.0, float(layers), float(kinds)] for layers, kinds, _ in found])
    costs, _ = nnls(parts / seconds[:, None], np.ones(len(found)))
    off = np.log(parts @ costs / seconds)
    freedom = max(1, len(found) - len(costs))
    start, per_layer, per_shape = costs.tolist()
    return start, per_layer, per_shape, math.sqrt(float((off**2).sum()) / freedom)


def _ranges(found: Sequence[Training]) -> dict[str, tuple[float, float]]:
    every = [numbers(training) for training in found]
    return {name: (min(e[name] for e in every), max(e[name] for e in every)) for name in every[0]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One held-out training of one arm."""

    training: str
    arm: str
    measured_seconds: float
    predicted_seconds: float

    @property
    def error(self) -> float:
        """Return by which share of the measured total the prediction is too long."""
        return self.predicted_seconds / self.measured_seconds - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What the predictions advise for one held-out training, and what was the fastest there."""

    training: str
    advised: str
    fastest: str
    ratio: float
    """Measured seconds of the one advised over those of the fastest."""
    tested: bool
    """Whether there were enough repeats to prove them equivalent."""
    equivalent: bool

    @property
    def right(self) -> bool:
        """Return whether the one advised is the fastest, or equivalent to it."""
        return self.advised == self.fastest or self.equivalent


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """How right the predictions of a run's ladder are."""

    judged: tuple[Judged, ...]
    choices: tuple[Choice, ...]

    def of(self, arm: str) -> list[Judged]:
        """Return the held-out trainings of one arm."""
        return [each for each in self.judged if each.arm == arm]

    @property
    def arms(self) -> list[str]:
        """Return the arms that were judged, in their order."""
        return list(dict.fromkeys(each.arm for each in self.judged))

    def good(self, arm: str) -> bool:
        """Return whether every total of an arm is near enough, and the median nearer."""
        errors = [abs(each.error) for each in self.of(arm)]
        return max(errors) <= WITHIN and median(errors) <= WITHIN_MEDIAN

    @property
    def hits(self) -> int:
        """Return how many choices were right."""
        return sum(each.right for each in self.choices)

    @property
    def passed(self) -> bool:
        """Return whether everything is as right as it has to be."""
        enough = self.hits >= HITS_LEAST * len(self.choices)
        return bool(self.judged) and enough and all(self.good(arm) for arm in self.arms)

    def plain(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "passed": self.passed,
            "hits": self.hits,
            "trainings": [
                {**{n: getattr(j, n) for n in Judged.__dataclass_fields__}, "error": j.error}
                for j in self.judged
            ],
            "choices": [
                {**{n: getattr(c, n) for n in Choice.__dataclass_fields__}, "right": c.right}
                for c in self.choices
            ],
        }


def check(frames: Frames) -> Check:
    """Return how right the predictions are on the held-out trainings of a run."""
    known = forecasts(frames)
    tasks = [task for task in ladder.points(frames.plan.tasks) if ladder.held_out_epochs(task)]
    judged, choices = [], []
    for task in tasks:
        training, totals = training_of(task), _totals(frames, task, known)
        found = [row for row in rows(known, training) if row.forecast.arm in totals]
        judged += [
            Judged(
                training=f"{task.title}, {training.epochs} epochs",
                arm=row.forecast.arm,
                measured_seconds=median(totals[row.forecast.arm].values()),
                predicted_seconds=row.seconds.value,
            )
            for row in found
        ]
        if len(choice(found)) and sum(row.forecast.adoptable for row in found) > 1:
            adoptable = [row for row in found if row.forecast.adoptable]
            choices.append(_choice(task, adoptable, totals, frames.plan.margin))
    return Check(judged=tuple(judged), choices=tuple(choices))


Totals = dict[str, dict[int, float]]


def _totals(frames: Frames, task: Task, known: Sequence[Forecast]) -> Totals:
    """Return {arm: {repeat: seconds}} of a held-out training, as measured."""
    whole = lasting(task, ladder.held_out_epochs(task))
    compared = set(frames.compared(task))
    arms = [each.arm for each in known if each.arm in compared]
    found = {arm: frames.result(whole, arm).total() for arm in arms}
    return {arm: each for arm, each in found.items() if each}


def _choice(task: Task, found: Sequence[Row], totals: Totals, margin: float) -> Choice:
    advised = found[0].forecast.arm
    own = {row.forecast.arm: totals[row.forecast.arm] for row in found}
    fastest = min(own, key=lambda arm: median(own[arm].values()))
    ratio = median(own[advised].values()) / median(own[fastest].values())
    tested = min(map(len, own.values())) >= VERDICT_REPEATS_MIN
    level = (
        significance.equivalent(own[advised], own[fastest], margin)
        if tested
        else ratio <= 1 + margin
    )
    return Choice(
        training=f"{task.title}, {ladder.held_out_epochs(task)} epochs",
        advised=advised,
        fastest=fastest,
        ratio=ratio,
        tested=tested,
        equivalent=level,
    )


def lines(frames: Frames, found: Check) -> Iterator[str]:
    """Yield the table of the held-out trainings, then what it says in all."""
    if not found.judged:
        yield "This run holds no fitted ladder with held-out sizes: samenet ladder measures one."
        return
    yield "Whole trainings of sizes that are in no fit: measured, predicted, error of that"
    for arm in found.arms:
        yield ""
        yield frames.title(arm)
        for each in found.of(arm):
            times = f"{words(each.measured_seconds):>10} {words(each.predicted_seconds):>10}"
            yield f"  {each.training:<42}{times} {100 * each.error:>+5.0f} %"
    yield ""
    yield from (_summary(frames, found, arm) for arm in found.arms)
    yield from _advised(frames, found)


def _summary(frames: Frames, found: Check, arm: str) -> str:
    errors = [abs(each.error) for each in found.of(arm)]
    near = sum(error <= WITHIN for error in errors)
    mark = "✓" if found.good(arm) else "✗"
    return (
        f"{mark} {frames.title(arm):<24} {near} of {len(errors)} within {100 * WITHIN:.0f} %, "
        f"median {100 * median(errors):.1f} %, worst {100 * max(errors):.0f} %"
    )


def _advised(frames: Frames, found: Check) -> Iterator[str]:
    count = len(found.choices)
    if not count:
        yield "No choice to be judged: fewer than two frameworks that can be recommended."
        return
    mark = "✓" if found.hits >= HITS_LEAST * count else "✗"
    tested = all(each.tested for each in found.choices)
    how = "equivalent by test" if tested else f"measured within {percent(frames.plan.margin)} of it"
    yield f"{mark} The advice named the fastest framework, or one {how}, in {found.hits} of {count}"
    for each in found.choices:
        if not each.right:
            advised, fastest = frames.title(each.advised), frames.title(each.fastest)
            yield f"  {each.training}: {advised}, {each.ratio:.2f}× as long as {fastest}"

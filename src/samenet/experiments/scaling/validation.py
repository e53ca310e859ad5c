"""From a ladder's run: what can be predicted on this machine, and how accurately.

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
from numpy.typing import NDArray
from scipy.optimize import nnls

from samenet.advice.evidence import with_epochs
from samenet.analysis.frames import Frames
from samenet.experiments.scaling import fit, ladder
from samenet.experiments.scaling.cost_model import WITHIN, WITHIN_MEDIAN, count_shapes
from samenet.experiments.scaling.fit import FittedArm
from samenet.experiments.scaling.forecast import (
    Forecast,
    TimePrediction,
    TrainingSize,
    choose_fastest,
    predict_times,
    size_numbers,
)
from samenet.spec.task import Task
from samenet.stats import significance
from samenet.stats.formatting import format_seconds
from samenet.stats.intervals import VERDICT_REPEATS_MIN
from samenet.stats.verdicts import format_percent

HITS_LEAST = 0.9
"""The share of the held-out trainings in which the advice has to be right: 18 of 20."""


def make_forecasts(frames: Frames) -> list[Forecast]:
    """Return each arm's forecast, from a run with a ladder."""
    return [_forecast(frames, fitted) for fitted in fit.fit_arms(frames)]


def _forecast(frames: Frames, fitted: FittedArm) -> Forecast:
    measured = fit.fitted_tasks(frames, fitted.arm)
    starts = [_start(frames, fitted, task) for task in measured]
    start, per_layer, per_shape, error = _fit_starts(starts)
    arm = frames.plan.arm(fitted.arm)
    imported = frames.import_seconds(fitted.arm)
    return Forecast(
        arm=fitted.arm,
        title=frames.title(fitted.arm),
        adoptable=arm.header.adoptable,
        model=fitted.model,
        start=start,
        start_per_layer=per_layer,
        start_per_shape=per_shape,
        start_error=error,
        call_error=math.sqrt(fmean(math.log1p(p.error) ** 2 for p in fitted.left_out)),
        sizes=len(fitted.left_out),
        ranges=_ranges([training_of(task) for task in measured]),
        place=str(frames.plan.target),
        when=frames.plan.created,
        device=frames.plan.target.device,
        offers=arm.header.offers,
        install_bytes=arm.installed.bytes,
        versions=arm.versions,
        import_seconds=imported.high if imported.known else imported.value,
    )


def training_of(task: Task) -> TrainingSize:
    """Return a point as a training; a held-out one has the epochs it is predicted for."""
    return TrainingSize(
        widths=ladder.network_of(task).widths,
        batch_size=task.training.batch_size,
        samples=int(task.data.options["rows"]) - ladder.TEST_ROWS,
        epochs=ladder.held_out_epochs(task) or task.training.epochs,
    )


def _start(frames: Frames, fitted: FittedArm, task: Task) -> tuple[int, int, float]:
    """Return layers, shapes and seconds of a start without the steps of its first call."""
    result = frames.result(task, fitted.arm)
    training = training_of(task)
    call = fitted.model.predict(training.widths, training.batch_size, ladder.steps_of(task))
    seconds = median(result.start_up.values())
    widths = training.widths
    return len(widths) - 1, count_shapes(widths), max(seconds - call, seconds / 100)


def _fit_starts(starts: Sequence[tuple[int, int, float]]) -> tuple[float, float, float, float]:
    """Return the fixed cost of a start, that of a layer and of a shape, and the relative error.

    No cost is negative, and all starts count alike, as in the fit of a step. The error is the root
    mean square of what each start is off by if it is left out of the fit.
    """
    seconds = np.array([start_seconds for *_, start_seconds in starts])
    parts = np.array([[1.0, float(layers), float(kinds)] for layers, kinds, _ in starts])

    def costs_of(rows: NDArray[np.bool_]) -> NDArray[np.float64]:
        # divided by its seconds, every start aims at 1: relative errors are minimised
        costs, _ = nnls(parts[rows] / seconds[rows, None], np.ones(rows.sum()))
        return np.asarray(costs)

    others = ~np.eye(len(starts), dtype=bool)
    predicted = [float(parts[n] @ costs_of(others[n])) for n in range(len(starts))]
    off = np.log(np.maximum(predicted, NOTHING_SECONDS) / seconds)
    start, per_layer, per_shape = costs_of(np.ones(len(starts), dtype=bool)).tolist()
    return start, per_layer, per_shape, math.sqrt(float((off**2).mean()))


NOTHING_SECONDS = 1e-9
"""In place of a predicted start of no time at all, which has no logarithm."""


def _ranges(trainings: Sequence[TrainingSize]) -> dict[str, tuple[float, float]]:
    every = [size_numbers(training) for training in trainings]
    return {name: (min(e[name] for e in every), max(e[name] for e in every)) for name in every[0]}


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOutTraining:
    """One held-out training of one arm."""

    training: str
    arm: str
    measured_seconds: float
    predicted_seconds: float

    @property
    def error(self) -> float:
        """Return the relative error of the prediction; positive if it is too long."""
        return self.predicted_seconds / self.measured_seconds - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOutChoice:
    """What the predictions advise for a held-out training, and what was fastest in it."""

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
class ValidationResult:
    """How accurate the predictions of a run's ladder are."""

    judged: tuple[HeldOutTraining, ...]
    choices: tuple[HeldOutChoice, ...]
    missing: tuple[tuple[str, str], ...] = ()
    """(training, arm) of what was planned, and not measured or out of the range of its fit."""

    def of(self, arm: str) -> list[HeldOutTraining]:
        """Return the held-out trainings of one arm."""
        return [each for each in self.judged if each.arm == arm]

    @property
    def arms(self) -> list[str]:
        """Return the arms that there is a forecast of, in their order."""
        absent = [arm for _, arm in self.missing]
        return list(dict.fromkeys([*(each.arm for each in self.judged), *absent]))

    def not_shown(self, arm: str) -> int:
        """Return on how many held-out trainings an arm was not judged."""
        return sum(absent == arm for _, absent in self.missing)

    def good(self, arm: str) -> bool:
        """Return whether all of an arm's totals, and their median, are within their limits.

        A training that is missing shows nothing, and is none of them.
        """
        errors = [abs(each.error) for each in self.of(arm)]
        if not errors or self.not_shown(arm):
            return False
        return max(errors) <= WITHIN and median(errors) <= WITHIN_MEDIAN

    @property
    def hits(self) -> int:
        """Return how many choices were right."""
        return sum(each.right for each in self.choices)

    @property
    def passed(self) -> bool:
        """Return whether both the totals and the choices are accurate enough."""
        enough = self.hits >= HITS_LEAST * len(self.choices)
        return bool(self.judged) and enough and all(self.good(arm) for arm in self.arms)

    def plain(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "passed": self.passed,
            "hits": self.hits,
            "trainings": [
                {
                    **{n: getattr(j, n) for n in HeldOutTraining.__dataclass_fields__},
                    "error": j.error,
                }
                for j in self.judged
            ],
            "choices": [
                {**{n: getattr(c, n) for n in HeldOutChoice.__dataclass_fields__}, "right": c.right}
                for c in self.choices
            ],
            "missing": [{"training": name, "arm": arm} for name, arm in self.missing],
        }


def validate(frames: Frames) -> ValidationResult:
    """Return how accurate the predictions are on a run's held-out trainings."""
    known = make_forecasts(frames)
    tasks = [
        task for task in ladder.ladder_points(frames.plan.tasks) if ladder.held_out_epochs(task)
    ]
    judged = []
    choices = []
    missing = []
    for task in tasks:
        training = training_of(task)
        name = f"{task.title}, {training.epochs} epochs"
        totals = _totals(frames, task, known)
        able = [each for each in known if each.arm in totals and not each.outside(training)]
        missing += [(name, each.arm) for each in known if each not in able]
        predictions = predict_times(able, training)
        judged += [
            HeldOutTraining(
                training=name,
                arm=row.forecast.arm,
                measured_seconds=median(totals[row.forecast.arm].values()),
                predicted_seconds=row.seconds.value,
            )
            for row in predictions
        ]
        if (
            len(choose_fastest(predictions))
            and sum(row.forecast.adoptable for row in predictions) > 1
        ):
            adoptable = [row for row in predictions if row.forecast.adoptable]
            choices.append(_choice(task, adoptable, totals, frames.plan.margin))
    return ValidationResult(judged=tuple(judged), choices=tuple(choices), missing=tuple(missing))


Totals = dict[str, dict[int, float]]


def _totals(frames: Frames, task: Task, known: Sequence[Forecast]) -> Totals:
    """Return {arm: {repeat: seconds}} of a held-out training, as measured."""
    whole = with_epochs(task, ladder.held_out_epochs(task))
    compared = set(frames.compared(task))
    arms = [each.arm for each in known if each.arm in compared]
    found = {arm: frames.result(whole, arm).total() for arm in arms}
    return {arm: each for arm, each in found.items() if each}


def _choice(
    task: Task, predictions: Sequence[TimePrediction], totals: Totals, margin: float
) -> HeldOutChoice:
    advised = predictions[0].forecast.arm
    times = {row.forecast.arm: totals[row.forecast.arm] for row in predictions}
    fastest = min(times, key=lambda arm: median(times[arm].values()))
    ratio = median(times[advised].values()) / median(times[fastest].values())
    tested = min(map(len, times.values())) >= VERDICT_REPEATS_MIN
    level = (
        significance.is_equivalent(times[advised], times[fastest], margin)
        if tested
        else ratio <= 1 + margin
    )
    return HeldOutChoice(
        training=f"{task.title}, {ladder.held_out_epochs(task)} epochs",
        advised=advised,
        fastest=fastest,
        ratio=ratio,
        tested=tested,
        equivalent=level,
    )


def to_lines(frames: Frames, result: ValidationResult) -> Iterator[str]:
    """Yield the table of the held-out trainings, then its summary."""
    if not result.judged:
        yield "This run holds no fitted ladder with held-out sizes: samenet ladder measures one."
        return
    yield "Whole trainings of sizes that are in no fit: measured, predicted, error of that"
    for arm in result.arms:
        yield ""
        yield frames.title(arm)
        for training in result.of(arm):
            measured = format_seconds(training.measured_seconds)
            predicted = format_seconds(training.predicted_seconds)
            error = f"{100 * training.error:>+5.0f} %"
            yield f"  {training.training:<42}{measured:>10} {predicted:>10} {error}"
    yield ""
    yield from (_summary(frames, result, arm) for arm in result.arms)
    yield from _advised(frames, result)


def _summary(frames: Frames, result: ValidationResult, arm: str) -> str:
    errors = [abs(training.error) for training in result.of(arm)]
    near = sum(error <= WITHIN for error in errors)
    mark = "✓" if result.good(arm) else "✗"
    absent = result.not_shown(arm)
    shown = f"{near} of {len(errors) + absent} within {100 * WITHIN:.0f} %"
    if errors:
        shown += f", median {100 * median(errors):.1f} %, worst {100 * max(errors):.0f} %"
    lacking = f"; {absent} not measured, or out of range: not shown" if absent else ""
    return f"{mark} {frames.title(arm):<24} {shown}{lacking}"


def _advised(frames: Frames, result: ValidationResult) -> Iterator[str]:
    count = len(result.choices)
    if not count:
        yield "No choice to judge: fewer than two frameworks can be recommended."
        return
    mark = "✓" if result.hits >= HITS_LEAST * count else "✗"
    tested = all(choice_.tested for choice_ in result.choices)
    near = (
        "equivalent by test"
        if tested
        else f"measured within {format_percent(frames.plan.margin)} of it"
    )
    share = f"{result.hits} of {count}"
    yield f"{mark} The advice named the fastest framework, or one {near}, in {share}"
    for choice_ in result.choices:
        if not choice_.right:
            advised, fastest = frames.title(choice_.advised), frames.title(choice_.fastest)
            yield f"  {choice_.training}: {advised}, {choice_.ratio:.2f}× as long as {fastest}"

"""What a run's ladder says about each framework: its fitted costs, and how well they predict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, NamedTuple

import pandas as pd

from samenet.analysis.frames import Frames
from samenet.experiments.scaling import cost_model, ladder
from samenet.experiments.scaling.cost_model import (
    COST_NAMES,
    WITHIN,
    WITHIN_MEDIAN,
    Call,
    CostModel,
    MeasuredCall,
)
from samenet.report import result
from samenet.spec.task import Task
from samenet.stats.formatting import format_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class StepPrediction:
    """A step of one size, as measured and as predicted by a model that has not seen that size."""

    size: str
    measured_seconds: float
    predicted_seconds: float

    @property
    def error(self) -> float:
        """Return the relative error of the prediction; positive if it is too long."""
        return self.predicted_seconds / self.measured_seconds - 1

    @property
    def fits(self) -> bool:
        """Return whether the prediction is near enough."""
        return abs(self.error) <= WITHIN


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedArm:
    """The cost model of one arm, fitted to the design points, and its predictions."""

    arm: str
    model: CostModel
    left_out: tuple[StepPrediction, ...]
    """Of each design point by a fit to all the others."""
    held_out: tuple[StepPrediction, ...]
    """Of the points that no fit has seen: the ones that count."""

    @property
    def misfits(self) -> tuple[StepPrediction, ...]:
        """Return the held-out points that are not predicted within the limit, the worst first."""
        wrong = [each for each in self.held_out if not each.fits]
        return tuple(sorted(wrong, key=lambda each: -abs(each.error)))

    @property
    def fits(self) -> bool:
        """Return whether every held-out point is within the limit, and the median within its."""
        middle = median_error(self.held_out) if self.held_out else 1.0
        return not self.misfits and middle <= WITHIN_MEDIAN

    @property
    def verdict(self) -> str:
        """Return in words how well the model predicts sizes that it was not fitted to."""
        if not self.held_out:
            return "not judged: no held-out size was measured"
        if self.misfits:
            worst = self.misfits[0]
            return f"does not fit: off by {worst.error * 100:+.0f} % at {worst.size}"
        middle = f"{median_error(self.held_out) * 100:.0f} % in the middle"
        count = len(self.held_out)
        if not self.fits:
            return f"does not fit: {middle}, though each of {count} within {WITHIN * 100:.0f} %"
        return f"fits: each of {count} within {WITHIN * 100:.0f} %, {middle}"


def median_error(predictions: Sequence[StepPrediction]) -> float:
    """Return the median size of the errors."""
    return median(abs(each.error) for each in predictions)


def worst_error(predictions: Sequence[StepPrediction]) -> float:
    """Return the largest size of an error."""
    return max(abs(each.error) for each in predictions)


def fit_arms(frames: Frames) -> list[FittedArm]:
    """Return the models of all arms that were measured on enough sizes, in the plan's order."""
    sizes_of = {arm.name: _sizes(frames, arm.name) for arm in frames.plan.arms}
    return [_fitted(arm, sizes) for arm, sizes in sizes_of.items() if _enough(sizes)]


def arms_not_fitted(frames: Frames) -> dict[str, int]:
    """Return the arms that were measured on too few sizes for a fit, and on how many each."""
    sizes_of = {arm.name: _sizes(frames, arm.name) for arm in frames.plan.arms}
    few = {arm: len(_design(sizes)) for arm, sizes in sizes_of.items() if not _enough(sizes)}
    return few if ladder.ladder_points(frames.plan.tasks) else {}


def fitted_tasks(frames: Frames, arm: str) -> list[Task]:
    """Return the sizes that an arm's model is fitted to: those on which it was measured."""
    return [size.task for size in _design(_sizes(frames, arm))]


class _Size(NamedTuple):
    """One size of one arm: the call of K steps, then that of fewer, if it was measured."""

    task: Task
    calls: tuple[MeasuredCall, ...]


def _design(sizes: Sequence[_Size]) -> list[_Size]:
    return [size for size in sizes if not ladder.is_held_out(size.task)]


def _enough(sizes: Sequence[_Size]) -> bool:
    """Return whether there is at least one size per cost that is looked for."""
    return len(_design(sizes)) >= len(COST_NAMES)


def _sizes(frames: Frames, arm: str) -> list[_Size]:
    """Return what was measured of an arm on the sizes on which it passed every check."""
    rows = frames.samples[(frames.samples.arm == arm) & (frames.samples.track == "same")]
    sizes = [
        _Size(task, _calls(task, rows[rows.task == task.name]))
        for task in ladder.ladder_points(frames.plan.tasks)
        if arm in frames.compared(task)
    ]
    return [size for size in sizes if size.calls]


def _calls(task: Task, rows: pd.DataFrame) -> tuple[MeasuredCall, ...]:
    """Return both calls of a size: the median over processes of the median over samples."""
    widths = ladder.network_of(task).widths
    batch_size = task.training.batch_size
    calls = []
    for phase, counted in (("call", "first_call"), ("call_other", "call_other")):
        samples = rows[rows.phase == phase]
        steps = rows[rows.phase == counted].steps
        if len(samples):
            count = int(steps.iloc[0])
            step = (samples.seconds / samples.steps).groupby(samples["repeat"]).median().median()
            calls.append(MeasuredCall(Call(widths, batch_size, count), count * float(step)))
    return tuple(calls)


def _fitted(arm: str, sizes: Sequence[_Size]) -> FittedArm:
    design = _design(sizes)
    model = _fit(design)
    return FittedArm(
        arm=arm,
        model=model,
        left_out=tuple(_prediction(_fit([o for o in design if o != s]), s) for s in design),
        held_out=tuple(_prediction(model, s) for s in sizes if ladder.is_held_out(s.task)),
    )


def _fit(sizes: Sequence[_Size]) -> CostModel:
    return cost_model.fit([call for size in sizes for call in size.calls])


def _prediction(model: CostModel, size: _Size) -> StepPrediction:
    longest = size.calls[0]
    steps = longest.call.steps
    return StepPrediction(
        size=size.task.title,
        measured_seconds=longest.seconds / steps,
        predicted_seconds=model.predict(*longest.call) / steps,
    )


def to_document(frames: Frames) -> dict[str, Any]:
    """Return the fitted costs as plain data."""
    return {
        "schema": LADDER_SCHEMA,
        "samenet": frames.plan.samenet,
        "target": frames.plan.target.model_dump(mode="json"),
        "machine": frames.machine,
        "models": [_plain(fit) for fit in fit_arms(frames)],
        "too_few_sizes": arms_not_fitted(frames),
        "failures": frames.failures.drop(columns="detail").astype(object).to_dict("records"),
    }


def _plain(fit: FittedArm) -> dict[str, Any]:
    return {
        "arm": fit.arm,
        "fits": fit.fits,
        "verdict": fit.verdict,
        **asdict(fit.model),
        "held_out": [asdict(p) | {"error": p.error} for p in fit.held_out],
        "left_out": [asdict(p) | {"error": p.error} for p in fit.left_out],
    }


def to_lines(frames: Frames) -> list[str]:
    """Return the closing lines of a ladder: one per framework, then what failed."""
    shown = [_line(frames, fit) for fit in fit_arms(frames)]
    shown += [
        f"{frames.title(arm):<24} not fitted: {count} sizes checked, {len(COST_NAMES)} needed"
        for arm, count in arms_not_fitted(frames).items()
    ]
    rows = frames.failures[["task", "arm", "mark", "reason"]].drop_duplicates()
    failures = [f"  {r.task} · {r.arm}: {r.mark}: {r.reason}" for r in rows.itertuples()]
    refused = [
        f"  {task.name} · {arm}: not compared: {result.why_not_compared(frames.result(task, arm))}"
        for task in ladder.ladder_points(frames.plan.tasks)
        for arm in result.refused_arms(frames, task)
    ]
    return [*shown, *failures, *refused]


def _line(frames: Frames, fit: FittedArm) -> str:
    costs = fit.model.seconds
    shown = ", ".join(
        f"{format_seconds(costs[name])} per {name}" for name in ("call", "step", "layer")
    )
    return f"{frames.title(fit.arm):<24} {shown}; {fit.verdict}"


LADDER_SCHEMA = "samenet-ladder/1"

"""How long a training must be to make up for a slow start: total seconds against epochs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.lines import Line2D

from samenet.analysis import totals as analysis_totals
from samenet.analysis.frames import ArmResult, Frames
from samenet.analysis.memo import remember
from samenet.analysis.quantities import Quantity
from samenet.report import plotting
from samenet.report.blocks import (
    Cell,
    Column,
    Figure,
    Section,
    Table,
    arm_cell,
    columns,
    missing_cell,
    seconds_cell,
    subject_of,
    task_cell,
)
from samenet.report.plotting import Legend
from samenet.spec import Task
from samenet.stats import break_even, formatting, verdicts
from samenet.stats.break_even import ArmTimes, BreakEven, BreakEvenKind
from samenet.stats.intervals import Interval

ORDER = 5
DECADES = 2
"""The chart goes from one epoch to a hundred times the task's own epochs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CostLine:
    """What an arm takes: seconds once, and seconds per epoch."""

    arm: str
    start_up: float
    epoch: float

    def after(self, epochs: float) -> float:
        """Return the seconds of a program that trains for that many epochs."""
        return self.start_up + self.epoch * epochs


def section(frames: Frames) -> Section | None:
    """Return the chart, and for every arm when it beats the first choice."""
    tasks = [task for task in frames.plan.tasks if len(cost_lines(frames, task)) > 1]
    if not tasks:
        return None
    return Section(
        id="pays-off",
        title="When a slow start pays off",
        summary="From how many epochs on a framework that starts slowly is the faster choice.",
        blocks=(
            Figure(
                name="break-even",
                title="Seconds of one program against its number of epochs",
                help=(
                    "Lower is better; both axes are logarithmic. A line is flat while start-up "
                    "dominates and rises once the epochs do; where two lines cross, the one that "
                    "started slower has caught up. The dashed line is the task’s own number of "
                    "epochs, beyond it lines are computed from the measured seconds per epoch. "
                    "NumPy is written from scratch and stands here as a reference."
                ),
                draw=_draw(frames, tasks),
                table=_costs(frames, tasks),
            ),
            *(_table(frames, task) for task in tasks if base_arm(frames, task)),
        ),
    )


@remember
def cost_lines(frames: Frames, task: Task) -> list[CostLine]:
    """Return the costs of all arms that have a steady state, by their start."""
    arms = [total.arm for total in analysis_totals.totals(frames, task, quantity=Quantity.EPOCH)]
    results = [frames.result(task, arm) for arm in arms]
    costs = [
        CostLine(
            arm=result.arm,
            start_up=result.typical(Quantity.START_UP).value,
            epoch=result.typical(Quantity.EPOCH).value,
        )
        for result in results
    ]
    return sorted(costs, key=lambda line: line.start_up)


def base_arm(frames: Frames, task: Task) -> str | None:
    """Return the arm that the others have to catch up with: the first choice for the task."""
    known = {line.arm for line in cost_lines(frames, task)}
    totals = analysis_totals.totals(frames, task)
    adoptable = [t.arm for t in totals if analysis_totals.is_adoptable(frames, t.arm)]
    candidates = [arm for arm in adoptable if arm in known]
    return candidates[0] if len(candidates) > 1 else None


def break_even_epochs(
    frames: Frames, task: Task, base: str, challenger: str
) -> tuple[BreakEven, Interval | None]:
    """Return when the challenger takes less time than the base: in steps, and in epochs."""
    ours, theirs = frames.result(task, base), frames.result(task, challenger)
    result = break_even.break_even(_cost(ours), _cost(theirs), frames.plan.margin)
    if result.steps is None:
        return result, None
    per_epoch = round(next(iter(ours.epoch.values())) / next(iter(ours.step.values())))
    steps = result.steps
    ends = (steps.value / per_epoch, steps.low / per_epoch, steps.high / per_epoch)
    return result, Interval(value=ends[0], low=ends[1], high=ends[2], n=steps.n)


def _cost(result: ArmResult) -> ArmTimes:
    return ArmTimes(start_up=result.start_up, step=result.step)


def _draw(frames: Frames, tasks: list[Task]) -> Callable[[bool], Drawing]:
    def legend() -> Legend:
        arms = list(dict.fromkeys(line.arm for task in tasks for line in cost_lines(frames, task)))
        looks = [plotting.style_of(frames, arm) for arm in arms]
        return Legend(
            handles=[
                Line2D([], [], color=look.color, marker=look.marker, linestyle=look.dash)
                for look in looks
            ],
            names=[frames.title(arm) for arm in arms],
            subjects=[subject_of(arm) for arm in arms],
        )

    return plotting.task_panels(frames, tasks, partial(_chart, frames), height=2.8, legend=legend)


def _chart(frames: Frames, axes: Axes, task: Task) -> None:
    epochs_of_task = task.training.epochs
    epochs = np.geomspace(1, epochs_of_task * 10.0**DECADES, 60)
    drawn: list[float] = []
    for line in cost_lines(frames, task):
        look = plotting.style_of(frames, line.arm)
        values = [line.after(float(e)) for e in epochs]
        curve = axes.plot(
            epochs,
            values,
            color=look.color,
            linewidth=1.8,
            linestyle=look.dash,
            marker=look.marker,
            markersize=4.5,
            markevery=12,
        )
        tip = (
            f"{frames.title(line.arm)}: {formatting.format_seconds(line.start_up)} to start, "
            f"{formatting.format_seconds(line.epoch)} per epoch"
        )
        plotting.mark_subject(curve, subject_of(line.arm, task.name), tip=tip)
        drawn += values
    plotting.log_scale(axes, drawn)
    plotting.log_scale_across(axes, epochs.tolist())
    axes.axvline(epochs_of_task, color=plotting.INK, linewidth=1, linestyle=(0, (4, 3)))
    axes.set_xlabel("epochs in one program")
    axes.set_ylabel("seconds")


def _costs(frames: Frames, tasks: list[Task]) -> Table:
    return Table(
        title="Start-up and one epoch",
        columns=columns("Task", "Start-up", "One epoch", "The task’s epochs", "100 times as many"),
        rows=tuple(
            (
                arm_cell(frames, line.arm),
                task_cell(frames, task.name),
                *map(
                    seconds_cell,
                    (
                        line.start_up,
                        line.epoch,
                        line.after(task.training.epochs),
                        line.after(task.training.epochs * 10**DECADES),
                    ),
                ),
            )
            for task in tasks
            for line in cost_lines(frames, task)
        ),
        folded=True,
    )


def _table(frames: Frames, task: Task) -> Table:
    """Return for every other arm when it is the faster choice."""
    base = base_arm(frames, task) or ""
    lines = cost_lines(frames, task)
    adoptable = [line.arm for line in lines if analysis_totals.is_adoptable(frames, line.arm)]
    arms = [arm for arm in adoptable if arm != base]
    return Table(
        title=f"{task.title or task.name}: when to leave {frames.title(base)} for another",
        columns=(
            Column(title="Framework", numeric=False),
            Column(title="It is the faster choice", numeric=False),
            Column(title="From or until, epochs"),
            Column(title="Interval, epochs"),
        ),
        rows=tuple(
            (arm_cell(frames, arm), *_said(*break_even_epochs(frames, task, base, arm)))
            for arm in arms
        ),
        notes=(
            (
                f"Epochs in one program that starts afresh; this task trains "
                f"{task.training.epochs}. A gain per step of less than "
                f"{verdicts.format_percent(frames.plan.margin)}, by test, never pays for a slower "
                "start."
            ),
        ),
        task=task.name,
    )


WORDS = {
    BreakEvenKind.FROM: "in longer trainings",
    BreakEvenKind.UNTIL: "in shorter trainings",
    BreakEvenKind.ALWAYS: "always",
    BreakEvenKind.NEVER: "never",
    BreakEvenKind.UNKNOWN: str(BreakEvenKind.UNKNOWN),
}


def _said(result: BreakEven, epochs: Interval | None) -> tuple[Cell, ...]:
    word = Cell(text=WORDS[result.kind])
    if epochs is None:
        return (word, missing_cell(), missing_cell())
    low, high = (_number(end) for end in (epochs.low, epochs.high))
    value = Cell(text=f"{result.kind} {_number(epochs.value)}", value=epochs.value)
    return (word, value, Cell(text=f"{low} … {high}", quiet=True))


def _number(value: float) -> str:
    if not np.isfinite(value):
        return "no end"
    return "0" if value == 0 else "under 1" if value < 1 else formatting.format_digits(value, 2)

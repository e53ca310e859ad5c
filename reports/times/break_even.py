"""From how long a training on a slower start is worth it: total seconds against epochs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.lines import Line2D

from samenet.analysis import totals as analysis_totals
from samenet.analysis.frames import ArmResult, Frames
from samenet.analysis.memo import once
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
    missing,
    seconds_cell,
    subject_of,
    task_cell,
)
from samenet.spec import Task
from samenet.stats import break_even, formatting, verdicts
from samenet.stats.break_even import BreakEven, Cost, Kind
from samenet.stats.intervals import Interval

ORDER = 22
DECADES = 2
"""The chart goes from one epoch to a hundred times the task's own epochs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What an arm takes: seconds once, and seconds per epoch."""

    arm: str
    start_up: float
    epoch: float

    def after(self, epochs: float) -> float:
        """Return the seconds of a program that trains so many epochs."""
        return self.start_up + self.epoch * epochs


def section(frames: Frames) -> Section | None:
    """Return the chart, and for every arm when it is the better choice than the first choice."""
    tasks = [task for task in frames.plan.tasks if len(lines(frames, task)) > 1]
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
                draw=partial(_draw, frames, tasks),
                table=_costs(frames, tasks),
            ),
            *(_table(frames, task) for task in tasks if against(frames, task)),
        ),
    )


@once
def lines(frames: Frames, task: Task) -> list[Line]:
    """Return the costs of all arms that have a steady state, by their start."""
    arms = [total.arm for total in analysis_totals.totals(frames, task, quantity=Quantity.EPOCH)]
    results = [frames.result(task, arm) for arm in arms]
    found = [
        Line(
            arm=result.arm,
            start_up=result.typical(Quantity.START_UP).value,
            epoch=result.typical(Quantity.EPOCH).value,
        )
        for result in results
    ]
    return sorted(found, key=lambda line: line.start_up)


def against(frames: Frames, task: Task) -> str | None:
    """Return the arm that the others have to catch up with: the first choice for the task."""
    known = {line.arm for line in lines(frames, task)}
    totals = analysis_totals.totals(frames, task)
    found = [t.arm for t in totals if t.arm in known and analysis_totals.adoptable(frames, t.arm)]
    return found[0] if len(known) > 1 and found else None


def epochs_of(
    frames: Frames, task: Task, one: str, other: str
) -> tuple[BreakEven, Interval | None]:
    """Return when the other arm takes less time than the one, and the same in epochs."""
    ours, theirs = frames.result(task, one), frames.result(task, other)
    found = break_even.break_even(_cost(ours), _cost(theirs), frames.plan.margin)
    if found.steps is None:
        return found, None
    per_epoch = round(next(iter(ours.epoch.values())) / next(iter(ours.step.values())))
    steps = found.steps
    ends = (steps.value / per_epoch, steps.low / per_epoch, steps.high / per_epoch)
    return found, Interval(value=ends[0], low=ends[1], high=ends[2], n=steps.n)


def _cost(result: ArmResult) -> Cost:
    return Cost(start_up=result.start_up, step=result.step)


def _draw(frames: Frames, tasks: list[Task], narrow: bool) -> Drawing:  # noqa: FBT001
    arms = list(dict.fromkeys(line.arm for task in tasks for line in lines(frames, task)))
    picture, panels = plotting.panels(len(tasks), narrow=narrow, height=2.8, legend_of=len(arms))
    for axes, task in zip(panels, tasks, strict=True):
        _chart(frames, axes, task)
        plotting.panel_of(axes, frames, task.name)
    looks = [plotting.look(frames, arm) for arm in arms]
    handles = [
        Line2D([], [], color=each.color, marker=each.marker, linestyle=each.dash) for each in looks
    ]
    subjects = [subject_of(arm) for arm in arms]
    names = [frames.title(arm) for arm in arms]
    plotting.legend(picture, handles, names, narrow=narrow, subjects=subjects)
    return picture


def _chart(frames: Frames, axes: Axes, task: Task) -> None:
    own = task.training.epochs
    epochs = np.geomspace(1, own * 10.0**DECADES, 60)
    drawn: list[float] = []
    for line in lines(frames, task):
        look, values = plotting.look(frames, line.arm), [line.after(float(e)) for e in epochs]
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
            f"{frames.title(line.arm)}: {formatting.words(line.start_up)} to start, "
            f"{formatting.words(line.epoch)} per epoch"
        )
        plotting.marked(curve, subject_of(line.arm, task.name), tip=tip)
        drawn += values
    plotting.log_scale(axes, drawn)
    plotting.log_scale_across(axes, epochs.tolist())
    axes.axvline(own, color=plotting.INK, linewidth=1, linestyle=(0, (4, 3)))
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
            for line in lines(frames, task)
        ),
        folded=True,
    )


def _table(frames: Frames, task: Task) -> Table:
    """Return for every other arm when it is the better choice."""
    one = against(frames, task) or ""
    arms = [line.arm for line in lines(frames, task) if line.arm != one]
    return Table(
        title=f"{task.title or task.name}: when to leave {frames.title(one)} for another",
        columns=(
            Column(title="Framework", numeric=False),
            Column(title="It is the faster choice", numeric=False),
            Column(title="From or until, epochs"),
            Column(title="Interval, epochs"),
        ),
        rows=tuple(
            (arm_cell(frames, arm), *_said(*epochs_of(frames, task, one, arm))) for arm in arms
        ),
        notes=(
            (
                f"Epochs in one program that starts afresh; this task trains "
                f"{task.training.epochs}. A gain per step of less than "
                f"{verdicts.percent(frames.plan.margin)}, by test, never pays for a slower start."
            ),
        ),
        task=task.name,
    )


WORDS = {
    Kind.FROM: "in longer trainings",
    Kind.UNTIL: "in shorter trainings",
    Kind.ALWAYS: "always",
    Kind.NEVER: "never",
    Kind.UNKNOWN: str(Kind.UNKNOWN),
}


def _said(found: BreakEven, epochs: Interval | None) -> tuple[Cell, ...]:
    word = Cell(text=WORDS[found.kind])
    if epochs is None:
        return (word, missing(), missing())
    low, high = (_number(end) for end in (epochs.low, epochs.high))
    value = Cell(text=f"{found.kind} {_number(epochs.value)}", value=epochs.value)
    return (word, value, Cell(text=f"{low} … {high}", quiet=True))


def _number(value: float) -> str:
    if not np.isfinite(value):
        return "no end"
    return "0" if value == 0 else "under 1" if value < 1 else formatting.digits(value, 2)

"""Score against time: when each framework reaches the task's goal."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from statistics import median

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from samenet import advise, drawing
from samenet.frames import Frames
from samenet.sections import (
    Cell,
    Column,
    Figure,
    Section,
    Table,
    arm_cell,
    missing,
    name_of,
    slug,
    title_of,
)
from samenet.statistics import geometric
from samenet.task import METRICS, Task

ORDER = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """When one framework reaches the goal."""

    epoch: float
    """The middle one of the trainings' first epochs at the goal."""
    seconds: float


def section(frames: Frames) -> Section | None:
    """Return a figure of score against time, and the time to the goal, per task."""
    tasks = [task for task in frames.plan.tasks if not curve(frames, task).empty]
    if not tasks:
        return None
    figures = tuple(_figure(frames, task) for task in tasks)
    return Section(
        id="goal",
        title="Score against time",
        summary="How soon each framework reaches the task’s goal on rows it has not seen.",
        blocks=(*figures, *(_table(frames, task) for task in tasks if task.goal)),
    )


def metric_of(task: Task) -> str:
    """Return the score that is followed: the goal's, else the task's first."""
    return task.goal.metric if task.goal else METRICS[task.kind][0]


def curve(frames: Frames, task: Task) -> pd.DataFrame:
    """Return the followed score on the test rows: arm, repeat, epoch, value."""
    rows = frames.scores
    rows = rows[(rows.track == "same") & (rows.task == task.name) & (rows.split == "test")]
    timed = [total.arm for total in advise.totals(frames, task)]
    return rows[(rows.metric == metric_of(task)) & rows.arm.isin(timed)]


def seconds(frames: Frames, task: Task, arm: str) -> tuple[float, float]:
    """Return the typical start-up and epoch of one result."""
    start, epoch = (
        geometric([*advise.seconds_of(frames, task, arm, quantity).values()]).value
        for quantity in ("start_up", "epoch")
    )
    return start, epoch


def reached(frames: Frames, task: Task, arm: str) -> Reached | None:
    """Return when an arm reaches the goal, or None if a training of it does not."""
    rows = curve(frames, task)
    first = []
    for _, own in rows[rows.arm == arm].groupby("repeat"):
        good = [e for e, v in zip(own.epoch, own.value, strict=True) if task.goal and task.goal.reached(v)]
        if not good:
            return None
        first.append(min(good))
    if not first:
        return None
    start, epoch = seconds(frames, task, arm)
    return Reached(epoch=float(median(first)), seconds=start + float(median(first)) * epoch)


def _figure(frames: Frames, task: Task) -> Figure:
    metric = metric_of(task).replace("_", " ")
    goal = f" The dashed line is the task’s goal, {task.goal.target:g}." if task.goal else ""
    return Figure(
        name=f"goal-{slug(frames.plan, task.name)}",
        title=f"{title_of(frames.plan, task.name)}: test {metric} against seconds",
        help=(
            "Further left is sooner. A curve begins when start-up is over and has one point per "
            f"epoch; its height is the mean over the trainings.{goal}"
        ),
        draw=partial(_draw, frames, task),
        table=_points(frames, task),
    )


def _draw(frames: Frames, task: Task, narrow: bool) -> Drawing:  # noqa: FBT001
    picture, (axes,) = drawing.panels(1, narrow=narrow, height=2.9)
    ends = {name: _line(frames, axes, task, arm) for name, arm in _names(frames, task).items()}
    if task.goal:
        axes.axhline(task.goal.target, color=drawing.INK, linewidth=1, linestyle=(0, (4, 3)))
    axes.set_xlim(left=0)
    axes.set_xlabel("seconds since the interpreter started")
    axes.set_ylabel(f"test {metric_of(task).replace('_', ' ')}")
    drawing.label_ends(axes, ends)
    return picture


def _names(frames: Frames, task: Task) -> dict[str, str]:
    return {name_of(frames, arm): arm for arm in curve(frames, task).arm.unique()}


def _line(frames: Frames, axes: Axes, task: Task, arm: str) -> tuple[float, float, str]:
    times, values = _path(frames, task, arm)
    look = drawing.look(frames, arm)
    axes.plot(times, values, color=look.color, linewidth=2)
    axes.plot(times, values, look.marker, color=look.color, markersize=3.5)
    return times[-1], values[-1], look.color


def _path(frames: Frames, task: Task, arm: str) -> tuple[list[float], list[float]]:
    rows = curve(frames, task)
    mean = rows[rows.arm == arm].groupby("epoch").value.mean()
    start, epoch = seconds(frames, task, arm)
    return [start + epoch * float(passed) for passed in mean.index], mean.tolist()


def _points(frames: Frames, task: Task) -> Table:
    names = _names(frames, task)
    rows = []
    for arm in names.values():
        times, values = _path(frames, task, arm)
        texts = (f"{times[0]:.3g}", f"{times[-1]:.3g}", f"{values[0]:.4g}", f"{values[-1]:.4g}")
        numbers = (times[0], times[-1], values[0], values[-1])
        cells = (Cell(text=text, value=n) for text, n in zip(texts, numbers, strict=True))
        rows.append((arm_cell(frames, arm), *cells))
    heads = ("Begins, s", "Ends, s", "First score", "Last score")
    return Table(
        title="Where the curves begin and end",
        columns=(Column(title="Framework", numeric=False), *(Column(title=head) for head in heads)),
        rows=tuple(rows),
        folded=True,
    )


def _table(frames: Frames, task: Task) -> Table:
    goal = task.goal
    text = f"test {goal.metric.replace('_', ' ')} {goal.target:g}" if goal else ""
    return Table(
        title=f"{title_of(frames.plan, task.name)}: time to the goal, {text}",
        columns=(
            Column(title="Framework", numeric=False),
            Column(title="First epoch at the goal"),
            Column(title="Time to the goal"),
        ),
        rows=tuple(_row(frames, task, arm) for arm in _names(frames, task).values()),
        notes=("First epoch at the goal times the epoch’s seconds, and start-up.",),
    )


def _row(frames: Frames, task: Task, arm: str) -> tuple[Cell, ...]:
    found = reached(frames, task, arm)
    if found is None:
        return arm_cell(frames, arm), missing("not reached"), missing()
    return (
        arm_cell(frames, arm),
        Cell(text=f"{found.epoch:g}", value=found.epoch),
        Cell(text=advise.words(found.seconds), value=found.seconds),
    )

"""Score against time: when each framework reaches the task's goal."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from statistics import median

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.lines import Line2D

from samenet import advise, drawing, wording
from samenet.frames import Frames
from samenet.quantities import seconds_of
from samenet.sections import (
    Cell,
    Column,
    Figure,
    Section,
    Table,
    arm_cell,
    columns,
    missing,
    task_cell,
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
    """Return a figure of score against time, and the time to every task's goal."""
    tasks = [task for task in frames.plan.tasks if not curve(frames, task).empty]
    if not tasks:
        return None
    return Section(
        id="goal",
        title="Score against time",
        summary="How soon each framework reaches the task’s goal on rows it has not seen.",
        blocks=(_figure(frames, tasks), *_tables(frames, tasks)),
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
        geometric([*seconds_of(frames, task, arm, quantity).values()]).value
        for quantity in ("start_up", "epoch")
    )
    return start, epoch


def reached(frames: Frames, task: Task, arm: str) -> Reached | None:
    """Return when an arm reaches the goal, or None if a training of it does not."""
    rows = curve(frames, task)
    first = []
    for _, own in rows[rows.arm == arm].groupby("repeat"):
        good = [
            e
            for e, v in zip(own.epoch, own.value, strict=True)
            if task.goal and task.goal.reached(v)
        ]
        if not good:
            return None
        first.append(min(good))
    if not first:
        return None
    start, epoch = seconds(frames, task, arm)
    return Reached(epoch=float(median(first)), seconds=start + float(median(first)) * epoch)


def _figure(frames: Frames, tasks: list[Task]) -> Figure:
    return Figure(
        name="goal",
        title="Test score against seconds since the interpreter started",
        help=(
            "Further left is sooner. A curve begins when start-up is over and has one point per "
            "epoch; its height is the mean over the trainings. The dashed line is the task’s goal."
        ),
        draw=partial(_draw, frames, tasks),
        table=_points(frames, tasks),
    )


def _draw(frames: Frames, tasks: list[Task], narrow: bool) -> Drawing:  # noqa: FBT001
    picture, panels = drawing.panels(
        len(tasks), narrow=narrow, height=2.5, legend_of=len(frames.plan.arms)
    )
    lines: dict[str, Line2D] = {}
    for axes, task in zip(panels, tasks, strict=True):
        lines |= {name: _line(frames, axes, task, a) for name, a in _names(frames, task).items()}
        if task.goal:
            axes.axhline(task.goal.target, color=drawing.INK, linewidth=1, linestyle=(0, (4, 3)))
        axes.set_xlim(left=0)
        axes.set_xlabel("seconds")
        axes.set_ylabel(f"test {metric_of(task).replace('_', ' ')}")
        axes.set_title(title_of(frames.plan, task.name))
    drawing.legend(picture, list(lines.values()), list(lines), narrow=narrow)
    return picture


def _names(frames: Frames, task: Task) -> dict[str, str]:
    return {frames.title(arm): arm for arm in curve(frames, task).arm.unique()}


def _line(frames: Frames, axes: Axes, task: Task, arm: str) -> Line2D:
    times, values = _path(frames, task, arm)
    look = drawing.look(frames, arm)
    (line,) = axes.plot(
        times, values, color=look.color, linewidth=1.8, marker=look.marker, markersize=3.6
    )
    return line


def _path(frames: Frames, task: Task, arm: str) -> tuple[list[float], list[float]]:
    rows = curve(frames, task)
    mean = rows[rows.arm == arm].groupby("epoch").value.mean()
    start, epoch = seconds(frames, task, arm)
    return [start + epoch * float(passed) for passed in mean.index], mean.tolist()


def _points(frames: Frames, tasks: list[Task]) -> Table:
    rows = []
    for task in tasks:
        for arm in _names(frames, task).values():
            times, values = _path(frames, task, arm)
            texts = (f"{times[0]:.3g}", f"{times[-1]:.3g}", f"{values[0]:.4g}", f"{values[-1]:.4g}")
            numbers = (times[0], times[-1], values[0], values[-1])
            cells = (Cell(text=text, value=n) for text, n in zip(texts, numbers, strict=True))
            rows.append((arm_cell(frames, arm), task_cell(frames, task.name), *cells))
    return Table(
        title="Where the curves begin and end",
        columns=columns("Task", "Begins, s", "Ends, s", "First score", "Last score"),
        rows=tuple(rows),
        folded=True,
    )


def _tables(frames: Frames, tasks: list[Task]) -> list[Table]:
    """Return one table with a column per task that has a goal."""
    aimed = [task for task in tasks if task.goal]
    if not aimed:
        return []
    arms = dict.fromkeys(arm for task in aimed for arm in _names(frames, task).values())
    heads = (
        Column(
            title=f"{title_of(frames.plan, task.name)}: test "
            f"{task.goal.metric.replace('_', ' ')} {task.goal.target:g}"
        )
        for task in aimed
        if task.goal
    )
    return [
        Table(
            view="goal",
            title="Time to the goal",
            columns=(Column(title="Framework", numeric=False), *heads),
            rows=tuple(
                (arm_cell(frames, arm), *(_reached(frames, task, arm) for task in aimed))
                for arm in arms
            ),
            notes=("Start-up, and epochs up to the first one at the goal.",),
        )
    ]


def _reached(frames: Frames, task: Task, arm: str) -> Cell:
    if arm not in _names(frames, task).values():
        return missing()
    found = reached(frames, task, arm)
    if found is None:
        return missing("not reached")
    below = (f"after epoch {found.epoch:g}",)
    return Cell(text=wording.words(found.seconds), value=found.seconds, below=below)

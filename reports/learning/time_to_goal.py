"""Score against time: when each framework reaches the task's goal."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from itertools import groupby

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.lines import Line2D

from samenet.analysis import time_to_goal, totals
from samenet.analysis.frames import Frames
from samenet.analysis.memo import remember
from samenet.report import plotting
from samenet.report.blocks import (
    Cell,
    Column,
    Figure,
    Section,
    Subject,
    Table,
    arm_cell,
    columns,
    missing_cell,
    seconds_cell,
    subject_of,
    task_cell,
)
from samenet.report.plotting import Legend
from samenet.runs.plan import task_title
from samenet.spec import Task
from samenet.spec.metrics import METRICS
from samenet.stats import formatting

ORDER = 1


def section(frames: Frames) -> Section | None:
    """Return a figure of score against time, and the time to every task's goal."""
    tasks = [task for task in frames.plan.tasks if not time_to_goal.curve(frames, task).empty]
    if not tasks:
        return None
    return Section(
        id="goal",
        title="Score against time",
        summary="How soon each framework reaches the task’s goal on rows it has not seen.",
        blocks=(_figure(frames, tasks), *_tables(frames, tasks), *_leads(frames, tasks)),
    )


def _figure(frames: Frames, tasks: list[Task]) -> Figure:
    return Figure(
        name="goal",
        title="Test score against seconds since the interpreter started",
        help=(
            "Further left is sooner. A curve begins when start-up is over and goes on epoch "
            "by epoch; its height is the mean over the trainings. The dashed line is the task’s "
            "goal, the broad pale one the best score that any framework one can adopt has reached "
            "by then: the frontier."
        ),
        draw=partial(_draw, frames, tasks),
        table=_points(frames, tasks),
    )


def _draw(frames: Frames, tasks: list[Task], narrow: bool) -> Drawing:  # noqa: FBT001
    picture, panels = plotting.make_panels(
        len(tasks), narrow=narrow, height=2.5, legend_of=len(frames.plan.arms) + 1
    )
    lines: dict[str, Line2D] = {}
    for axes, task in zip(panels, tasks, strict=True):
        lines |= _best_so_far(frames, axes, task)
        lines |= {name: _line(frames, axes, task, a) for name, a in _names(frames, task).items()}
        if task.goal:
            axes.axhline(task.goal.target, color=plotting.INK, linewidth=1, linestyle=(0, (4, 3)))
        axes.set_xlim(left=0)
        axes.set_xlabel("seconds")
        axes.set_ylabel(f"test {METRICS[time_to_goal.metric_of(task)].words}")
        plotting.title_panel(axes, frames, task.name)
    arms = {frames.title(arm.name): arm.name for arm in frames.plan.arms}
    subjects = [subject_of(arms[name]) if name in arms else Subject() for name in lines]
    legend = Legend(handles=list(lines.values()), names=list(lines), subjects=subjects)
    plotting.add_legend(picture, legend, narrow=narrow)
    return picture


STEP = 1e-3
"""Better by less than this share is rounding: every framework ends at the same score."""
FRONTIER = "best score so far"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """A moment at which a framework reaches a better score than any had before."""

    seconds: float
    value: float
    arm: str


@remember
def find_leads(frames: Frames, task: Task) -> list[Lead]:
    """Return every moment at which some framework beats the best score so far.

    Only frameworks that one can adopt count; the NumPy reference does not.
    """
    points = sorted(
        (second, value, arm)
        for arm in _names(frames, task).values()
        if totals.is_adoptable(frames, arm)
        for second, value in zip(*_path(frames, task, arm), strict=True)
    )
    higher = METRICS[time_to_goal.metric_of(task)].higher_is_better
    leads: list[Lead] = []
    for second, value, arm in points:
        best = leads[-1].value if leads else -math.inf if higher else math.inf
        gain = (value - best) * (1 if higher else -1)
        if gain > STEP * abs(value):
            leads.append(Lead(seconds=second, value=value, arm=arm))
    return leads


def _best_so_far(frames: Frames, axes: Axes, task: Task) -> dict[str, Line2D]:
    """Draw the frontier behind the curves; its last score extends to the end of the panel."""
    leads = find_leads(frames, task)
    if not leads:
        return {}
    ends = [_path(frames, task, arm)[0][-1] for arm in _names(frames, task).values()]
    times = [*(lead.seconds for lead in leads), max(ends)]
    values = [*(lead.value for lead in leads), leads[-1].value]
    (line,) = axes.step(
        times, values, where="post", color=plotting.INK, alpha=0.16, linewidth=7, zorder=1
    )
    return {FRONTIER: line}


def _leads(frames: Frames, tasks: list[Task]) -> list[Table]:
    """Return a table of who leads when: each stretch of the frontier that one framework holds."""
    rows = [
        (
            arm_cell(frames, arm),
            task_cell(frames, task.name),
            seconds_cell(leads[0].seconds),
            seconds_cell(leads[-1].seconds),
            Cell(text=f"{leads[-1].value:.4g}", value=leads[-1].value),
        )
        for task in tasks
        for arm, group in groupby(find_leads(frames, task), key=lambda lead: lead.arm)
        if (leads := list(group))
    ]
    if not rows:
        return []
    return [
        Table(
            title="Who has the best test score so far, and when",
            columns=columns("Task", "From", "Last gain", "Score then"),
            rows=tuple(rows),
            notes=(
                (
                    "Seconds since the interpreter started. A framework that is not here is at "
                    "every moment beaten or matched by another that one can adopt."
                ),
            ),
        )
    ]


def _names(frames: Frames, task: Task) -> dict[str, str]:
    return {frames.title(arm): arm for arm in time_to_goal.curve(frames, task).arm.unique()}


def _line(frames: Frames, axes: Axes, task: Task, arm: str) -> Line2D:
    times, values = _path(frames, task, arm)
    look = plotting.style_of(frames, arm)
    (line,) = axes.plot(
        times,
        values,
        color=look.color,
        linewidth=1.8,
        marker=look.marker,
        markersize=4.5,
        markevery=max(1, len(times) // 8),
    )
    plotting.mark_subject(line, subject_of(arm, task.name))
    return line


@remember
def _path(frames: Frames, task: Task, arm: str) -> tuple[list[float], list[float]]:
    rows = time_to_goal.curve(frames, task)
    mean = rows[rows.arm == arm].groupby("epoch").value.mean()
    result = frames.result(task, arm)
    times = [time_to_goal.seconds_after(result, float(epochs)) for epochs in mean.index]
    return times, mean.tolist()


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
            title=f"{task_title(frames.plan, task.name)}: test "
            f"{METRICS[task.goal.metric].words} {task.goal.target:g}"
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
        return missing_cell()
    reached = time_to_goal.when_reached(frames.result(task, arm))
    if reached is None:
        return missing_cell("not reached")
    below = (f"after epoch {reached.epoch:g}",)
    return Cell(text=formatting.format_seconds(reached.seconds), value=reached.seconds, below=below)

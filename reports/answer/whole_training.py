"""How long the whole training takes: start-up and all epochs, per framework and task."""

from __future__ import annotations

from functools import partial

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.patches import Patch

from samenet.analysis import roofline
from samenet.analysis import totals as analysis_totals
from samenet.analysis.frames import Frames
from samenet.analysis.quantities import Quantity
from samenet.report import annotations as report_annotations
from samenet.report import plotting
from samenet.report.blocks import Cell, Figure, Section, Table, arm_cell, columns, task_cell
from samenet.spec import Task
from samenet.stats import formatting

ORDER = 2
PALE = 0.42


def section(frames: Frames) -> Section | None:
    """Return the speed figure of every task with comparable times."""
    tasks = [task for task in frames.plan.tasks if analysis_totals.totals(frames, task)]
    if not tasks:
        return None
    figure = Figure(
        name="speed",
        title="Whole training, from an empty interpreter to the last epoch",
        help=(
            "Shorter is better. The pale part of a bar is start-up (import, building, compiling), "
            "the full part all epochs of the task. The thin line is the range in which the "
            "true time lies, in 19 of 20 cases; every repeat is a fresh process. NumPy is "
            "written from scratch and stands here as a reference, not as advice."
        ),
        draw=partial(_draw, frames, tasks),
        table=_table(frames, tasks),
    )
    return Section(
        id="speed",
        title="What differs is time",
        summary="Seconds for one whole training, start-up included.",
        blocks=(figure,),
        top=True,
    )


def _draw(frames: Frames, tasks: list[Task], narrow: bool) -> Drawing:  # noqa: FBT001
    most = max(len(analysis_totals.totals(frames, task)) for task in tasks)
    height = plotting.bars_height(most)
    picture, panels = plotting.panels(len(tasks), narrow=narrow, height=height, legend_of=2)
    for axes, task in zip(panels, tasks, strict=True):
        _bars(frames, axes, task, most)
        plotting.panel_of(axes, frames, task.name)
    ink = plotting.INK
    handles = [
        Patch(color=ink, alpha=0.3, label="start-up"),
        Patch(color=ink, alpha=0.75, label="all epochs"),
    ]
    picture.legend(handles=handles, loc="outside lower left", ncols=2)
    return picture


def _bars(frames: Frames, axes: Axes, task: Task, most: int) -> None:
    totals = analysis_totals.totals(frames, task)
    longest = 0.0
    for place, total in enumerate(totals):
        start = frames.result(task, total.arm).typical(Quantity.START_UP)
        color, value = plotting.look(frames, total.arm).color, total.seconds.value
        parts = [
            *axes.barh(place, start.value, height=0.56, color=color, alpha=PALE),
            *axes.barh(place, value - start.value, left=start.value, height=0.56, color=color),
        ]
        if total.seconds.known:
            span = [total.seconds.low, total.seconds.high]
            parts += axes.plot(span, [place, place], color=plotting.INK, linewidth=1.4)
        edge = max(value, total.seconds.high)
        parts.append(plotting.at_end(axes, formatting.words(value), edge, place))
        _tell(frames, total, start.value, parts)
        longest = max(longest, edge)
    arms = [total.arm for total in totals]
    plotting.arm_names(axes, frames, task.name, arms, most)
    plotting.seconds_axis(axes, longest * 1.25)


def _tell(frames: Frames, total: analysis_totals.Total, start: float, parts: list[Artist]) -> None:
    """Say what a bar stands for, on its full part; the others vanish with it."""
    whole = f"{frames.title(total.arm)}: {formatting.duration(total.seconds)}"
    for place, part in enumerate(parts):
        tip = f"{whole}, start-up {formatting.words(start)}" if place == 1 else ""
        report_annotations.mark(part, arm=total.arm, tip=tip)


def _table(frames: Frames, tasks: list[Task]) -> Table:
    return Table(
        title="Whole training in seconds",
        columns=columns(
            "Task", "Start-up", "All epochs", "Together", "Low", "High", "Step’s share of limit"
        ),
        rows=tuple(
            _row(frames, task, total)
            for task in tasks
            for total in analysis_totals.totals(frames, task)
        ),
        folded=True,
    )


def _row(frames: Frames, task: Task, total: analysis_totals.Total) -> tuple[Cell, ...]:
    result = frames.result(task, total.arm)
    start = result.typical(Quantity.START_UP).value
    whole = total.seconds
    share = roofline.share(result)
    values = (start, whole.value - start, whole.value, whole.low, whole.high)
    return (
        arm_cell(frames, total.arm),
        task_cell(frames, task.name),
        *(Cell(text=f"{value:.3g}", value=value) for value in values),
        Cell(text=roofline.percent(share), value=share),
    )

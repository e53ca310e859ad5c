"""How long the whole training takes: start-up and all epochs, per framework and task."""

from __future__ import annotations

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from samenet.analysis import roofline
from samenet.analysis import totals as analysis_totals
from samenet.analysis.frames import Frames
from samenet.analysis.quantities import Quantity
from samenet.report import plotting
from samenet.report.blocks import (
    Cell,
    Figure,
    Section,
    Table,
    arm_cell,
    columns,
    subject_of,
    task_cell,
)
from samenet.report.plotting import Legend
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
        draw=plotting.row_panels(frames, tasks, analysis_totals.totals, _bars, _legend),
        table=_table(frames, tasks),
    )
    return Section(
        id="speed",
        title="What differs is time",
        summary="Seconds for one whole training, start-up included.",
        blocks=(figure,),
        top=True,
    )


def _legend() -> Legend:
    return Legend(
        handles=[Patch(color=plotting.INK, alpha=alpha) for alpha in (0.3, 0.75)],
        names=["start-up", "all epochs"],
    )


def _bars(frames: Frames, axes: Axes, task: Task, most: int) -> None:
    totals = analysis_totals.totals(frames, task)
    longest = 0.0
    for row, total in enumerate(totals):
        start = frames.result(task, total.arm).typical(Quantity.START_UP).value
        color = plotting.style_of(frames, total.arm).color
        value = total.seconds.value
        pale = axes.barh(row, start, height=0.56, color=color, alpha=PALE)
        full = axes.barh(row, value - start, left=start, height=0.56, color=color)
        parts: list[Artist] = [*pale]
        if total.seconds.known:
            span = [total.seconds.low, total.seconds.high]
            parts += axes.plot(span, [row, row], color=plotting.INK, linewidth=1.4)
        edge = max(value, total.seconds.high)
        parts.append(plotting.write_at_end(axes, formatting.format_seconds(value), edge, row))
        # the full part carries the tip; the others are marked so that they vanish with it
        whole = f"{frames.title(total.arm)}: {formatting.format_duration(total.seconds)}"
        tip = f"{whole}, start-up {formatting.format_seconds(start)}"
        plotting.mark_subject(full, subject_of(total.arm), tip=tip)
        plotting.mark_subject(parts, subject_of(total.arm))
        longest = max(longest, edge)
    arms = [total.arm for total in totals]
    plotting.name_arm_rows(axes, frames, task.name, arms, most)
    plotting.seconds_axis(axes, longest * 1.25)


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

"""How far each framework is from the 64-bit reference, in double precision and as it was timed."""

from __future__ import annotations

from functools import partial

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.lines import Line2D

from samenet.analysis import certificates
from samenet.analysis.frames import Frames
from samenet.analysis.memo import once
from samenet.report import plotting
from samenet.report.blocks import (
    Cell,
    Figure,
    Section,
    Table,
    arm_cell,
    columns,
    missing,
    subject_of,
    task_cell,
)
from samenet.spec import Task
from samenet.stats import formatting

ORDER = 42
FLOOR = 1e-17
"""No distance at all is drawn here: the axis is logarithmic."""
KINDS = {"float64": ("s", "double precision, first epochs"), "epoch loss": ("o", "as timed")}


def section(frames: Frames) -> Section | None:
    """Return one figure: a row per framework, a mark per kind of distance."""
    tasks = [task for task in frames.plan.tasks if distances(frames, task)]
    if not tasks:
        return None
    return Section(
        id="distance",
        title="Distance to the reference",
        summary="Losses and weights against a 64-bit network that shares no code with any of them.",
        blocks=(
            Figure(
                name="distance",
                title="Largest relative distance to the 64-bit reference network",
                help=(
                    "Further left is closer. Squares: losses and weights over the first epochs in "
                    "double precision; dots: epoch losses of the very program that was timed. "
                    "1e-15 means that fifteen digits agree, which is all that double precision "
                    "holds; single precision holds seven. A ring is the limit that the dot had to "
                    "stay below, computed from what rounding can do."
                ),
                draw=partial(_draw, frames, tasks),
                table=_table(frames, tasks),
            ),
        ),
    )


@once
def distances(frames: Frames, task: Task) -> dict[str, dict[str, float]]:
    """Return the worst distance of each kind per arm; what has none is left out."""
    found = {arm: certificates.errors(frames.result(task, arm)) for arm in frames.compared(task)}
    return {
        arm: {kind: each[kind] for kind in KINDS if kind in each}
        for arm, each in found.items()
        if KINDS.keys() & each.keys()
    }


def limit(frames: Frames, task: Task, arm: str) -> float | None:
    """Return the smallest limit of the epoch losses as timed."""
    rows = frames.checks
    rows = rows[(rows.task == task.name) & (rows.arm == arm) & (rows.quantity == "epoch loss")]
    return float(rows.limit.min()) if len(rows) else None


def _draw(frames: Frames, tasks: list[Task], narrow: bool) -> Drawing:  # noqa: FBT001
    most = max(len(distances(frames, task)) for task in tasks)
    height = plotting.bars_height(most)
    picture, panels = plotting.panels(len(tasks), narrow=narrow, height=height, legend_of=3)
    for axes, task in zip(panels, tasks, strict=True):
        _rows(frames, axes, task, most)
        plotting.panel_of(axes, frames, task.name)
    handles = [plotting.key(mark) for mark, _ in KINDS.values()]
    names = [*(name for _, name in KINDS.values()), "limit of the dot"]
    plotting.legend(picture, [*handles, plotting.key("o", hollow=True)], names, narrow=narrow)
    return picture


def _rows(frames: Frames, axes: Axes, task: Task, most: int) -> None:
    found = distances(frames, task)
    for place, (arm, each) in enumerate(found.items()):
        color, drawn = plotting.look(frames, arm).color, list[Line2D]()
        for kind, value in each.items():
            drawn += axes.plot(
                [max(value, FLOOR)], [place], KINDS[kind][0], color=color, markersize=7
            )
        bound = limit(frames, task, arm)
        if bound:
            drawn += axes.plot(
                [bound], [place], "o", color=color, markersize=7, markerfacecolor="none"
            )
        plotting.marked(drawn, subject_of(arm, task.name))
    plotting.arm_names(axes, frames, task.name, list(found), most)
    plotting.log_scale_across(axes, (FLOOR, 1.0))
    axes.set_xlim(FLOOR / 2, 2.0)
    axes.grid(visible=True, axis="x")
    axes.set_xlabel("relative distance")


def _table(frames: Frames, tasks: list[Task]) -> Table:
    return Table(
        title="Largest relative distance to the reference",
        columns=columns("Task", *(name.capitalize() for _, name in KINDS.values()), "Limit"),
        rows=tuple(
            (
                arm_cell(frames, arm),
                task_cell(frames, task.name),
                *(_cell(each.get(kind)) for kind in KINDS),
                _cell(limit(frames, task, arm)),
            )
            for task in tasks
            for arm, each in distances(frames, task).items()
        ),
        folded=True,
    )


def _cell(value: float | None) -> Cell:
    return missing() if value is None else Cell(text=formatting.error_text(value), value=value)

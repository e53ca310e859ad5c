"""How far each framework is from the 64-bit reference, in double precision and as it was timed."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from samenet.analysis import certificates
from samenet.analysis.frames import Frames
from samenet.analysis.memo import remember
from samenet.report import plotting
from samenet.report.blocks import (
    Cell,
    Figure,
    Section,
    Table,
    arm_cell,
    columns,
    missing_cell,
    subject_of,
    task_cell,
)
from samenet.report.plotting import Legend
from samenet.spec import Task
from samenet.stats import formatting

ORDER = 3
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
                draw=plotting.row_panels(frames, tasks, distances, _rows, _legend),
                table=_table(frames, tasks),
            ),
        ),
    )


@remember
def distances(frames: Frames, task: Task) -> dict[str, dict[str, float]]:
    """Return the worst distance of each kind per arm; what has none is left out."""
    errors = {arm: certificates.errors(frames.result(task, arm)) for arm in frames.compared(task)}
    return {
        arm: {kind: by_kind[kind] for kind in KINDS if kind in by_kind}
        for arm, by_kind in errors.items()
        if KINDS.keys() & by_kind.keys()
    }


def limit(frames: Frames, task: Task, arm: str) -> float | None:
    """Return the smallest limit of the epoch losses as timed."""
    rows = frames.checks
    rows = rows[(rows.task == task.name) & (rows.arm == arm) & (rows.quantity == "epoch loss")]
    return float(rows.limit.min()) if len(rows) else None


def _legend() -> Legend:
    handles = [plotting.legend_key(marker) for marker, _ in KINDS.values()]
    names = [name for _, name in KINDS.values()]
    return Legend(
        handles=[*handles, plotting.legend_key("o", hollow=True)],
        names=[*names, "limit of the dot"],
    )


def _rows(frames: Frames, axes: Axes, task: Task, most: int) -> None:
    arm_distances = distances(frames, task)
    for row, (arm, by_kind) in enumerate(arm_distances.items()):
        color = plotting.style_of(frames, arm).color
        marks: list[Line2D] = []
        for kind, value in by_kind.items():
            marker, _ = KINDS[kind]
            marks += axes.plot([max(value, FLOOR)], [row], marker, color=color, markersize=7)
        bound = limit(frames, task, arm)
        if bound:
            marks += axes.plot(
                [bound], [row], "o", color=color, markersize=7, markerfacecolor="none"
            )
        plotting.mark_subject(marks, subject_of(arm, task.name))
    plotting.name_arm_rows(axes, frames, task.name, list(arm_distances), most)
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
                *(_cell(by_kind.get(kind)) for kind in KINDS),
                _cell(limit(frames, task, arm)),
            )
            for task in tasks
            for arm, by_kind in distances(frames, task).items()
        ),
        folded=True,
    )


def _cell(value: float | None) -> Cell:
    return missing_cell() if value is None else Cell(text=formatting.error_text(value), value=value)

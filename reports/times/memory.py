"""How much memory a training takes, and how much of that importing alone takes."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.patches import Patch

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

ORDER = 6
MEGABYTE = 1e6
PALE = 0.42


def section(frames: Frames) -> Section | None:
    """Return the memory of every result whose process was watched."""
    tasks = [task for task in frames.plan.tasks if peaks(frames, task)]
    if not tasks:
        return None
    return Section(
        id="memory",
        title="Memory",
        summary="The largest size of the whole process, and what importing alone takes.",
        blocks=(
            Figure(
                name="memory",
                title="Memory of the whole process: after import, and at its largest",
                help=(
                    "Shorter is better. The pale part of a bar is there once the framework is "
                    "imported, the whole bar is the largest size in a process of its own that "
                    "trains the task. On a GPU the device’s memory stands in the table."
                ),
                draw=plotting.row_panels(frames, tasks, peaks, _bars, _legend),
                table=_table(frames, tasks),
            ),
        ),
    )


@remember
def peaks(frames: Frames, task: Task) -> dict[str, tuple[float, float, float | None]]:
    """Return bytes after import, at the largest, and on the device, per arm, smallest first."""
    by_arm = {arm.name: frames.result(task, arm.name).memory for arm in frames.plan.arms}
    found = {
        arm: (memory.after_import, memory.peak, memory.device_peak)
        for arm, memory in by_arm.items()
        if memory
    }
    return dict(sorted(found.items(), key=lambda item: item[1][1]))


def _legend() -> Legend:
    return Legend(
        handles=[Patch(color=plotting.INK, alpha=alpha) for alpha in (0.3, 0.75)],
        names=["after import", "at its largest"],
    )


def _bars(frames: Frames, axes: Axes, task: Task, most: int) -> None:
    arm_peaks = peaks(frames, task)
    for row, (arm, (start, peak, _)) in enumerate(arm_peaks.items()):
        color = plotting.style_of(frames, arm).color
        first = start / MEGABYTE
        largest = peak / MEGABYTE
        pale = axes.barh(row, first, height=0.56, color=color, alpha=PALE)
        full = axes.barh(row, max(0.0, largest - first), left=first, height=0.56, color=color)
        label = plotting.write_at_end(axes, f"{largest:.0f}", largest, row)
        tip = f"{frames.title(arm)}: {largest:.0f} MB, {first:.0f} MB after import"
        plotting.mark_subject([*pale, *full, label], subject_of(arm, task.name), tip=tip)
    plotting.name_arm_rows(axes, frames, task.name, list(arm_peaks), most)
    plotting.seconds_axis(axes, 1.25 * max(peak for _, peak, _ in arm_peaks.values()) / MEGABYTE)
    axes.set_xlabel("megabytes")


def _table(frames: Frames, tasks: list[Task]) -> Table:
    return Table(
        title="Memory in megabytes",
        columns=columns("Task", "After import", "At its largest", "On the device"),
        rows=tuple(
            (arm_cell(frames, arm), task_cell(frames, task.name), *map(_cell, values))
            for task in tasks
            for arm, values in peaks(frames, task).items()
        ),
        folded=True,
    )


def _cell(value: float | None) -> Cell:
    return missing_cell() if value is None else Cell(text=f"{value / MEGABYTE:.0f}", value=value)

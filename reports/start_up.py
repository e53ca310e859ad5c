"""Where the time before the first step goes, phase by phase."""

from __future__ import annotations

from functools import partial

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.patches import Patch

from samenet import advise, drawing, marks, wording
from samenet.frames import Frames
from samenet.processes import START_UP
from samenet.sections import (
    Cell,
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
from samenet.task import Task

ORDER = 20
NAMES = {
    "interpreter": "Python itself",
    "import": "import",
    "wake": "first use",
    "build": "build network and optimiser",
    "load": "load the data",
    "first_call": "first steps (compile)",
}
CACHES = {
    "cold": "reuses no compiled code: cold caches",
    "warm": "finds what an earlier one compiled: warm caches",
}
COLORS = ("#8a93a0", "#4f7fd1", "#3aa39b", "#8aa83a", "#d39a2d", "#b5546f")


def section(frames: Frames) -> Section | None:
    """Return the start-up of every task's comparable frameworks."""
    tasks = [task for task in frames.plan.tasks if _arms(frames, task)]
    if not tasks:
        return None
    figure = Figure(
        name="start-up",
        title="Seconds from an empty interpreter to the first finished steps",
        help=(
            f"Shorter is better. One bar is one fresh process that {CACHES[frames.plan.cache]} "
            "(its files are already in memory), split into phases in the order of the legend. "
            "Building includes what the first optimiser imports (PyTorch loads its compiler "
            "then). First use is the framework’s first operation; the first steps hold the "
            "compiling of frameworks that compile."
        ),
        draw=partial(_draw, frames, tasks),
        table=_table(frames, tasks),
    )
    return Section(
        id="start-up",
        title="Start-up",
        summary="Importing and compiling often cost more than a small training.",
        blocks=(figure,),
    )


def phases(frames: Frames, task: Task, arm: str) -> dict[str, float]:
    """Return the typical seconds of each phase of one result."""
    found = {phase: frames.per_repeat(task.name, arm, phase) for phase in START_UP}
    return {p: geometric([*seconds.values()]).value for p, seconds in found.items() if seconds}


def _arms(frames: Frames, task: Task) -> list[str]:
    return [total.arm for total in advise.totals(frames, task, quantity="start_up")]


def _draw(frames: Frames, tasks: list[Task], narrow: bool) -> Drawing:  # noqa: FBT001
    most = max(len(_arms(frames, task)) for task in tasks)
    height = drawing.bars_height(most)
    picture, panels = drawing.panels(
        len(tasks), narrow=narrow, height=height, legend_of=len(START_UP)
    )
    for axes, task in zip(panels, tasks, strict=True):
        _bars(frames, axes, task, most)
        axes.set_title(title_of(frames.plan, task.name))
    handles = [
        Patch(color=color, label=NAMES[phase])
        for phase, color in zip(START_UP, COLORS, strict=True)
    ]
    picture.legend(handles=handles, loc="outside lower left", ncols=2 if narrow else len(handles))
    return picture


def _bars(frames: Frames, axes: Axes, task: Task, most: int) -> None:
    arms = _arms(frames, task)
    longest = 0.0
    for place, arm in enumerate(arms):
        left = 0.0
        seconds = phases(frames, task, arm)
        for phase, color in zip(START_UP, COLORS, strict=True):
            own = seconds.get(phase, 0.0)
            tip = f"{frames.title(arm)}, {NAMES[phase]}: {wording.words(own)}"
            for bar in axes.barh(place, own, left=left, height=0.56, color=color):
                marks.mark(bar, arm=arm, tip=tip)
            left += own
        marks.mark(drawing.at_end(axes, wording.words(left), left, place), arm=arm)
        longest = max(longest, left)
    drawing.bar_names(axes, [frames.title(arm) for arm in arms], most)
    drawing.seconds_axis(axes, longest * 1.25)


def _table(frames: Frames, tasks: list[Task]) -> Table:
    return Table(
        title="Start-up in seconds, by phase",
        columns=columns("Task", *(NAMES[phase] for phase in START_UP)),
        rows=tuple(_row(frames, task, arm) for task in tasks for arm in _arms(frames, task)),
        folded=True,
    )


def _row(frames: Frames, task: Task, arm: str) -> tuple[Cell, ...]:
    seconds = phases(frames, task, arm)
    cells = [
        Cell(text=f"{seconds[phase]:.3g}", value=seconds[phase]) if phase in seconds else missing()
        for phase in START_UP
    ]
    return (arm_cell(frames, arm), task_cell(frames, task.name), *cells)

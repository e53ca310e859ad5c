"""Where the time goes, phase by phase: of one run, of 100 epochs, of start-up, of an epoch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.patches import Patch

from samenet.analysis import totals
from samenet.analysis.frames import Frames
from samenet.analysis.memo import once
from samenet.analysis.processes import START_UP
from samenet.report import blocks, plotting
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
from samenet.stats.intervals import geometric

ORDER = 20
NAMES = {
    "interpreter": "Python itself",
    "import": "import",
    "adapter": "load the program",
    "wake": "first use",
    "build": "build network and optimiser",
    "load": "load the data",
    "first_call": "first steps (compile)",
    "fixed": "starting calls",
    "steps": "steps",
}
COLORS = {
    "interpreter": "#8a93a0",
    "import": "#4f7fd1",
    "adapter": "#9db7e4",
    "wake": "#3aa39b",
    "build": "#8aa83a",
    "load": "#d39a2d",
    "first_call": "#b5546f",
    "fixed": "#d9d2c0",
    "steps": "#5b4b8a",
}
CACHES = {
    "cold": "reuses no compiled code: cold caches",
    "warm": "finds what an earlier one compiled: warm caches",
}
LONG_EPOCHS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One way to look at the phases: which of them, and how many epochs."""

    name: blocks.View
    id: str
    title: str
    help: str
    start_up: bool
    epochs: int | None
    """None: those of the task."""


VIEWS = (
    View(
        name="total",
        id="one-run",
        title="One run: seconds from an empty interpreter to the last epoch of the task",
        help=(
            "Shorter is better. One bar is one typical process, split into phases in the order of "
            "the legend. The last two are the epochs: the fixed cost of starting each call, and "
            "the steps themselves. What is paid once weighs most here."
        ),
        start_up=True,
        epochs=None,
    ),
    View(
        name="long",
        id="hundred-epochs",
        title=f"{LONG_EPOCHS} epochs: seconds from an empty interpreter to the last of them",
        help=(
            "The same for a longer training: start-up as measured, and so many epochs at the "
            "measured seconds per epoch. What is paid in every step weighs more here."
        ),
        start_up=True,
        epochs=LONG_EPOCHS,
    ),
    View(
        name="steady",
        id="steady",
        title="Steady only: seconds of one epoch, once everything is warm",
        help=(
            "Shorter is better. One epoch after start-up, without evaluation: the fixed cost of "
            "starting each call, and the steps. This is what a program that trains for hours sees."
        ),
        start_up=False,
        epochs=1,
    ),
    View(
        name="",
        id="start-up",
        title="Start-up only: seconds from an empty interpreter to the first finished steps",
        help=(
            "Shorter is better. One bar is one fresh process that {cache} (its files are "
            "already in memory). Building includes what the first optimiser imports "
            "(PyTorch loads its compiler then). First use is the framework’s first operation; the "
            "first steps hold the compiling of frameworks that compile."
        ),
        start_up=True,
        epochs=0,
    ),
)


def section(frames: Frames) -> Section | None:
    """Return one figure per view, of every task's comparable frameworks."""
    figures = [figure for view in VIEWS if (figure := _figure(frames, view))]
    if not figures:
        return None
    return Section(
        id="phases",
        title="Where the time goes",
        summary="Importing and compiling often cost more than a small training.",
        blocks=tuple(figures),
    )


@once
def seconds(frames: Frames, task: Task, arm: str, view: View) -> dict[str, float]:
    """Return the typical seconds of each phase of one result in a view, in order."""
    found = phases(frames, task, arm) if view.start_up else {}
    epochs = task.training.epochs if view.epochs is None else view.epochs
    return found | {phase: epochs * s for phase, s in _epoch(frames, task, arm).items() if epochs}


@once
def phases(frames: Frames, task: Task, arm: str) -> dict[str, float]:
    """Return the typical seconds of each phase of one result's start-up."""
    found = {phase: frames.per_repeat(task.name, arm, phase) for phase in START_UP}
    return {p: geometric([*seconds.values()]).value for p, seconds in found.items() if seconds}


@once
def _epoch(frames: Frames, task: Task, arm: str) -> dict[str, float]:
    """Return what one epoch takes: the fixed cost of its calls, and the rest."""
    epoch = frames.per_repeat(task.name, arm, "epoch")
    if not epoch:
        return {}
    whole = geometric([*epoch.values()]).value
    fixed = min(whole, _calls(frames, task, arm) * _mean(frames, task, arm, "call_fixed"))
    return {"fixed": fixed, "steps": whole - fixed}


def _mean(frames: Frames, task: Task, arm: str, quantity: str) -> float:
    found = frames.per_repeat(task.name, arm, quantity)
    return sum(found.values()) / len(found) if found else 0.0


def _calls(frames: Frames, task: Task, arm: str) -> float:
    """Return how many calls of the measured length an epoch is."""
    rows = frames.samples
    rows = rows[(rows.track == "same") & (rows.task == task.name) & (rows.arm == arm)]
    steps = rows[rows.phase == "first_call"].steps
    per_epoch = _mean(frames, task, arm, "epoch") / _mean(frames, task, arm, "step")
    return round(per_epoch) / int(steps.iloc[0]) if len(steps) else 0.0


@once
def _arms(frames: Frames, task: Task, view: View) -> list[str]:
    """Return the arms of a view, the fastest first; a steady state is asked of those without."""
    quantity = "start_up" if view.epochs == 0 else "total" if view.start_up else "epoch"
    arms = [total.arm for total in totals.totals(frames, task, quantity=quantity)]
    return sorted(arms, key=lambda arm: sum(seconds(frames, task, arm, view).values()))


def _figure(frames: Frames, view: View) -> Figure | None:
    tasks = [task for task in frames.plan.tasks if _arms(frames, task, view)]
    if not tasks:
        return None
    return Figure(
        name=view.id,
        title=view.title,
        help=view.help.format(cache=CACHES[frames.plan.cache]),
        draw=partial(_draw, frames, tasks, view),
        table=_table(frames, tasks, view),
        view=view.name,
    )


def _shown(view: View) -> list[str]:
    """Return the phases of a view in their order."""
    start = START_UP if view.start_up else ()
    return [*start, *(("fixed", "steps") if view.epochs != 0 else ())]


def _draw(frames: Frames, tasks: list[Task], view: View, narrow: bool) -> Drawing:  # noqa: FBT001
    most = max(len(_arms(frames, task, view)) for task in tasks)
    height, shown = plotting.bars_height(most), _shown(view)
    picture, panels = plotting.panels(
        len(tasks), narrow=narrow, height=height, legend_of=len(shown)
    )
    for axes, task in zip(panels, tasks, strict=True):
        _bars(frames, axes, task, view, most)
        plotting.panel_of(axes, frames, task.name)
    handles = [Patch(color=COLORS[phase]) for phase in shown]
    plotting.legend(picture, handles, [NAMES[phase] for phase in shown], narrow=narrow)
    return picture


def _bars(frames: Frames, axes: Axes, task: Task, view: View, most: int) -> None:
    arms = _arms(frames, task, view)
    longest = 0.0
    for place, arm in enumerate(arms):
        left, subject = 0.0, subject_of(arm, task.name)
        for phase, value in seconds(frames, task, arm, view).items():
            tip = f"{frames.title(arm)}, {NAMES[phase]}: {formatting.words(value)}"
            bar = axes.barh(place, value, left=left, height=0.56, color=COLORS[phase])
            plotting.marked(bar, subject, tip=tip)
            left += value
        plotting.marked(plotting.at_end(axes, formatting.words(left), left, place), subject)
        longest = max(longest, left)
    plotting.arm_names(axes, frames, task.name, arms, most)
    plotting.seconds_axis(axes, longest * 1.25)


def _table(frames: Frames, tasks: list[Task], view: View) -> Table:
    return Table(
        title=f"{view.title}, by phase",
        columns=columns("Task", *(NAMES[phase] for phase in _shown(view)), "Together"),
        rows=tuple(
            _row(frames, task, arm, view) for task in tasks for arm in _arms(frames, task, view)
        ),
        folded=True,
    )


def _row(frames: Frames, task: Task, arm: str, view: View) -> tuple[Cell, ...]:
    found = seconds(frames, task, arm, view)
    cells = [_cell(found[phase]) if phase in found else missing() for phase in _shown(view)]
    return (
        arm_cell(frames, arm),
        task_cell(frames, task.name),
        *cells,
        _cell(sum(found.values())),
    )


def _cell(value: float) -> Cell:
    return Cell(text=f"{value:.3g}", value=value)

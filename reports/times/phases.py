"""Where the time goes, phase by phase: in one run, in 100 epochs, in start-up, in an epoch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from matplotlib.axes import Axes
from matplotlib.patches import Patch

from samenet.analysis import totals
from samenet.analysis.frames import ArmResult, Frames
from samenet.analysis.memo import remember
from samenet.analysis.processes import START_UP
from samenet.analysis.quantities import Quantity
from samenet.report import blocks, plotting
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
from samenet.stats.intervals import PerRepeat, geometric_mean

ORDER = 4
PHASE_TITLES = {
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
PHASE_COLORS = {
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
class PhaseView:
    """One way to look at the phases: which of them, and how many epochs."""

    name: blocks.View
    id: str
    title: str
    help: str
    start_up: bool
    epochs: int | None
    """None: those of the task."""


VIEWS = (
    PhaseView(
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
    PhaseView(
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
    PhaseView(
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
    PhaseView(
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


@remember
def phase_seconds(frames: Frames, task: Task, arm: str, view: PhaseView) -> dict[str, float]:
    """Return the typical seconds of each phase of one result in a view, in order."""
    found = start_up_phases(frames, task, arm) if view.start_up else {}
    epochs = task.training.epochs if view.epochs is None else view.epochs
    return found | {phase: epochs * s for phase, s in _epoch(frames, task, arm).items() if epochs}


@remember
def start_up_phases(frames: Frames, task: Task, arm: str) -> dict[str, float]:
    """Return the typical seconds of each phase of one result's start-up."""
    found = frames.result(task, arm).phases
    return {phase: geometric_mean([*seconds.values()]).value for phase, seconds in found.items()}


@remember
def _epoch(frames: Frames, task: Task, arm: str) -> dict[str, float]:
    """Return what one epoch takes: the fixed cost of its calls, and the rest."""
    result = frames.result(task, arm)
    if not result.epoch:
        return {}
    whole = result.typical(Quantity.EPOCH).value
    fixed = min(whole, _calls(result) * _mean(result.per_repeat(Quantity.CALL_FIXED)))
    return {"fixed": fixed, "steps": whole - fixed}


def _mean(seconds: PerRepeat) -> float:
    return sum(seconds.values()) / len(seconds) if seconds else 0.0


def _calls(result: ArmResult) -> float:
    """Return how many calls of the measured length an epoch is."""
    rows = result.frames.samples
    rows = rows[(rows.track == "same") & (rows.task == result.task.name)]
    steps = rows[(rows.arm == result.arm) & (rows.phase == "first_call")].steps
    per_epoch = _mean(result.epoch) / _mean(result.step)
    return round(per_epoch) / int(steps.iloc[0]) if len(steps) else 0.0


@remember
def _arms(frames: Frames, task: Task, view: PhaseView) -> list[str]:
    """Return the arms of a view, the fastest first; a steady state is asked of those without."""
    quantity = Quantity.TOTAL if view.start_up else Quantity.EPOCH
    if view.epochs == 0:
        quantity = Quantity.START_UP
    arms = [total.arm for total in totals.totals(frames, task, quantity=quantity)]
    return sorted(arms, key=lambda arm: sum(phase_seconds(frames, task, arm, view).values()))


def _figure(frames: Frames, view: PhaseView) -> Figure | None:
    tasks = [task for task in frames.plan.tasks if _arms(frames, task, view)]
    if not tasks:
        return None
    return Figure(
        name=view.id,
        title=view.title,
        help=view.help.format(cache=CACHES[frames.plan.cache]),
        draw=plotting.row_panels(
            frames, tasks, partial(_arms, view=view), partial(_bars, view), partial(_legend, view)
        ),
        table=_table(frames, tasks, view),
        view=view.name,
    )


def _shown(view: PhaseView) -> list[str]:
    """Return the phases of a view in their order."""
    shown = [*START_UP] if view.start_up else []
    return shown if view.epochs == 0 else [*shown, "fixed", "steps"]


def _legend(view: PhaseView) -> Legend:
    shown = _shown(view)
    return Legend(
        handles=[Patch(color=PHASE_COLORS[phase]) for phase in shown],
        names=[PHASE_TITLES[phase] for phase in shown],
    )


def _bars(view: PhaseView, frames: Frames, axes: Axes, task: Task, most: int) -> None:
    arms = _arms(frames, task, view)
    longest = 0.0
    for row, arm in enumerate(arms):
        left = 0.0
        subject = subject_of(arm, task.name)
        for phase, value in phase_seconds(frames, task, arm, view).items():
            tip = f"{frames.title(arm)}, {PHASE_TITLES[phase]}: {formatting.format_seconds(value)}"
            bar = axes.barh(row, value, left=left, height=0.56, color=PHASE_COLORS[phase])
            plotting.mark_subject(bar, subject, tip=tip)
            left += value
        plotting.mark_subject(
            plotting.write_at_end(axes, formatting.format_seconds(left), left, row), subject
        )
        longest = max(longest, left)
    plotting.name_arm_rows(axes, frames, task.name, arms, most)
    plotting.seconds_axis(axes, longest * 1.25)


def _table(frames: Frames, tasks: list[Task], view: PhaseView) -> Table:
    return Table(
        title=f"{view.title}, by phase",
        columns=columns("Task", *(PHASE_TITLES[phase] for phase in _shown(view)), "Together"),
        rows=tuple(
            _row(frames, task, arm, view) for task in tasks for arm in _arms(frames, task, view)
        ),
        folded=True,
    )


def _row(frames: Frames, task: Task, arm: str, view: PhaseView) -> tuple[Cell, ...]:
    by_phase = phase_seconds(frames, task, arm, view)
    cells = [
        _cell(by_phase[phase]) if phase in by_phase else missing_cell() for phase in _shown(view)
    ]
    return (
        arm_cell(frames, arm),
        task_cell(frames, task.name),
        *cells,
        _cell(sum(by_phase.values())),
    )


def _cell(value: float) -> Cell:
    return Cell(text=f"{value:.3g}", value=value)

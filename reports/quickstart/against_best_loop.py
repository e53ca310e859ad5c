"""What good code brings here: each framework's first example against its best loop."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from statistics import median

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from samenet.analysis import totals
from samenet.analysis.frames import Frames
from samenet.analysis.memo import once
from samenet.analysis.quantities import seconds_of
from samenet.report import plotting
from samenet.report.blocks import (
    Cell,
    Column,
    Figure,
    Section,
    Table,
    framework_cell,
    framework_of,
    quick_start_of,
    seconds_cell,
)
from samenet.runs.plan import title_of
from samenet.spec import Task
from samenet.stats import formatting
from samenet.stats.intervals import geometric

ORDER = 52


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Seconds of the same job done both ways by one framework."""

    arm: str
    """The mode whose loop is the fastest."""
    quick_seconds: float
    best_seconds: float

    @property
    def factor(self) -> float:
        """Return how many times as long the first example takes."""
        return self.quick_seconds / self.best_seconds


def section(frames: Frames) -> Section | None:
    """Return a figure and a table of every task with both kinds of results."""
    tasks = [task for task in frames.plan.tasks if pairs(frames, task)]
    if not tasks:
        return None
    return Section(
        id="good-code",
        title="What good code brings",
        summary="Each framework’s own first example against the best loop its experts write.",
        blocks=(_figure(frames, tasks), *(_table(frames, task) for task in tasks)),
    )


@once
def pairs(frames: Frames, task: Task) -> list[Pair]:
    """Return both times of each framework that has them, the largest factor first."""
    rows = frames.samples
    rows = rows[(rows.track == "quickstart") & (rows.task == task.name)]
    best: dict[str, tuple[float, str]] = {}
    for total in totals.totals(frames, task):
        framework = frames.plan.arm(total.arm).header.name
        found = (_training_seconds(frames, task, total.arm), total.arm)
        best[framework] = min(found, best.get(framework, found))
    quick = {frames.plan.arm(str(arm)).header.name: own for arm, own in rows.groupby("arm")}
    both = [
        Pair(arm=arm, quick_seconds=median(quick[name].seconds.tolist()), best_seconds=seconds)
        for name, (seconds, arm) in best.items()
        if name in quick
    ]
    return sorted(both, key=lambda pair: -pair.factor)


def _training_seconds(frames: Frames, task: Task, arm: str) -> float:
    """Return what building and training take, without Python and imports."""
    times = seconds_of(frames, task, arm, "total")
    before = [
        frames.per_repeat(task.name, arm, phase)
        for phase in ("interpreter", "import", "adapter", "wake")
    ]
    return geometric([s - sum(each.get(r, 0.0) for each in before) for r, s in times.items()]).value


def _figure(frames: Frames, tasks: list[Task]) -> Figure:
    return Figure(
        name="good-code",
        title="Building and training in one program: the first example, and the best loop",
        help=(
            "Further left is shorter; the axis is logarithmic. Hollow: the framework’s own first "
            "example; full: the fastest of its loops in this run, the same data, layers, batches "
            "and number of epochs. The distance is what good code is worth here. The two differ in "
            "settings as well (optimiser, loss, what is computed on the way), so this is no "
            "verdict on the framework. Imports are in neither."
        ),
        draw=partial(_draw, frames, tasks),
        table=_numbers(frames, tasks),
    )


def _draw(frames: Frames, tasks: list[Task], narrow: bool) -> Drawing:  # noqa: FBT001
    most = max(len(pairs(frames, task)) for task in tasks)
    height = plotting.bars_height(most)
    picture, panels = plotting.panels(len(tasks), narrow=narrow, height=height, legend_of=2)
    for axes, task in zip(panels, tasks, strict=True):
        _rows(frames, axes, task, most)
        plotting.panel_of(axes, frames, task.name)
    handles = [plotting.key("o", hollow=True), plotting.key("o")]
    plotting.legend(picture, handles, ["first example", "best loop"], narrow=narrow)
    return picture


def _rows(frames: Frames, axes: Axes, task: Task, most: int) -> None:
    found = pairs(frames, task)
    for place, pair in enumerate(found):
        color, ends = plotting.look(frames, pair.arm).color, (pair.best_seconds, pair.quick_seconds)
        drawn = axes.plot(ends, [place, place], color=color, linewidth=2)
        drawn += axes.plot(ends[:1], [place], "o", color=color, markersize=7)
        drawn += axes.plot(
            ends[1:], [place], "o", color=color, markersize=7, markerfacecolor="white"
        )
        subject = quick_start_of(pair.arm, task.name)
        text = f"{formatting.digits(pair.factor, 2)}×"
        label = plotting.at_end(axes, f"  {text}", max(ends), place)
        both = f"{formatting.words(pair.quick_seconds)}, {formatting.words(pair.best_seconds)}"
        tip = f"{framework_of(frames, pair.arm)}: first example, best loop: {both}"
        plotting.marked([*drawn, label], subject, tip=tip)
    subjects = [quick_start_of(pair.arm, task.name) for pair in found]
    names = [framework_of(frames, pair.arm) for pair in found]
    plotting.bar_names(axes, names, most, subjects)
    every = [seconds for pair in found for seconds in (pair.best_seconds, pair.quick_seconds)]
    plotting.log_scale_across(axes, every)
    axes.set_xlim(min(every) / 1.6, max(every) * 4)
    axes.set_xlabel("seconds")


def _table(frames: Frames, task: Task) -> Table:
    return Table(
        title=f"{title_of(frames.plan, task.name)}: building and training",
        columns=(
            Column(title="Framework", numeric=False),
            Column(title="First example"),
            Column(title="Best loop"),
            Column(title="Its mode", numeric=False),
            Column(title="First example / best loop"),
        ),
        rows=tuple(_row(frames, pair) for pair in pairs(frames, task)),
        task=task.name,
    )


def _row(frames: Frames, pair: Pair) -> tuple[Cell, ...]:
    return (
        framework_cell(frames, pair.arm),
        seconds_cell(pair.quick_seconds),
        seconds_cell(pair.best_seconds),
        Cell(text=frames.plan.arm(pair.arm).mode),
        Cell(text=f"{formatting.digits(pair.factor, 2)}×", value=pair.factor),
    )


def _numbers(frames: Frames, tasks: list[Task]) -> Table:
    heads = ("Framework", "Task", "First example, s", "Best loop, s")
    return Table(
        title="Seconds of building and training",
        columns=tuple(Column(title=head, numeric="," in head) for head in heads),
        rows=tuple(
            (
                framework_cell(frames, pair.arm),
                Cell(text=title_of(frames.plan, task.name)),
                Cell(text=f"{pair.quick_seconds:.3g}", value=pair.quick_seconds),
                Cell(text=f"{pair.best_seconds:.3g}", value=pair.best_seconds),
            )
            for task in tasks
            for pair in pairs(frames, task)
        ),
        folded=True,
    )

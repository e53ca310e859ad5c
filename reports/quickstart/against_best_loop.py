"""What good code is worth: each framework's first example against its best loop."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from matplotlib.axes import Axes

from samenet.analysis import totals
from samenet.analysis.frames import Frames
from samenet.analysis.memo import once
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
from samenet.report.plotting import Legend
from samenet.runs.plan import title_of
from samenet.spec import Task
from samenet.stats import formatting
from samenet.stats.intervals import geometric

ORDER = 2


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
    """Return a figure, and a table per task that has both kinds of results."""
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
    """Return the pair of times of each framework that has both, largest factor first."""
    rows = frames.samples
    rows = rows[(rows.track == "quickstart") & (rows.task == task.name)]
    best: dict[str, tuple[float, str]] = {}
    for total in totals.totals(frames, task):
        framework = frames.plan.arm(total.arm).header.name
        candidate = (_training_seconds(frames, task, total.arm), total.arm)
        best[framework] = min(candidate, best.get(framework, candidate))
    quick = {frames.plan.arm(str(arm)).header.name: samples for arm, samples in rows.groupby("arm")}
    both = [
        Pair(arm=arm, quick_seconds=median(quick[name].seconds.tolist()), best_seconds=seconds)
        for name, (seconds, arm) in best.items()
        if name in quick
    ]
    return sorted(both, key=lambda pair: -pair.factor)


def _training_seconds(frames: Frames, task: Task, arm: str) -> float:
    """Return what building and training take, without Python and imports."""
    result = frames.result(task, arm)
    before = [result.phases.get(phase, {}) for phase in ("interpreter", "import", "wake")]
    return geometric(
        [s - sum(phase.get(r, 0.0) for phase in before) for r, s in result.total().items()]
    ).value


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
        draw=plotting.row_panels(frames, tasks, pairs, _rows, _legend),
        table=_numbers(frames, tasks),
    )


def _legend() -> Legend:
    return Legend(
        handles=[plotting.key("o", hollow=True), plotting.key("o")],
        names=["first example", "best loop"],
    )


def _rows(frames: Frames, axes: Axes, task: Task, most: int) -> None:
    task_pairs = pairs(frames, task)
    for row, pair in enumerate(task_pairs):
        color = plotting.look(frames, pair.arm).color
        best, quick = pair.best_seconds, pair.quick_seconds
        marks = axes.plot([best, quick], [row, row], color=color, linewidth=2)
        marks += axes.plot([best], [row], "o", color=color, markersize=7)
        marks += axes.plot([quick], [row], "o", color=color, markersize=7, markerfacecolor="white")
        label = plotting.at_end(
            axes, f"  {formatting.digits(pair.factor, 2)}×", max(best, quick), row
        )
        both = f"{formatting.words(quick)}, {formatting.words(best)}"
        tip = f"{framework_of(frames, pair.arm)}: first example, best loop: {both}"
        plotting.marked([*marks, label], quick_start_of(pair.arm, task.name), tip=tip)
    subjects = [quick_start_of(pair.arm, task.name) for pair in task_pairs]
    names = [framework_of(frames, pair.arm) for pair in task_pairs]
    plotting.bar_names(axes, names, most, subjects)
    seconds = [s for pair in task_pairs for s in (pair.best_seconds, pair.quick_seconds)]
    plotting.log_scale_across(axes, seconds)
    axes.set_xlim(min(seconds) / 1.6, max(seconds) * 4)
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

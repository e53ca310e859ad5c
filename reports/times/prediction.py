"""Predicting: seconds by number of rows, the way users write it and the way experts do."""

from __future__ import annotations

from collections.abc import Callable

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.lines import Line2D

from samenet._text import count_noun
from samenet.analysis import predictions
from samenet.analysis.frames import Frames
from samenet.analysis.predictions import WAYS
from samenet.report import plotting
from samenet.report.blocks import (
    Cell,
    Column,
    Figure,
    Section,
    Table,
    Text,
    columns,
    framework_cell,
    framework_of,
    missing_cell,
    quick_start_of,
    task_cell,
)
from samenet.report.plotting import Legend
from samenet.runs import adapter_source
from samenet.runs.plan import PREDICTION_BATCHES, task_title
from samenet.spec import Task
from samenet.stats import formatting

ORDER = 3
STYLES = {"usual": "-", "fast": (0, (2, 2))}
HELP = (
    "From rows in a NumPy array on the host to outputs in one. Usual is what the framework’s users "
    "write, fast what its experts do; the table of ways gives the reason and the source of both. "
    "One process per framework; each number is the middle one of its samples. Each way was "
    "compared with the float64 network at every number of rows before it was timed. A factor here "
    "compares two ways of one framework in one process; it is no verdict."
)


def section(frames: Frames) -> Section | None:
    """Return the figure and one table per task, and what could not be timed."""
    tasks = [task for task in frames.plan.tasks if predictions.arms(frames, task)]
    lost = _lost(frames)
    if not tasks and not lost:
        return None
    figure = (_figure(frames, tasks), _rates(frames, tasks)) if tasks else ()
    tables = [_table(frames, task) for task in tasks]
    return Section(
        id="inference",
        title="Predicting",
        summary="Latency by number of rows: the usual way and the fast one.",
        blocks=(Text(lines=(HELP, *lost)), *figure, *tables, *_ways(frames)),
    )


def _lost(frames: Frames) -> list[str]:
    """Say which predictions have no time, and why."""
    rows = frames.failures[frames.failures.track == "inference"]
    failed = [
        f"{frames.title(str(r.arm))}, {r.task}: {r.mark}: {r.reason}." for r in rows.itertuples()
    ]
    wrong = frames.predicted[~frames.predicted.passed.astype(bool)]
    return failed + [
        f"{framework_of(frames, str(r.arm))}, {task_title(frames.plan, str(r.task))}, "
        f"{r.quantity} way: refused: "
        f"error {formatting.error_text(error)}, limit {formatting.error_text(limit)}."
        for r, error, limit in zip(wrong.itertuples(), wrong.error, wrong.limit, strict=True)
    ]


def _figure(frames: Frames, tasks: list[Task]) -> Figure:
    return Figure(
        name="inference",
        title="Seconds of one prediction by its number of rows",
        help="Lower is better; both axes are logarithmic. Full lines: usual; dotted: fast.",
        draw=_draw(frames, tasks, rate=False),
        table=_points(frames, tasks),
    )


def _rates(frames: Frames, tasks: list[Task]) -> Figure:
    return Figure(
        name="throughput",
        title="Predicted rows per second by the number of rows at once",
        help=(
            "Higher is better; both axes are logarithmic. Full lines: usual; dotted: fast. Where a "
            "line goes flat, more rows at once bring nothing."
        ),
        draw=_draw(frames, tasks, rate=True),
        table=_points(frames, tasks, rate=True),
    )


def _draw(frames: Frames, tasks: list[Task], *, rate: bool) -> Callable[[bool], Drawing]:
    def draw_panel(axes: Axes, task: Task) -> None:
        _lines(frames, axes, task, rate=rate)

    def legend() -> Legend:
        arms = list(dict.fromkeys(arm for task in tasks for arm in predictions.arms(frames, task)))
        looks = [plotting.style_of(frames, arm) for arm in arms]
        return Legend(
            handles=[Line2D([], [], color=look.color, marker=look.marker) for look in looks],
            names=[framework_of(frames, arm) for arm in arms],
            subjects=[quick_start_of(arm) for arm in arms],
        )

    return plotting.task_panels(frames, tasks, draw_panel, height=2.8, legend=legend)


def _lines(frames: Frames, axes: Axes, task: Task, *, rate: bool) -> None:
    drawn: list[float] = []
    for arm in predictions.arms(frames, task):
        look = plotting.style_of(frames, arm)
        for way, style in STYLES.items():
            seconds = predictions.seconds(frames.result(task, arm), way)
            values = [_shown(rows, each.value, rate=rate) for rows, each in seconds.items()]
            line = axes.plot(
                [*seconds],
                values,
                color=look.color,
                linestyle=style,
                linewidth=1.8,
                marker=look.marker,
                markersize=4.5,
            )
            plotting.mark_subject(line, quick_start_of(arm, task.name))
            drawn += values
    plotting.log_scale(axes, drawn)
    axes.set_xscale("log")
    axes.set_xticks(PREDICTION_BATCHES, [str(rows) for rows in PREDICTION_BATCHES])
    axes.minorticks_off()
    axes.set_xlabel("rows")
    axes.set_ylabel("rows per second" if rate else "seconds")


def _shown(rows: int, seconds: float, *, rate: bool) -> float:
    return rows / seconds if rate else seconds


def _points(frames: Frames, tasks: list[Task], *, rate: bool = False) -> Table:
    rows = [
        (
            _named(frames, arm),
            task_cell(frames, task.name),
            Cell(text=way),
            *(
                _number(_shown(rows, times[rows].value, rate=rate))
                if rows in times
                else missing_cell()
                for rows in PREDICTION_BATCHES
            ),
        )
        for task in tasks
        for arm in predictions.arms(frames, task)
        for way in WAYS
        if (times := predictions.seconds(frames.result(task, arm), way))
    ]
    return Table(
        title="Rows per second" if rate else "Seconds of one prediction",
        columns=columns("Task", "Way", *map(_rows, PREDICTION_BATCHES)),
        rows=tuple(rows),
        folded=True,
    )


def _number(value: float) -> Cell:
    return Cell(text=formatting.format_digits(value), value=value)


def _table(frames: Frames, task: Task) -> Table:
    heads = (Column(title=_rows(count)) for count in PREDICTION_BATCHES)
    return Table(
        task=task.name,
        title=f"{task_title(frames.plan, task.name)}: one prediction, usual way",
        columns=(
            Column(title="Framework", numeric=False),
            *heads,
            Column(title="Rows per second", help="at the best number of rows, usual way"),
        ),
        rows=tuple(_row(frames, task, arm) for arm in predictions.arms(frames, task)),
    )


def _rows(count: int) -> str:
    return count_noun(count, "row")


def _row(frames: Frames, task: Task, arm: str) -> tuple[Cell, ...]:
    usual, fast = (predictions.seconds(frames.result(task, arm), way) for way in WAYS)
    cells = []
    for rows in PREDICTION_BATCHES:
        if rows not in usual:
            cells.append(missing_cell())
            continue
        value = usual[rows].value
        below: tuple[str, ...] = ()
        if rows in fast:
            quicker = formatting.format_digits(value / fast[rows].value, 2)
            below = (f"fast {formatting.format_seconds(fast[rows].value)} ({quicker}×)",)
        cells.append(Cell(text=formatting.format_seconds(value), value=value, below=below))
    most, best = predictions.throughput(usual), predictions.throughput(fast)
    total = (f"fast {best:,.0f}",) if best else ()
    whole = Cell(text=f"{most:,.0f}", value=most, below=total) if most else missing_cell()
    return (_named(frames, arm), *cells, whole)


def _named(frames: Frames, arm: str) -> Cell:
    return framework_cell(frames, arm)


def _ways(frames: Frames) -> tuple[Table, ...]:
    """Return why each framework predicts as it does; quoted from the adapters' files."""
    arms = {arm.header.name: arm for arm in reversed(frames.plan.arms)}
    rows = tuple(
        (
            Cell(text=arm.header.title),
            Cell(text=name),
            Cell(text=str(way.get("why", "")), below=(str(way.get("source", "")),)),
        )
        for arm in reversed(arms.values())
        for name, way in adapter_source.quote_predictors(arm, frames.sources).items()
    )
    heads = tuple(Column(title=t, numeric=False) for t in ("Framework", "Way", "Why and source"))
    title = "The two ways to predict"
    return (Table(title=title, columns=heads, rows=rows, folded=True, quoted=True),) if rows else ()

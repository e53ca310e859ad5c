"""Predicting: seconds by number of rows, as users write it and as experts do."""

from __future__ import annotations

from functools import partial

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.lines import Line2D

from samenet import drawing, inference, listing, trust, wording
from samenet.frames import Frames
from samenet.inference import BATCHES, WAYS
from samenet.sections import (
    Cell,
    Column,
    Figure,
    Section,
    Table,
    Text,
    columns,
    framework_cell,
    framework_of,
    missing,
    task_cell,
    title_of,
)
from samenet.task import Task

ORDER = 15
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
    tasks = [task for task in frames.plan.tasks if inference.arms(frames, task)]
    lost = _lost(frames)
    if not tasks and not lost:
        return None
    figure = (_figure(frames, tasks),) if tasks else ()
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
    found = [
        f"{frames.title(str(r.arm))}, {r.task}: {r.mark}: {r.reason}." for r in rows.itertuples()
    ]
    wrong = frames.predicted[~frames.predicted.passed.astype(bool)]
    return found + [
        f"{framework_of(frames, str(r.arm))}, {title_of(frames.plan, str(r.task))}, "
        f"{r.quantity} way: refused: "
        f"error {trust.error_text(error)}, limit {trust.error_text(limit)}."
        for r, error, limit in zip(wrong.itertuples(), wrong.error, wrong.limit, strict=True)
    ]


def _figure(frames: Frames, tasks: list[Task]) -> Figure:
    return Figure(
        name="inference",
        title="Seconds of one prediction by its number of rows",
        help="Lower is better; both axes are logarithmic. Full lines: usual; dotted: fast.",
        draw=partial(_draw, frames, tasks),
        table=_points(frames, tasks),
    )


def _draw(frames: Frames, tasks: list[Task], narrow: bool) -> Drawing:  # noqa: FBT001
    arms = list(dict.fromkeys(arm for task in tasks for arm in inference.arms(frames, task)))
    picture, panels = drawing.panels(len(tasks), narrow=narrow, height=2.8, legend_of=len(arms))
    for axes, task in zip(panels, tasks, strict=True):
        _lines(frames, axes, task)
        axes.set_title(title_of(frames.plan, task.name))
    handles = [Line2D([], [], color=drawing.look(frames, arm).color) for arm in arms]
    names = [framework_of(frames, arm) for arm in arms]
    drawing.legend(picture, handles, names, narrow=narrow)
    return picture


def _lines(frames: Frames, axes: Axes, task: Task) -> None:
    drawn: list[float] = []
    for arm in inference.arms(frames, task):
        for way, style in STYLES.items():
            found = inference.seconds(frames, task, arm, way)
            values = [each.value for each in found.values()]
            color = drawing.look(frames, arm).color
            axes.plot([*found], values, color=color, linestyle=style, linewidth=1.8)
            drawn += values
    drawing.log_scale(axes, drawn)
    axes.set_xscale("log")
    axes.set_xticks(BATCHES, [str(rows) for rows in BATCHES])
    axes.minorticks_off()
    axes.set_xlabel("rows")
    axes.set_ylabel("seconds")


def _points(frames: Frames, tasks: list[Task]) -> Table:
    rows = [
        (
            _named(frames, arm),
            task_cell(frames, task.name),
            Cell(text=way),
            *(
                Cell(text=f"{found[rows].value:.3g}", value=found[rows].value)
                if rows in found
                else missing()
                for rows in BATCHES
            ),
        )
        for task in tasks
        for arm in inference.arms(frames, task)
        for way in WAYS
        if (found := inference.seconds(frames, task, arm, way))
    ]
    return Table(
        title="Seconds of one prediction",
        columns=columns("Task", "Way", *map(_rows, BATCHES)),
        rows=tuple(rows),
        folded=True,
    )


def _table(frames: Frames, task: Task) -> Table:
    heads = (Column(title=_rows(count)) for count in BATCHES)
    return Table(
        task=task.name,
        title=f"{title_of(frames.plan, task.name)}: one prediction, usual way",
        columns=(
            Column(title="Framework", numeric=False),
            *heads,
            Column(title="Rows per second", help="at the best number of rows, usual way"),
        ),
        rows=tuple(_row(frames, task, arm) for arm in inference.arms(frames, task)),
    )


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"


def _row(frames: Frames, task: Task, arm: str) -> tuple[Cell, ...]:
    usual, fast = (inference.seconds(frames, task, arm, way) for way in WAYS)
    cells = []
    for rows in BATCHES:
        if rows not in usual:
            cells.append(missing())
            continue
        value = usual[rows].value
        below: tuple[str, ...] = ()
        if rows in fast:
            quicker = wording.digits(value / fast[rows].value, 2)
            below = (f"fast {wording.words(fast[rows].value)} ({quicker}×)",)
        cells.append(Cell(text=wording.words(value), value=value, below=below))
    most, best = inference.throughput(usual), inference.throughput(fast)
    total = (f"fast {best:,.0f}",) if best else ()
    whole = Cell(text=f"{most:,.0f}", value=most, below=total) if most else missing()
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
        for name, way in listing.predicting(arm).items()
    )
    heads = tuple(Column(title=t, numeric=False) for t in ("Framework", "Way", "Why and source"))
    title = "The two ways to predict"
    return (Table(title=title, columns=heads, rows=rows, folded=True, quoted=True),) if rows else ()

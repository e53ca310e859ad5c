"""Noise, refusals and failures: what was disturbed, what has no number, and why."""

from __future__ import annotations

import math
from statistics import fmean, stdev

from matplotlib.axes import Axes

from samenet._text import count_noun, pluralize
from samenet.analysis import control_arms, interference, totals
from samenet.analysis.frames import Frames
from samenet.analysis.memo import remember
from samenet.report import plotting
from samenet.report.blocks import (
    Cell,
    Column,
    Figure,
    Section,
    Table,
    Text,
    arm_cell,
    columns,
    missing_cell,
    subject_of,
    task_cell,
)
from samenet.runs.plan import task_title
from samenet.spec import Task
from samenet.stats import formatting
from samenet.stats.verdicts import format_percent

ORDER = 2
WITH_LADDER = True
SHOWN_MOST = 6
"""More tasks than that, as on a size ladder, are in the tables only."""


def section(frames: Frames) -> Section | None:
    """Return how far repeats differ, what disturbed them, and what failed and why."""
    tasks = [task for task in frames.plan.tasks if spreads(frames, task)]
    failed = _failures(frames)
    refused = _refused(frames)
    if not tasks and not failed.rows:
        return None
    figure = [_figure(frames, tasks)] if 0 < len(tasks) <= SHOWN_MOST else []
    tables = [*_disturbance(frames), *(table for table in (refused, failed) if table.rows)]
    return Section(
        id="noise",
        title="Noise, refusals, failures",
        summary=_summary(frames, len(refused.rows), len(failed.rows)),
        blocks=(Text(lines=_lines(frames)), *figure, *_spread_tables(frames, tasks), *tables),
    )


def _summary(frames: Frames, refused: int, failed: int) -> str:
    parts = [f"{count_noun(frames.repeats, 'repeat')} of every result"]
    parts.append(f"{refused or 'no'} {pluralize(refused, 'process')} refused")
    parts.append(f"{failed or 'no'} {pluralize(failed, 'result')} without a number")
    return f"{', '.join(parts)}."


def _lines(frames: Frames) -> tuple[str, ...]:
    said = interference.sentence(frames)
    shown = [
        f"{task_title(frames.plan, task.name)}: {line}"
        for task in frames.plan.tasks
        if (line := control_arms.sentence(frames, task)) is not None
    ]
    return (
        (
            "Every repeat is a fresh process; nothing slow is left out. A process is refused for "
            "what others did on the machine while it ran, never for its own time."
        ),
        *([said] if said else []),
        *shown,
    )


@remember
def spreads(frames: Frames, task: Task) -> dict[str, dict[int, float]]:
    """Return each repeat's whole training as a share of its arm's typical one, per arm."""
    shares = {}
    for total in totals.totals(frames, task):
        times = frames.result(task, total.arm).total()
        if len(times) > 1:
            typical = math.exp(fmean(map(math.log, times.values())))
            shares[total.arm] = {repeat: s / typical for repeat, s in sorted(times.items())}
    return shares


def _figure(frames: Frames, tasks: list[Task]) -> Figure:
    return Figure(
        name="noise",
        title="Whole training of every single process, over the typical one of its framework",
        help=(
            "Each mark is one fresh process; 1.00 is the framework’s typical time. Marks close "
            "together can be told apart from others with few repeats. The grey band is "
            f"{format_percent(frames.plan.margin)} to both sides: differences in it do not matter."
        ),
        draw=plotting.row_panels(frames, tasks, spreads, _strip),
        table=_points(frames, tasks),
    )


def _strip(frames: Frames, axes: Axes, task: Task, most: int) -> None:
    arm_spreads = spreads(frames, task)
    edge = 1 + frames.plan.margin
    axes.axvspan(1 / edge, edge, color=plotting.INK, alpha=0.08, linewidth=0)
    for row, (arm, values) in enumerate(arm_spreads.items()):
        look = plotting.style_of(frames, arm)
        marks = axes.plot(
            [*values.values()],
            [row] * len(values),
            look.marker,
            color=look.color,
            markersize=6,
            alpha=0.7,
        )
        low, high = min(values.values()), max(values.values())
        tip = f"{frames.title(arm)}: {len(values)} processes from {low:.3f} to {high:.3f}"
        plotting.mark_subject(marks, subject_of(arm, task.name), tip=tip)
    plotting.name_arm_rows(axes, frames, task.name, list(arm_spreads), most)
    axes.margins(x=0.12)
    axes.set_xlabel("time / typical time")


def _points(frames: Frames, tasks: list[Task]) -> Table:
    return Table(
        title="Time over typical time, process by process",
        columns=columns("Task", "Repeat", "Time / typical time"),
        rows=tuple(
            (
                arm_cell(frames, arm),
                task_cell(frames, task.name),
                Cell(text=str(repeat), value=repeat),
                Cell(text=f"{value:.3f}", value=value),
            )
            for task in tasks
            for arm, values in spreads(frames, task).items()
            for repeat, value in values.items()
        ),
        folded=True,
    )


def _spread_tables(frames: Frames, tasks: list[Task]) -> list[Table]:
    rows = [
        (
            arm_cell(frames, arm),
            task_cell(frames, task.name),
            Cell(text=str(len(values)), value=len(values)),
            _percent(math.exp(stdev(map(math.log, values.values())))),
            _percent(min(values.values())),
            _percent(max(values.values())),
        )
        for task in tasks
        for arm, values in spreads(frames, task).items()
    ]
    if not rows:
        return []
    return [
        Table(
            title="How far the processes of a result are apart",
            columns=columns("Task", "Processes", "Spread", "Fastest", "Slowest"),
            rows=tuple(rows),
            notes=("Spread is one standard deviation of the processes’ times, as a share.",),
        )
    ]


def _percent(ratio: float) -> Cell:
    value = 100 * (ratio - 1)
    text = f"{formatting.format_digits(abs(value), 2)} %"
    return Cell(text=f"−{text}" if value < 0 else text, value=value)


NO_ENERGY = "Energy: unavailable, no counter is readable here."


def _disturbance(frames: Frames) -> list[Table]:
    levels = interference.summarize_readings(frames)
    if not levels:
        return []
    return [
        Table(
            title="What others did while this run was timed",
            columns=columns("Usual", "Worst", "Refused beyond", first="Reading"),
            rows=tuple(
                (Cell(text=level.name), *map(_reading, (level.middle, level.worst, level.limit)))
                for level in levels
            ),
            notes=() if any("Energy" in level.name for level in levels) else (NO_ENERGY,),
            folded=True,
        )
    ]


def _reading(value: float | None) -> Cell:
    return missing_cell() if value is None else Cell(text=f"{value:.3g}", value=value)


def _refused(frames: Frames) -> Table:
    """Return the processes that were refused because other work disturbed them."""
    rows = frames.environment
    rows = rows[rows.refused.astype(bool)] if len(rows) else rows
    return Table(
        title="Processes that were disturbed and are not counted",
        columns=_words("Task", "Pass", "Repeat", "Measured again", "Why"),
        rows=tuple(
            (
                arm_cell(frames, str(row["arm"])),
                _task(frames, str(row["task"])),
                Cell(text=str(row["pass"])),
                Cell(text=str(row["repeat"])),
                Cell(text="yes" if row["again"] else "no"),
                Cell(text="; ".join(row["broken"])),
            )
            for row in rows.to_dict("records")
        ),
    )


def _words(*titles: str) -> tuple[Column, ...]:
    return tuple(Column(title=title, numeric=False) for title in ("Framework", *titles))


def _task(frames: Frames, task: str) -> Cell:
    known = {found.name for found in frames.plan.tasks}
    return task_cell(frames, task) if task in known else Cell(text=task or "–")


def _failures(frames: Frames) -> Table:
    """Return everything that has no number: five marks, each with its reason."""
    rows: dict[tuple[str, str, str, str, str], None] = dict.fromkeys(
        (str(r.track), str(r.task), str(r.arm), str(mark), str(r.reason))
        for r, mark in zip(
            frames.failures.itertuples(), frames.failures["mark"].tolist(), strict=True
        )
    )
    for check in frames.checks[~frames.checks.passed.astype(bool)].to_dict("records"):
        reason = f"{check['gate']}, {check['quantity']}: {check['detail'] or 'beyond its limit'}"
        rows["same", check["task"], check["arm"], "refused", reason] = None
    return Table(
        title="Results without a number, and why",
        columns=_words("Task", "What", "Mark", "Reason"),
        rows=tuple(
            (
                arm_cell(frames, arm),
                _task(frames, task),
                Cell(text=TRACK_TITLES.get(track, track)),
                Cell(text=mark),
                Cell(text=reason),
            )
            for track, task, arm, mark, reason in rows
        ),
    )


TRACK_TITLES = {
    "same": "same network",
    "quickstart": "quick start",
    "reference": "not a network",
    "inference": "predicting",
}

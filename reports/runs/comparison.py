"""Runs against each other: what differs between them, and every result beside run A's."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from samenet.analysis import regression
from samenet.report import multi_run, plotting, summary
from samenet.report.blocks import (
    MARKERS,
    Block,
    Cell,
    Column,
    Figure,
    Section,
    Table,
    Text,
    arm_cell,
    missing_cell,
    subject_of,
)
from samenet.report.multi_run import Run
from samenet.report.plotting import Legend
from samenet.spec import Task
from samenet.stats import formatting
from samenet.stats.verdicts import format_percent, with_symbol

ORDER = 1


def section_of_runs(runs: Sequence[Run]) -> Section | None:
    """Return the runs, their differences, and a figure and table of every task."""
    tasks = [
        task for task in multi_run.tasks_of_runs(runs) if multi_run.arms_of_runs(runs, task.name)
    ]
    results: list[Block] = []
    if tasks:
        tables = [_table(runs, task) for task in tasks]
        results = [_figure(runs, tasks), Text(lines=(_how(runs),)), *tables]
    return Section(
        id="runs",
        title="The runs side by side",
        summary="What differs between them is said first; then every result beside run A’s.",
        blocks=(
            _runs(runs),
            *_differences(runs),
            *results,
        ),
        top=True,
    )


def _how(runs: Sequence[Run]) -> str:
    worded = all(multi_run.allows_verdicts(runs[0], run) for run in runs[1:])
    words = "" if worded else "Words need eight repeats in both runs. "
    return (
        "Ratios are this run’s time over run A’s, with an interval that treats the two as "
        f"independent; below 1 is faster. {words}"
        f"“Not slower” is shown by test: by less than "
        f"{format_percent(runs[0].frames.plan.margin)}. What differs "
        "between two sessions of one machine is in no interval."
    )


def _runs(runs: Sequence[Run]) -> Table:
    heads = ("Run", "Name", "Measured", "Machine", "Target", "Profile", "Repeats", "Folder")
    return Table(
        title="The runs",
        columns=tuple(Column(title=head, numeric=head == "Repeats") for head in heads),
        rows=tuple(_run(run) for run in runs),
    )


def _run(run: Run) -> tuple[Cell, ...]:
    plan = run.frames.plan
    machine = run.frames.machine
    return (
        Cell(text=run.letter),
        Cell(text=plan.name),
        Cell(text=summary.format_day(plan.created)),
        Cell(text=str(machine.get("processor", "not recorded"))),
        Cell(text=str(plan.target)),
        Cell(text=plan.profile),
        Cell(text=str(run.frames.repeats), value=run.frames.repeats),
        Cell(text=run.folder),
    )


def _differences(runs: Sequence[Run]) -> list[Table]:
    differences = multi_run.find_differences(runs)
    if not differences:
        return []
    heads = ("Field", "Of", *(run.letter for run in runs))
    return [
        Table(
            title="In what they differ",
            columns=tuple(Column(title=head, numeric=False) for head in heads),
            rows=tuple(
                (Cell(text=name), Cell(text=group), *(Cell(text=_short(v)) for v in values))
                for group, name, values in differences
            ),
            notes=(
                "A task that differs (its data, network or training) is not compared.",
                "A dash: this run does not know the field.",
            ),
        )
    ]


def _short(value: str) -> str:
    """Return a value; a long hash is cut to its first digits."""
    return value[:10] if len(value) > 30 and value.isalnum() else value


def _figure(runs: Sequence[Run], tasks: list[Task]) -> Figure:
    return Figure(
        name="runs",
        title="Whole training, from an empty interpreter to the last epoch, in every run",
        help=(
            "Further left is faster; the axis is logarithmic. A shape stands for a run, the "
            "colour for the framework; the thin line spans the 95 % interval over the repeats."
        ),
        draw=partial(_draw, runs, tasks),
        table=_numbers(runs, tasks),
    )


def _draw(runs: Sequence[Run], tasks: list[Task], narrow: bool) -> Drawing:  # noqa: FBT001
    most = max(len(multi_run.arms_of_runs(runs, task.name)) for task in tasks)
    height = plotting.bars_height(most)
    picture, panels = plotting.make_panels(
        len(tasks), narrow=narrow, height=height, legend_of=len(runs)
    )
    for axes, task in zip(panels, tasks, strict=True):
        _rows(axes, runs, task, most)
        plotting.title_panel(axes, _with(runs, task).frames, task.name)
    legend = Legend(
        handles=[plotting.legend_key(_marker(runs, run)) for run in runs],
        names=[f"{run.letter}: {run.frames.plan.name}, {run.place}" for run in runs],
    )
    plotting.add_legend(picture, legend, narrow=narrow)
    return picture


def _marker(runs: Sequence[Run], run: Run) -> str:
    return MARKERS[runs.index(run) % len(MARKERS)]


def _with(runs: Sequence[Run], task: Task, arm: str = "") -> Run:
    """Return the first run with a task, preferably one with a result of the named arm."""
    able = [
        run
        for run in runs
        if (times := multi_run.seconds_of_arms(run, task.name)) and (arm in times)
    ]
    return next(iter(able), next(run for run in runs if multi_run.seconds_of_arms(run, task.name)))


def _rows(axes: Axes, runs: Sequence[Run], task: Task, most: int) -> None:
    arms = multi_run.arms_of_runs(runs, task.name)
    for run in runs:
        times = multi_run.seconds_of_arms(run, task.name)
        for row, arm in enumerate(arms):
            if arm not in times:
                continue
            seconds = times[arm]
            color = plotting.style_of(run.frames, arm).color
            span = axes.plot([seconds.low, seconds.high], [row] * 2, color=plotting.INK)
            mark = axes.plot([seconds.value], [row], _marker(runs, run), color=color, markersize=7)
            plotting.mark_subject([*span, *mark], subject_of(arm, task.name))
    names = [_with(runs, task, arm).frames.title(arm) for arm in arms]
    subjects = [subject_of(arm, task.name) for arm in arms]
    plotting.name_rows(axes, names, most, subjects)
    intervals = [
        interval for run in runs for interval in multi_run.seconds_of_arms(run, task.name).values()
    ]
    plotting.log_scale_across(
        axes, [end for interval in intervals for end in (interval.low, interval.high)]
    )
    axes.grid(visible=True, axis="both")
    axes.set_xlabel("seconds")


def _numbers(runs: Sequence[Run], tasks: list[Task]) -> Table:
    heads = ("Framework", "Task", "Run", "Seconds", "Low", "High")
    return Table(
        title="Whole training in seconds",
        columns=tuple(Column(title=head, numeric=number > 2) for number, head in enumerate(heads)),
        rows=tuple(
            (
                arm_cell(run.frames, arm),
                Cell(text=task.title or task.name),
                Cell(text=run.letter, device=run.frames.plan.target.device),
                *(
                    Cell(text=f"{value:.3g}", value=value)
                    for value in (seconds.value, seconds.low, seconds.high)
                ),
            )
            for task in tasks
            for run in runs
            for arm, seconds in multi_run.seconds_of_arms(run, task.name).items()
        ),
        folded=True,
    )


def _table(runs: Sequence[Run], task: Task) -> Table:
    """Return one row per arm: its time in run A, and in every other run with the ratio to A."""
    arms = multi_run.arms_of_runs(runs, task.name)
    against = [_against(runs[0], run, task) for run in runs[1:]]
    return Table(
        title=f"{task.title or task.name}: whole training in every run",
        columns=(
            Column(title="Framework", numeric=False),
            *(Column(title=f"{run.letter}: {run.place}") for run in runs),
        ),
        rows=tuple(
            (
                arm_cell(_with(runs, task, arm).frames, arm),
                *(
                    _time(run, task, arm, rows.get(arm))
                    for run, rows in zip(runs, ({}, *against), strict=True)
                ),
            )
            for arm in arms
        ),
        task=task.name,
    )


def _against(base: Run, new: Run, task: Task) -> dict[str, tuple[str, ...]]:
    """Return the lines below each arm's time: its ratio to the base, and a word."""
    comparison = multi_run.compare_runs(base, new)
    rows = [row for row in comparison.rows if row.task == task.name] if comparison else []
    return {row.arm: _lines(row, words=multi_run.allows_verdicts(base, new)) for row in rows}


def _lines(row: regression.Row, *, words: bool) -> tuple[str, ...]:
    if row.ratio is None:
        return (row.note,)
    span = f" [{row.ratio.low:.3g}, {row.ratio.high:.3g}]" if row.ratio.known else ""
    ratio = f"{row.ratio.value:.3g}× A{span}"
    return (ratio, with_symbol(row.word)) if words else (ratio,)


def _time(run: Run, task: Task, arm: str, below: tuple[str, ...] | None) -> Cell:
    seconds = multi_run.seconds_of_arms(run, task.name).get(arm)
    if seconds is None:
        return missing_cell()
    return Cell(
        text=formatting.format_seconds(seconds.value), value=seconds.value, below=below or ()
    )

"""Per task, every framework's times, memory and checks in one table; failures with their reasons."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from samenet import advise, statistics, trust
from samenet.frames import Frames
from samenet.sections import (
    Cell,
    Column,
    Section,
    Table,
    arm_cell,
    missing,
    name_of,
    title_of,
)
from samenet.statistics import MARGIN, VERDICT_REPEATS_MIN, Interval
from samenet.task import Task

ORDER = 10
PARTS = (
    ("epoch", "Epoch", "all steps of one pass over the training rows, no evaluation"),
    ("step", "Step", "one update of all weights, gathering the batch included"),
    ("predict_one", "Predict one row", "inference of a single row"),
    ("predict_all", "Predict all rows", "inference of all rows at once"),
)
WHOLE = (
    "Whole training", "Interval", "Factor", "Rank", "More per training", "More per 100",
    "Peak memory",
)  # fmt: skip
REFERENCE_LINES = ("boosted_trees", "linear")


def section(frames: Frames) -> Section | None:
    """Return two tables per task: the whole training, and its parts."""
    tables = [
        make(frames, task) for task in frames.plan.tasks for make in (_whole_table, _parts_table)
    ]
    return Section(
        id="leaderboards",
        title="Times per task",
        summary="Every framework with its interval, factor and rank, and what failed and why.",
        blocks=tuple(table for table in tables if table is not None),
    )


def _whole_table(frames: Frames, task: Task) -> Table:
    numbers = (Column(title=title) for title in WHOLE)
    return Table(
        title=f"{title_of(frames.plan, task.name)}: whole training, start-up included",
        columns=(
            Column(title="Framework", numeric=False),
            *numbers,
            Column(title="Checked: same network", numeric=False),
        ),
        rows=(*_whole_rows(frames, task), *_reference(frames, task), *_failed(frames, task)),
        notes=_notes(frames, task),
    )


def _whole_rows(frames: Frames, task: Task) -> list[tuple[Cell, ...]]:
    totals = advise.totals(frames, task)
    best = next((total for total in totals if advise.adoptable(frames, total.arm)), None)
    return [
        (
            _named(frames, total.arm),
            Cell(text=advise.words(total.seconds.value), value=total.seconds.value),
            _interval(total.seconds),
            _factor(total.factor),
            Cell(text=str(total.rank), value=total.rank),
            *_more(total, best),
            _memory(frames, task, total.arm),
            _figures(frames, task, total.arm),
        )
        for total in totals
    ]


def _named(frames: Frames, arm: str) -> Cell:
    return arm_cell(frames, arm, *([] if advise.adoptable(frames, arm) else ["for reference"]))


def _parts_table(frames: Frames, task: Task) -> Table | None:
    by_part = [
        {total.arm: total for total in advise.totals(frames, task, quantity=quantity)}
        for quantity, _, _ in PARTS
    ]
    arms = [total.arm for total in advise.totals(frames, task)]
    if not arms:
        return None
    heads = (Column(title=title, help=text) for _, title, text in PARTS)
    return Table(
        title=f"{title_of(frames.plan, task.name)}: the parts",
        columns=(Column(title="Framework", numeric=False), *heads),
        rows=tuple(
            (_named(frames, arm), *(_part(part.get(arm)) for part in by_part)) for arm in arms
        ),
    )


def _part(total: advise.Total | None) -> Cell:
    if total is None:
        return missing()
    seconds, factor = total.seconds, total.factor
    text = f"{advise.words(seconds.value)} {interval_text(seconds)}".strip()
    below = f"{factor_text(factor)} · rank {total.rank}{verdict(factor)}"
    return Cell(text=text, value=seconds.value, below=(below,))


def _interval(interval: Interval) -> Cell:
    text = interval_text(interval)
    return Cell(text=text, value=interval.low, quiet=True) if text else missing()


def interval_text(interval: Interval) -> str:
    """Return the interval of a time in the unit of its value, e.g. '[1.7, 2.1]'."""
    _, bracket, rest = advise.duration(interval).partition(" [")
    return f"[{rest}" if bracket else ""


def _factor(factor: Interval) -> Cell:
    word = verdict(factor).removeprefix(", ")
    return Cell(text=factor_text(factor), value=factor.value, below=(word,) if word else ())


def factor_text(factor: Interval) -> str:
    """Return a factor with its interval, e.g. '1.8× [1.7, 1.9]'."""
    span = f" [{factor.low:.3g}, {factor.high:.3g}]" if factor.known and factor.value != 1 else ""
    return f"{factor.value:.3g}×{span}"


def verdict(factor: Interval) -> str:
    """Return the verdict on a factor in words; few repeats give none."""
    if factor.n < VERDICT_REPEATS_MIN or factor.value == 1:
        return ""
    if factor.low > 1 / (1 + MARGIN) and factor.high < 1 + MARGIN:
        return f", too close to call: within {100 * MARGIN:g} %"
    if factor.low <= 1 <= factor.high:
        return ", cannot tell yet"
    return ", slower" if factor.low > 1 else ", faster"


def _more(total: advise.Total, best: advise.Total | None) -> tuple[Cell, Cell]:
    if best is None or total.arm == best.arm:
        return missing(), missing()
    once = total.seconds.value - best.seconds.value
    return _signed(once), _signed(100 * once)


def _signed(seconds: float) -> Cell:
    sign = "+" if seconds > 0 else "−"
    return Cell(text=f"{sign}{advise.words(abs(seconds))}", value=seconds)


def _memory(frames: Frames, task: Task, arm: str) -> Cell:
    rows = frames.footprints
    rows = rows[(rows.task == task.name) & (rows.arm == arm)]
    if rows.empty:
        return missing()
    peak, start = float(rows.bytes_peak.max()), float(rows.bytes_after_import.max())
    return Cell(text=f"{peak / 1e6:.0f} MB", value=peak, below=(f"import {start / 1e6:.0f}",))


def _figures(frames: Frames, task: Task, arm: str) -> Cell:
    shown = trust.figures(trust.worst(frames, task.name, arm))
    first, *rest = shown.split("; ")
    return Cell(text=first, below=tuple(rest)) if first else missing("no check recorded")


def _reference(frames: Frames, task: Task) -> list[tuple[Cell, ...]]:
    rows = []
    for line in REFERENCE_LINES:
        own = frames.samples
        own = own[(own.track == "reference") & (own.task == task.name) & (own.arm == line)]
        if own.empty:
            continue
        seconds = float(median(own.seconds.tolist()))
        cell = Cell(text=advise.words(seconds), value=seconds, quiet=True)
        name = arm_cell(frames, line, "not a network, fit only")
        rows.append((name, cell, *_dashes(len(WHOLE))))
    return rows


def _failed(frames: Frames, task: Task) -> list[tuple[Cell, ...]]:
    return [
        (arm_cell(frames, arm, *lines), *_dashes(len(WHOLE) + 1))
        for arm, lines in failures_of(frames, task.name).items()
    ]


def failures_of(frames: Frames, task: str) -> dict[str, list[str]]:
    """Return the arms without a number and why, in words: 'failed: the worker was killed'."""
    found: dict[str, list[str]] = {}
    rows = frames.failures
    rows = rows[(rows.task == task) & (rows.track == "same")]
    for arm, mark, reason in zip(rows.arm, rows["mark"], rows.reason, strict=True):
        found.setdefault(arm, []).append(with_mark(mark, reason))
    checks = frames.checks
    for row in checks[(checks.task == task) & ~checks.passed.astype(bool)].itertuples():
        why = f"{row.gate}, {row.quantity}: error {trust.error_text(row.error)}, limit {trust.error_text(row.limit)}"
        found.setdefault(str(row.arm), []).append(f"refused: {why}")
    return {arm: list(dict.fromkeys(lines))[:3] for arm, lines in found.items()}


def with_mark(mark: str, reason: str) -> str:
    """Return a mark and its reason, said once."""
    return reason if reason.startswith(mark) else f"{mark}: {reason}"


def _dashes(count: int) -> Sequence[Cell]:
    return [missing()] * count


def _notes(frames: Frames, task: Task) -> tuple[str, ...]:
    rows = advise.totals(frames, task)
    best = next((total.arm for total in rows if advise.adoptable(frames, total.arm)), None)
    notes = ["In brackets: the interval that holds the value with 95 % confidence."] if rows else []
    if best:
        notes.append(
            f"Factors (×) are against {name_of(frames, best)} for the whole training, and against "
            "the fastest framework one can adopt in each other column. Frameworks whose intervals "
            "do not tell them apart share a rank."
        )
    if rows and frames.plan.repeats < statistics.VERDICT_REPEATS_MIN:
        notes.append(
            f"With {frames.plan.repeats} repeats this is a screening: no verdicts, only factors."
        )
    notes += [f"{name_of(frames, arm.name)}: {text}" for arm in frames.plan.arms for text in arm.capabilities.deviations]
    return tuple(notes)

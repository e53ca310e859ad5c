"""Every check of every result: what was compared, its error, and the limit for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from samenet.analysis import certificates, check_text, control_arms
from samenet.analysis.frames import Frames
from samenet.report.blocks import (
    Cell,
    Column,
    Section,
    Table,
    Text,
    arm_cell,
    missing_cell,
    task_cell,
)
from samenet.report.multi_run import Run
from samenet.runs.plan import task_title
from samenet.spec import Task
from samenet.stats import formatting

ORDER = 1
WITH_LADDER = True
LINES = (
    (
        "Before anything is timed, each framework’s network is compared with a reference in "
        "64-bit arithmetic that shares no code with any of them: gate 0 its functions one by one, "
        "gate 1 its gradients, gate 2 its weights and losses over up to ten epochs, gate 3 the "
        "same in 32 bits on a small problem with the same optimiser. Gate 4 checks the very "
        "program that was timed, after the clock has stopped and over all that it did. A result "
        "that fails one check, or lacks one, is not compared."
    ),
    (
        "float64 is the worst error of gate 2; first update and epoch loss are those of gate 4. "
        "Errors are relative: 2e-15 means that the first fourteen digits agree. Every limit is "
        "computed from what rounding can do to this network. “repeatable” says whether the same "
        "seed gives the same numbers bit for bit, and how far apart other seeds end."
    ),
)
HEADS = ("Check", "Quantity", "Precision", "Error", "Limit", "Passed", "Detail")


def section(frames: Frames) -> Section | None:
    """Return the figures of every result, and below them every check."""
    if frames.checks.empty:
        return None
    tables = [_table(frames, task) for task in frames.plan.tasks]
    return Section(
        id="checks",
        title="Can I trust this?",
        summary=certificates.sentence(frames),
        blocks=(
            Text(lines=(*LINES, *_instrument(frames))),
            _overview(frames),
            *(table for table in tables if table.rows),
        ),
    )


def section_of_runs(runs: Sequence[Run]) -> Section | None:
    """Return the outcome per result of every run; single checks are on each run's own page."""
    tables = [
        replace(_overview(run.frames), title=f"Run {run.letter}: outcome per result")
        for run in runs
        if not run.frames.checks.empty
    ]
    if not tables:
        return None
    return Section(
        id="checks",
        title="Can I trust this?",
        summary="What was checked of every result of every run, before it was compared.",
        blocks=(Text(lines=LINES), *tables),
    )


def _instrument(frames: Frames) -> list[str]:
    """Return what control and sensitivity arms showed, task by task."""
    reference = frames.plan.reference
    lines = [
        f"{task_title(frames.plan, task.name)}, {frames.title(reference[task.name])}. {line}"
        for task in frames.plan.tasks
        if (line := control_arms.sentence(frames, task)) is not None
    ]
    return ["The instrument on itself, in every repeat: " + " ".join(lines)] if lines else []


def _overview(frames: Frames) -> Table:
    good = set(certificates.checked_results(frames))
    rows = []
    for task in frames.plan.tasks:
        checks = frames.checks[frames.checks.task == task.name]
        for arm in checks.arm.unique():
            passed = (task.name, arm) in good
            shown = certificates.figures_text(certificates.errors(frames.result(task, arm)))
            passes = checks[checks.arm == arm].passed.astype(bool)
            text = f"{int(passes.sum())} of {len(passes)}"
            rows.append(
                (
                    arm_cell(frames, arm),
                    task_cell(frames, task.name),
                    Cell(text="same network" if passed else "not compared"),
                    Cell(text=text, value=float(passes.sum())),
                    Cell(text=shown or "–"),
                )
            )
    heads = ("Framework", "Task", "Outcome", "Checks passed", "Errors")
    return Table(
        title="Outcome per result",
        columns=tuple(Column(title=head, numeric=False) for head in heads),
        rows=tuple(rows),
    )


def _table(frames: Frames, task: Task) -> Table:
    """Return all checks of a task; a check of every repeat is shown by its worst one."""
    checks = frames.checks[frames.checks.task == task.name]
    rows = []
    for (arm, *_), group in checks.groupby(["arm", "gate", "quantity", "dtype"], sort=False):
        rows.append((arm_cell(frames, str(arm)), *_cells(group)))
    numeric = {"Error", "Limit"}
    heads = tuple(Column(title=head, numeric=head in numeric) for head in HEADS)
    return Table(
        task=task.name,
        title=f"{task_title(frames.plan, task.name)}: all {len(checks)} checks",
        columns=(Column(title="Framework", numeric=False), *heads),
        rows=tuple(rows),
        notes=("A check that ran in every repeat stands here once, with its largest error.",),
        folded=True,
    )


def _cells(group: pd.DataFrame) -> tuple[Cell, ...]:
    worst: Any = group.iloc[int(group.error.to_numpy().argmax())]
    passed = bool(group.passed.astype(bool).all())
    times = f" (in {len(group)} repeats)" if len(group) > 1 else ""
    return (
        Cell(text=worst.gate),
        Cell(text=worst.quantity),
        Cell(text=worst["dtype"]),
        *(
            missing_cell()
            if check_text.is_missing(worst)
            else Cell(text=formatting.error_text(figure), value=float(figure))
            for figure in (worst.error, worst.limit)
        ),
        Cell(text=("yes" if passed else "NO") + times),
        Cell(text=worst.detail or "–"),
    )

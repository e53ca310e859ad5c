"""`samenet trace`: one training step, with the frameworks side by side."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np

from samenet._console import print_text
from samenet.adapter import discovery
from samenet.adapter.api import Target
from samenet.cli.commands import options
from samenet.errors import UsageError, WorkerError
from samenet.execution import planner, session
from samenet.execution.progress import Progress
from samenet.runs.plan import Job, Plan
from samenet.runs.records import FailureRecord, StepTraced

SHOWN_NUMBERS = 4
QUANTITIES = ("inputs", "weights", "weighted sum", "output", "loss", "gradient", "new weights")


@click.command("trace")
@click.argument("task", default="single_neuron")
@options.frameworks()
@options.dtype
@options.as_json
def command(task: str, frameworks: tuple[str, ...], dtype: str, *, as_json: bool) -> int:
    """Show the first training step of TASK in every framework, and the largest difference.

    \b
    Example:
      samenet trace single_neuron
    """
    steps = trace_first_step(task, frameworks, dtype)
    if as_json:
        options.print_json(steps)
    else:
        print_text("\n".join(table(steps)))
    return 0


def trace_first_step(task: str, frameworks: tuple[str, ...], dtype: str) -> list[dict[str, Any]]:
    """Return the numbers of the first step of each framework.

    Raises UsageError if a framework that was named cannot run, or if none can; of those that nobody
    named, the ones that are left out are said.
    """
    target = Target.model_validate({"dtype": dtype})
    request = planner.Request(tasks=(task,), frameworks=frameworks, target=target, track="same")
    plan = _only_trace(planner.make_plan(request))
    reasons = [f"{skipped.arm}: {skipped.reason}" for skipped in plan.skipped]
    named = frameworks and discovery.ALL_MODES not in frameworks
    if reasons and (named or not plan.arms):
        raise UsageError(f"Not every framework can be traced: {'; '.join(reasons)}.")
    for reason in reasons:
        print_text(f"  {reason}", err=True)
    with tempfile.TemporaryDirectory() as folder:
        store = session.start_run(plan, Path(folder) / "run", Progress(plan, quiet=True).watch)
        records = store.records()
    failures = [r for r in records if isinstance(r, FailureRecord)]
    if failures:
        raise WorkerError(f"{failures[0].arm or failures[0].task}: {failures[0].reason}")
    steps = [record.data() for record in records if isinstance(record, StepTraced)]
    if not steps:
        raise WorkerError("No framework took the step: there is nothing to show.")
    return steps


def _only_trace(plan: Plan) -> Plan:
    names = tuple(task.name for task in plan.tasks)
    jobs = [
        Job(id=f"trace/{a.name}", pass_name="trace", arm=a.name, tasks=names, predicted_seconds=10)
        for a in plan.arms
    ]
    return plan.model_copy(update={"jobs": (*plan.only("prepare").jobs, *jobs)})


def table(steps: Sequence[dict[str, Any]]) -> list[str]:
    """Return the lines: one block per quantity, one column per framework."""
    lines = [f"{'':<18}" + "".join(f"{step['arm']:>18}" for step in steps) + f"{'difference':>14}"]
    for name in QUANTITIES:
        columns = [np.ravel(np.asarray(step[name], dtype=float)) for step in steps]
        lines += _block(name, columns)
    return lines


def _block(name: str, columns: Sequence[Any]) -> list[str]:
    count = min(len(columns[0]), SHOWN_NUMBERS)
    differences = [np.abs(column - columns[0]) for column in columns[1:]]
    # one framework differs from nobody; and what is not a number is shown as that
    difference = f"{np.max(differences):.1e}" if differences else "–"
    lines = []
    for index in range(count):
        label = name if index == 0 else ""
        numbers = "".join(f"{column[index]:>18.9g}" for column in columns)
        lines.append(f"{label:<18}{numbers}" + (f"{difference:>14}" if index == 0 else ""))
    if len(columns[0]) > count:
        lines.append(f"{'':<18}{f'… {len(columns[0])} in all':>18}")
    return lines

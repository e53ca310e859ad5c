"""`samenet certify`: prove that the frameworks compute the same network, without timing them."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from samenet import planning, session
from samenet.commands.run import counted
from samenet.plan import Plan
from samenet.records import CertificateRecord, FailureRecord, Record
from samenet.task import shipped_tasks
from samenet.watching import Progress

NOT_SHOWN = 3


@click.command("certify")
@click.argument("tasks", nargs=-1)
@click.option(
    "--framework",
    "frameworks",
    multiple=True,
    metavar="NAME[:MODE]|FILE.py",
    help="A framework, one of its modes, or your own adapter file. Repeatable.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(tasks: tuple[str, ...], frameworks: tuple[str, ...], *, as_json: bool) -> int:
    """Check every framework on TASKS (default: all shipped ones) against the float64 oracle.

    \b
    Examples:
      samenet certify
      samenet certify digits --framework mine.py
    """
    request = planning.Request(
        tasks=tasks or tuple(shipped_tasks()), frameworks=frameworks, track="same"
    )
    plan = only_checks(planning.make_plan(request))
    with tempfile.TemporaryDirectory() as folder:
        store = session.start(plan, Path(folder) / "run", Progress(plan, quiet=as_json).watch)
        records = store.records()
    rows = worst(records)
    failures = [r for r in records if isinstance(r, FailureRecord)]
    click.echo(_json(rows, failures, plan) if as_json else _text(rows, failures, plan))
    lacking = [s for s in plan.skipped if frameworks or s.mark == "failed"]
    return NOT_SHOWN if failures or lacking or not all(row.passed for row in rows) else 0


def only_checks(plan: Plan) -> Plan:
    """Return the plan without anything that is timed or trained."""
    jobs = tuple(job for job in plan.jobs if job.pass_name in ("prepare", "certify"))
    return plan.model_copy(update={"jobs": jobs})


@dataclass(frozen=True, slots=True, kw_only=True)
class Worst:
    """The largest error of one framework in one gate over all tasks."""

    arm: str
    gate: str
    quantity: str
    dtype: str
    error: float
    limit: float
    task: str
    passed: bool


def worst(records: Sequence[Record]) -> list[Worst]:
    """Return one row per framework, gate, quantity and precision: the one nearest its limit."""
    groups: dict[tuple[str, str, str, str], list[CertificateRecord]] = {}
    for record in records:
        if isinstance(record, CertificateRecord):
            key = (record.arm, record.gate, record.quantity, record.dtype)
            groups.setdefault(key, []).append(record)
    return [_worst_of(group) for group in groups.values()]


def _worst_of(group: list[CertificateRecord]) -> Worst:
    record = max(group, key=lambda r: (not r.passed, r.error / r.limit if r.limit else r.error))
    return Worst(
        arm=record.arm,
        gate=record.gate,
        quantity=record.quantity,
        dtype=record.dtype,
        error=record.error,
        limit=record.limit,
        task=record.task,
        passed=record.passed,
    )


def _text(rows: Sequence[Worst], failures: Sequence[FailureRecord], plan: Plan) -> str:
    head = (
        f"{'framework':<18} {'gate':<16} {'quantity':<20} {'precision':<9} {'worst error':>11}"
        f"  {'limit':>8}  on task"
    )
    lines = [head] + [
        f"{r.arm:<18} {r.gate:<16} {r.quantity:<20} {r.dtype:<9} {r.error:>11.2e}  {r.limit:>8.1e}"
        f"  {r.task}{'' if r.passed else '   FAILED'}"
        for r in rows
    ]
    lines += [f"{f.arm} · {f.task}: {f.mark}: {f.reason}" for f in failures]
    lines += sorted({f"{s.arm}: {s.reason}" for s in plan.skipped})
    arms, tasks = len(plan.arms), len(plan.tasks)
    shown = bool(rows) and all(r.passed for r in rows) and not failures
    verdict = "checked: same network" if shown else "not shown to be the same network"
    return "\n".join(
        [*lines, "", f"{counted(arms, 'framework')} on {counted(tasks, 'task')}: {verdict}"]
    )


def _json(rows: Sequence[Worst], failures: Sequence[FailureRecord], plan: Plan) -> str:
    from dataclasses import asdict

    document: dict[str, Any] = {
        "schema": "samenet-certificate/1",
        "rows": [asdict(row) for row in rows],
        "failures": [{"arm": f.arm, "task": f.task, "reason": f.reason} for f in failures],
        "skipped": sorted({f"{s.arm}: {s.reason}" for s in plan.skipped}),
    }
    return json.dumps(document, ensure_ascii=False)

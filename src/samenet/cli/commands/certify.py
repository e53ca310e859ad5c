"""`samenet certify`: prove that the frameworks compute the same network, without timing them."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import click

from samenet._console import print_text
from samenet._text import count_noun
from samenet.adapter import discovery
from samenet.adapter.api import Target
from samenet.certificate import cases as certificate_cases
from samenet.cli.commands import options
from samenet.errors import UsageError
from samenet.execution import planner, session
from samenet.execution.progress import Progress
from samenet.machine.devices import parse_device
from samenet.runs.passes import ADMISSION_PASSES
from samenet.runs.plan import Plan
from samenet.runs.records import DEVIATION, CertificateRecord, FailureRecord, Record
from samenet.spec.parsing import parse
from samenet.spec.task import shipped_tasks

NOT_SHOWN = 3
QUICK_TASKS = ("single_neuron", "iris")


@click.command("certify")
@click.argument("tasks", nargs=-1)
@options.frameworks()
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Every mode (unless --framework chooses), function and optimiser.",
)
@click.option("--quick", is_flag=True, help="Two small tasks and the cases they rest on.")
@options.device
@options.worker_limit
@options.as_json
def command(
    tasks: tuple[str, ...],
    frameworks: tuple[str, ...],
    *,
    device: str,
    worker_seconds: float | None,
    everything: bool,
    quick: bool,
    as_json: bool,
) -> int:
    """Check every framework on TASKS (default: all shipped ones) against the float64 oracle.

    \b
    Examples:
      samenet certify
      samenet certify --all
      samenet certify digits --framework mine.py
    """
    if everything and quick:
        raise UsageError("--all and --quick exclude each other.")
    if tasks and quick:
        raise UsageError("--quick chooses the tasks: leave it out, or name none.")
    request = planner.Request(
        tasks=tasks or (QUICK_TASKS if quick else tuple(shipped_tasks())),
        frameworks=frameworks or ((discovery.ALL_MODES,) if everything else ()),
        cases=tuple(certificate_cases.names()) if everything else (),
        track="same",
        worker_seconds=worker_seconds,
        target=parse(Target, parse_device(device), where="certify"),
    )
    plan = keep_checks(planner.make_plan(request))
    with tempfile.TemporaryDirectory() as folder:
        store = session.start_run(plan, Path(folder) / "run", Progress(plan, quiet=as_json).watch)
        records = store.records()
    result = outcome_of(records)
    if as_json:
        options.print_json(_document(result, plan))
    else:
        print_text(_text(result, plan))
    lacking = [s for s in plan.skipped if frameworks or s.mark == "failed"]
    return 0 if is_proved(result, plan) and not lacking else NOT_SHOWN


def keep_checks(plan: Plan) -> Plan:
    """Return the plan without anything that is timed or trained."""
    return plan.only(*ADMISSION_PASSES)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorstError:
    """What one framework reached in one gate over all tasks and cases."""

    arm: str
    gate: str
    quantity: str
    dtype: str
    checks: int
    """How many checks stand behind this row."""
    error: float
    """The largest error of them all."""
    share: float
    """The largest share of a limit that an error reached; above 1 the check has failed."""
    on: str
    """The task or case where that was."""
    passed: bool
    detail: str


class CertifyOutcome(NamedTuple):
    """What was asked of the frameworks, by how it ended."""

    rows: list[WorstError]
    failures: list[FailureRecord]
    unsupported: list[FailureRecord]
    """What a framework does not offer: said, but no failure."""
    deviations: tuple[CertificateRecord, ...] = ()
    """How far declared deviations lead: said, and judged by nothing."""


def outcome_of(records: Sequence[Record]) -> CertifyOutcome:
    """Return the rows of the table, and the records that gave none."""
    gave_none = [record for record in records if isinstance(record, FailureRecord)]
    unsupported = [entry for entry in gave_none if entry.mark == "unsupported"]
    failures = [entry for entry in gave_none if entry.mark != "unsupported"]
    checks = [record for record in records if isinstance(record, CertificateRecord)]
    sizes = tuple(check for check in checks if check.gate == DEVIATION)
    judged = [check for check in checks if check.gate != DEVIATION]
    return CertifyOutcome(worst_errors(judged), failures, unsupported, sizes)


def is_proved(result: CertifyOutcome, plan: Plan) -> bool:
    """Return whether all that is offered was proved, and some framework offers some task."""
    passed = bool(result.rows) and all(row.passed for row in result.rows)
    resting, tasks = plan.resting, {task.name for task in plan.tasks}
    lacking: dict[str, set[str]] = {arm.name: set() for arm in plan.arms}
    for entry in result.unsupported:
        lacking[entry.arm] |= {entry.task, *resting.get(entry.task, ())}
    return passed and not result.failures and any(tasks - names for names in lacking.values())


def worst_errors(records: Sequence[Record]) -> list[WorstError]:
    """Return one row per framework, gate, quantity and precision, in the order of the gates."""
    groups: dict[tuple[str, str, str, str], list[CertificateRecord]] = {}
    for record in records:
        if isinstance(record, CertificateRecord):
            key = (record.arm, record.gate, _quantity(record), record.dtype)
            groups.setdefault(key, []).append(record)
    return [_worst_of(key, groups[key]) for key in sorted(groups, key=_gate_order)]


GATES = ("gate 0", "initial weights", "gate 1", "gate 2", "gate 3", "repeatable")


def _gate_order(key: tuple[str, str, str, str]) -> tuple[str, int, str, str]:
    arm, gate, quantity, dtype = key
    return arm, GATES.index(gate), dtype, quantity


def _quantity(record: CertificateRecord) -> str:
    """Return the quantity; gate 0 has one per function, which would be a table of its own."""
    if record.gate != "gate 0":
        return record.quantity
    return "derivatives" if record.quantity.startswith("derivative") else "values"


def _worst_of(key: tuple[str, str, str, str], group: list[CertificateRecord]) -> WorstError:
    nearest = max(group, key=lambda record: (record.share, record.task))
    arm, gate, quantity, dtype = key
    return WorstError(
        arm=arm,
        gate=gate,
        quantity=quantity,
        dtype=dtype,
        checks=len(group),
        error=max(record.error for record in group),
        share=min(nearest.share, 1e308),
        on=nearest.task,
        passed=all(record.passed for record in group),
        detail=nearest.detail,
    )


def errors_of_all(rows: Sequence[WorstError]) -> list[WorstError]:
    """Return the worst of all frameworks, one row per gate, quantity and precision."""
    groups: dict[tuple[str, str, str, str], list[WorstError]] = {}
    for row in rows:
        quantity = "loss" if row.quantity.startswith("loss") else row.quantity
        groups.setdefault(("all frameworks", row.gate, quantity, row.dtype), []).append(row)
    return [_overall_of(key, groups[key]) for key in sorted(groups, key=_gate_order)]


def _overall_of(key: tuple[str, str, str, str], group: list[WorstError]) -> WorstError:
    nearest = max(group, key=lambda row: (row.share, row.arm))
    return replace(
        nearest,
        arm=key[0],
        quantity=key[2],
        checks=sum(row.checks for row in group),
        error=max(row.error for row in group),
        passed=all(row.passed for row in group),
        on=f"{nearest.arm}: {nearest.on}",
        detail=f"{sum('not the same' not in row.detail for row in group)} of {len(group)} the same "
        "bit for bit",
    )


def _text(result: CertifyOutcome, plan: Plan) -> str:
    head = (
        f"{'framework':<18} {'gate':<16} {'quantity':<19} {'precision':<9} {'checks':>6}"
        f" {'worst error':>11} {'of limit':>8}  nearest its limit on"
    )
    lines = [head, *(_line(row) for row in result.rows)]
    if len(plan.arms) > 1:
        lines += ["", *(_line(row) for row in errors_of_all(result.rows))]
    lines += [f"{f.arm} · {f.task}: {f.mark}: {f.reason}" for f in result.failures]
    lines += _deviating(result)
    lines += not_offered_lines(result, plan)
    lines += sorted({f"{s.arm}: {s.reason}" for s in plan.skipped})
    lines += _gone(plan)
    return "\n".join([*lines, "", _verdict(result, plan)])


def _deviating(result: CertifyOutcome) -> list[str]:
    """Return one line per declared deviation that changes weights: by how much, where the most."""
    groups: dict[tuple[str, str], CertificateRecord] = {}
    for check in result.deviations:
        key = (check.arm, check.detail)
        groups[key] = max(groups.get(key, check), check, key=lambda check: check.error)
    return [
        f"{most.arm}: {most.detail}; the weights of {most.task} differ by {most.error:.0e}"
        for most in groups.values()
    ]


def not_offered_lines(result: CertifyOutcome, plan: Plan) -> list[str]:
    """Return one line per framework and reason: the tasks, and how many cases, it is about."""
    groups: dict[tuple[str, str], set[str]] = {}
    for entry in result.unsupported:
        groups.setdefault((entry.arm, entry.reason), set()).add(entry.task)
    return [f"{arm}: {reason} ({_about(names, plan)})" for (arm, reason), names in groups.items()]


def _about(names: set[str], plan: Plan) -> str:
    """Return the tasks that are meant, or rest on a case that is, and the number of cases."""
    meant = names.union(*(plan.resting.get(name, ()) for name in names))
    tasks = [task.name for task in plan.tasks if task.name in meant]
    cases = len(names - set(tasks))
    return ", ".join([*tasks, *([count_noun(cases, "case")] if cases else [])])


def _verdict(result: CertifyOutcome, plan: Plan) -> str:
    good = is_proved(result, plan)
    verdict = "checked: same network" if good else "not shown to be the same network"
    limited = ", in all that is offered" if good and result.unsupported else ""
    tried = {arm.name for arm in plan.arms} & {row.arm for row in result.rows}
    about = f"{count_noun(len(tried), 'framework')} on {count_noun(len(plan.tasks), 'task')}"
    return f"{about}, {sum(row.checks for row in result.rows)} checks: {verdict}{limited}"


def _line(row: WorstError) -> str:
    share = f"{row.share:>8.0%}" if row.share < 100 else f"{'> 100 ×':>8}"
    about = row.detail if row.gate == "repeatable" else row.on
    return (
        f"{row.arm:<18} {row.gate:<16} {row.quantity:<19} {row.dtype:<9} {row.checks:>6}"
        f" {row.error:>11.1e} {share}  {about}{'' if row.passed else '   FAILED'}"
    )


def _gone(plan: Plan) -> list[str]:
    """Return which known deviations a probe no longer finds: the footnote can go."""
    return [
        f"{arm.name}: no longer so in this version: {deviation.what} ({deviation.link})"
        for arm in plan.arms
        for deviation in arm.capabilities.deviations
        if not deviation.present
    ]


def _document(result: CertifyOutcome, plan: Plan) -> dict[str, Any]:
    return {
        "schema": "samenet-certificate/2",
        "versions": {arm.name: arm.versions for arm in plan.arms},
        "rows": [asdict(row) for row in result.rows],
        "all_frameworks": [asdict(row) for row in errors_of_all(result.rows)],
        "failures": [_said(entry) for entry in result.failures],
        "unsupported": [_said(entry) for entry in result.unsupported],
        "skipped": sorted({f"{s.arm}: {s.reason}" for s in plan.skipped}),
        "deviations": [
            {
                "arm": arm.name,
                **deviation.model_dump(),
                "weights": {
                    check.task: check.error
                    for check in result.deviations
                    if check.arm == arm.name and check.detail.startswith(f"{deviation.what}: ")
                },
            }
            for arm in plan.arms
            for deviation in arm.capabilities.deviations
        ],
    }


def _said(entry: FailureRecord) -> dict[str, str]:
    return {"arm": entry.arm, "task": entry.task, "reason": entry.reason}

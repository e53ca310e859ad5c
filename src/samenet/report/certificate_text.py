"""What was proved of each framework as a table in the terminal, and as one JSON document."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from samenet._text import count_noun
from samenet.analysis.certificate_table import (
    CertifyOutcome,
    WorstError,
    errors_of_all,
    is_proved,
)
from samenet.runs.plan import Plan
from samenet.runs.records import INFINITE_ERROR, CertificateRecord, FailureRecord


def to_text(result: CertifyOutcome, plan: Plan) -> str:
    """Return the table, what gave no row and why, and the verdict as the last line."""
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


def format_error(error: float) -> str:
    """Return an error in two digits; none that is infinite or undefined is printed as a number."""
    return f"{error:.1e}" if error < INFINITE_ERROR else "no number"


def _line(row: WorstError) -> str:
    share = f"{row.share:>8.0%}" if row.share < 100 else f"{'> 100 ×':>8}"
    about = row.detail if row.gate == "repeatable" else row.on
    return (
        f"{row.arm:<18} {row.gate:<16} {row.quantity:<19} {row.dtype:<9} {row.checks:>6}"
        f" {format_error(row.error):>11} {share}  {about}{'' if row.passed else '   FAILED'}"
    )


def _gone(plan: Plan) -> list[str]:
    """Return which known deviations a probe no longer finds: the footnote can go."""
    return [
        f"{arm.name}: no longer so in this version: {deviation.what} ({deviation.link})"
        for arm in plan.arms
        for deviation in arm.capabilities.deviations
        if not deviation.present
    ]


def to_document(result: CertifyOutcome, plan: Plan) -> dict[str, Any]:
    """Return the same as plain data."""
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

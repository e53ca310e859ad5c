"""What was proved of each framework, before anything is timed: the worst error of every gate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from samenet.runs.plan import Plan
from samenet.runs.records import DEVIATION, CertificateRecord, FailureRecord, Record


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

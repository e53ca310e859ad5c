"""What the gates found, in the words of the contract: the figures, and the usual mistakes."""

from __future__ import annotations

from collections.abc import Sequence

from samenet.adapter.api import Capabilities
from samenet.adapter.checklist import ChecklistItem, ChecklistResult
from samenet.certificate import expected, layer_cases
from samenet.certificate.gate_info import GATES, usual_mistakes
from samenet.runs.records import CertificateRecord, FailureRecord, Record

GATES_RAN = ChecklistItem(
    part="gates",
    key="ran",
    asks="the gates can be tried to their end",
    expected="every check of the tasks ends with a figure",
    mend="run `samenet certify` with the same file and task: it prints each figure",
)


COVERED = ChecklistItem(
    part="gates",
    key="covered",
    asks="every part that it offers was tried",
    expected="figures for each function, optimiser and part of a training that it offers",
    mend="offer only what build() can make of it, or see above what stopped it",
)


def findings_of_gates(
    records: Sequence[Record], offered: Capabilities, wanted: Sequence[str] = ()
) -> list[ChecklistResult]:
    """Return one finding per gate, after the one that says whether they came to an end.

    `wanted` names the parity cases that had to be tried; each has to be there with figures, and so
    has each gate that an adapter of these capabilities goes through: what is missing has failed.
    """
    gave_none = [record for record in records if isinstance(record, FailureRecord)]
    checks = [record for record in records if isinstance(record, CertificateRecord)]
    ended = _ended(gave_none, any_shown=bool(checks))
    findings = [ended, *([_covered(checks, wanted)] if wanted else [])]
    broken = any(finding.state == "failed" for finding in findings) or not all(
        check.passed for check in checks
    )
    needed = set() if broken else expected.gates(offered)
    return [*findings, *(_of_gate(gate, checks, needed) for gate in GATES)]


def _covered(checks: Sequence[CertificateRecord], wanted: Sequence[str]) -> ChecklistResult:
    there = {check.task for check in checks}
    missing = [name for name in wanted if name not in there]
    found = f"no figures for {'; '.join(missing[:3])}" if missing else ""
    more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
    return ChecklistResult(item=COVERED, state="failed" if missing else "ok", found=found + more)


def untried_gates(why: str) -> list[ChecklistResult]:
    """Return every gate as not tried, for one reason."""
    items = [GATES_RAN, COVERED, *(_item(gate, "an error within rounding") for gate in GATES)]
    return [ChecklistResult(item=item, state="not tried", found=why) for item in items]


def _ended(gave_none: Sequence[FailureRecord], *, any_shown: bool) -> ChecklistResult:
    broken = [each for each in gave_none if each.mark != "unsupported"]
    said = broken or ([] if any_shown else list(gave_none))
    found = f"{said[0].task}: {said[0].mark}: {said[0].reason}" if said else ""
    return ChecklistResult(item=GATES_RAN, state="failed" if found else "ok", found=found)


def _of_gate(gate: str, checks: Sequence[CertificateRecord], needed: set[str]) -> ChecklistResult:
    own = [check for check in checks if check.gate == gate]
    wrong = [check for check in own if not check.passed]
    if not own:
        item = _item(gate, "an error within rounding")
        if gate in needed:
            return ChecklistResult(item=item, state="failed", found="no check of it was made")
        why = "nothing came so far, or nothing that is offered rests on it"
        return ChecklistResult(item=item, state="not tried", found=why)
    worst = max(wrong or own, key=lambda check: check.share)
    kinds = layer_cases.kinds_of(worst.task) if wrong else set()
    item = _item(gate, f"an error of at most {worst.limit:.1e}", kinds)
    if not wrong:
        return ChecklistResult(item=item, state="ok", found="")
    detail = f" ({worst.detail})" if worst.detail else ""
    text = f"{worst.quantity}, {worst.dtype}, on {worst.task}: {worst.error:.1e}{detail}"
    return ChecklistResult(item=item, state="failed", found=text)


def _item(gate: str, expected: str, kinds: set[str] | None = None) -> ChecklistItem:
    about = GATES[gate]
    return ChecklistItem(
        part="gates",
        key=gate,
        asks=f"{gate}: {about.asks}",
        expected=expected,
        mend=f"the usual mistakes: {'; '.join(usual_mistakes(gate, kinds or set()))}",
    )

"""What the gates found, in the words of the contract: the figures, and the usual mistakes."""

from __future__ import annotations

from collections.abc import Sequence

from samenet.adapter.checklist import Finding, Item
from samenet.certificate.gate_info import GATES
from samenet.runs.records import CertificateRecord, FailureRecord, Record

RAN = Item(
    part="gates",
    key="ran",
    asks="the gates can be tried to their end",
    expected="every check of the tasks ends with a figure",
    mend="run `samenet certify` with the same file and task: it prints each figure",
)


def of_records(records: Sequence[Record]) -> list[Finding]:
    """Return one finding per gate, after one on whether they came to an end."""
    failures = [record for record in records if isinstance(record, FailureRecord)]
    checks = [record for record in records if isinstance(record, CertificateRecord)]
    # What is only unsupported ends nothing, unless there is not a single check beside it.
    fatal = [failure for failure in failures if failure.mark != "unsupported"]
    reported = fatal or ([] if checks else failures)
    text = f"{reported[0].task}: {reported[0].mark}: {reported[0].reason}" if reported else ""
    ended = Finding(item=RAN, state="failed" if text else "ok", found=text)
    return [ended, *(_of_gate(gate, checks) for gate in GATES)]


def untried(why: str) -> list[Finding]:
    """Return every gate as not tried, all for the same reason."""
    items = [RAN, *(_item(gate, "an error within rounding") for gate in GATES)]
    return [Finding(item=item, state="not tried", found=why) for item in items]


def _of_gate(gate: str, checks: Sequence[CertificateRecord]) -> Finding:
    of_gate = [check for check in checks if check.gate == gate]
    failed = [check for check in of_gate if not check.passed]
    if not of_gate:
        why = "nothing came so far, or nothing that is offered rests on it"
        return Finding(item=_item(gate, "an error within rounding"), state="not tried", found=why)
    worst = max(failed or of_gate, key=lambda check: check.share)
    item = _item(gate, f"an error of at most {worst.limit:.1e}")
    if not failed:
        return Finding(item=item, state="ok", found="")
    detail = f" ({worst.detail})" if worst.detail else ""
    text = f"{worst.quantity}, {worst.dtype}, on {worst.task}: {worst.error:.1e}{detail}"
    return Finding(item=item, state="failed", found=text)


def _item(gate: str, expected: str) -> Item:
    about = GATES[gate]
    return Item(
        part="gates",
        key=gate,
        asks=f"{gate}: {about.asks}",
        expected=expected,
        mend=f"the usual mistakes: {'; '.join(about.mistakes)}",
    )

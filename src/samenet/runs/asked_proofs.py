"""Which proofs a plan asks for before anything is timed: "checked" is that all of them are there.

Records can be lost, left out or taken away. A result whose proofs are not there has failed a check,
as one whose proofs failed: that no failure was recorded shows nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from samenet.adapter import expected_checks
from samenet.adapter.expected_checks import Named
from samenet.runs.plan import Job, Plan
from samenet.runs.records import (
    DEVIATION,
    INFINITE_ERROR,
    CertificateRecord,
    FailureRecord,
    Record,
    TimingRecord,
)

PROVED = {("same", "call"), ("layers", "step")}
"""The track and phase of the times that rest on a certificate."""


def missing(plan: Plan, records: Sequence[Record]) -> list[CertificateRecord]:
    """Return a failed check for each one that was asked for and is not there.

    Of a parity case there is one for each task that rests on it. Only results that have times are
    looked at: any other says itself why it has none.
    """
    timed = {
        (record.task, record.arm)
        for record in records
        if isinstance(record, TimingRecord) and (record.track, record.phase) in PROVED
    }
    made: dict[tuple[str, str], list[CertificateRecord]] = {}
    explained = set()  # what is not offered, or failed, says so itself
    for record in records:
        if isinstance(record, CertificateRecord) and record.repeat is None:
            if record.gate == DEVIATION:
                continue  # it states a size and proves nothing
            made.setdefault((record.task, record.arm), []).append(record)
        elif isinstance(record, FailureRecord) and record.repeat is None:
            explained.add((record.task, record.arm))
    resting = plan.resting
    absent: list[CertificateRecord] = []
    for job in plan.jobs:
        for name in job.tasks if job.kind.certifies else ():
            tasks = resting.get(name, ()) if job.kind.on_cases else (name,)
            of_timed = [task for task in tasks if (task, job.arm) in timed]
            checks = made.get((name, job.arm), [])
            if (name, job.arm) in explained or any(not check.passed for check in checks):
                continue
            for asked in asked_checks(plan, job, name) if of_timed else ():
                if not is_made(asked, checks):
                    absent += [_absent(plan, task, job.arm, name, asked) for task in of_timed]
    return absent


def asked_checks(plan: Plan, job: Job, name: str) -> list[Named]:
    """Return the checks that a job has to give of a task or of a parity case."""
    offered = plan.arm(job.arm).capabilities
    if job.kind.on_cases:
        return expected_checks.of_case(offered, name)
    return expected_checks.of_task(offered, keeps="batch_norm" in plan.task(name).model.kinds)


def is_made(asked: Named, checks: Sequence[CertificateRecord]) -> bool:
    """Return whether a check that is asked for is among those that were made."""
    return any(expected_checks.is_one(asked, c.gate, c.quantity, c.dtype) for c in checks)


def _absent(plan: Plan, task: str, arm: str, proof: str, asked: Named) -> CertificateRecord:
    gate, quantity, dtype = asked
    return CertificateRecord(
        job="",
        task=task,
        arm=arm,
        repeat=None,
        gate=gate,
        quantity=" ".join(word for word in (quantity, "" if proof == task else proof) if word),
        dtype=dtype or plan.target.dtype,
        error=INFINITE_ERROR,
        limit=0.0,
        passed=False,
        detail="this check is missing",
    )

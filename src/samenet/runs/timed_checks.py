"""Which checks a plan asks of its timed processes, by name: "checked" is that all are there.

A plan of before the timed program was looked at to its end asks for none by name.
"""

from __future__ import annotations

from collections.abc import Sequence

from samenet.runs.passes import RESULT_PASS
from samenet.runs.plan import Job, Plan
from samenet.runs.records import (
    DEVIATION,
    INFINITE_ERROR,
    PREDICTION_GATE,
    CertificateRecord,
    Record,
    TimingRecord,
)

GATE = "gate 4"
OF_EVERY_PROCESS = (
    *("first loss", "first update", "first call", "epoch loss"),
    *("last loss", "last call"),
)
ON_PROCESSORS = ("machine's limit",)
"""What a GPU can do at most is not NumPy's to measure."""

OF_ONE_PROCESS = ("replayed", "losses between", "farthest call", "usual call", "outputs")
"""These take about as long as the timing itself: a result's first process is asked for them."""


def whole_length(job: Job) -> bool:
    """Return whether all that a process was timed on is done again in it."""
    return job.pass_name == RESULT_PASS and job.repeat == 0


def missing(plan: Plan, records: Sequence[Record]) -> list[CertificateRecord]:
    """Return a failed check for each one that was asked for and is not there.

    Only results that have times, and no failed check, are looked at: else that says why.
    """
    if plan.timed_program == "ten epochs":
        return []
    jobs = {job.id for job in plan.jobs if job.pass_name == RESULT_PASS}
    results: dict[tuple[str, str], dict[int, set[str]]] = {}  # quantities by result and repeat
    for record in records:
        if isinstance(record, TimingRecord) and record.job in jobs and record.phase == "call":
            results.setdefault((record.task, record.arm), {}).setdefault(record.repeat, set())
    for record in records:
        if isinstance(record, CertificateRecord) and record.job in jobs and record.gate == GATE:
            there = results.get((record.task, record.arm), {}).get(record.repeat or 0)
            if there is not None:
                there.add(record.quantity)
    everywhere = (*OF_EVERY_PROCESS, *(ON_PROCESSORS if plan.target.device == "cpu" else ()))
    refused = {
        (record.task, record.arm)
        for record in records
        if isinstance(record, CertificateRecord)
        and not record.passed
        and record.gate not in {PREDICTION_GATE, DEVIATION}  # which refuse no time of a training
    }
    found = []
    for (task, arm), processes in results.items():
        if (task, arm) in refused:
            continue
        for repeat, there in processes.items():
            found += [_absent(plan, task, arm, repeat, q) for q in everywhere if q not in there]
        shown = set().union(*processes.values())
        first = min(processes)
        found += [_absent(plan, task, arm, first, q) for q in OF_ONE_PROCESS if q not in shown]
    return found


def _absent(plan: Plan, task: str, arm: str, repeat: int, quantity: str) -> CertificateRecord:
    return CertificateRecord(
        job="",
        task=task,
        arm=arm,
        repeat=repeat,
        gate=GATE,
        quantity=quantity,
        dtype=plan.target.dtype,
        error=INFINITE_ERROR,
        limit=0.0,
        passed=False,
        detail="this check is missing",
    )

"""What several passes need: a certificate's problem, records of checks, one training by epochs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import ModuleType

from samenet.adapter import source_files
from samenet.adapter.support import why_unsupported
from samenet.certificate.problem import Check, Problem, task_problem
from samenet.machine import clock
from samenet.runs.records import INFINITE_ERROR, CertificateRecord, FailureRecord
from samenet.runs.work_order import WorkOrder
from samenet.spec.task import Task

DIVERGES = "this training diverges: its numbers are no longer finite, and nothing can be compared"
"""Said of a check whose limit, which is computed from the training itself, is no number."""


def adapter_timed(order: WorkOrder) -> tuple[ModuleType, float]:
    """Run the adapter's file; return it and the seconds, which are part of starting up.

    The seam that it imports is there already (see samenet.worker.__main__), and so is what finds
    shipped files: only the file's own share is counted.
    """
    source_files.shipped_folder()
    made: list[ModuleType] = []
    seconds = clock.time_call(lambda: made.append(order.adapter()))
    return made[0], seconds


def problem_of(order: WorkOrder, task: Task, repeat: int = 0) -> Problem:
    """Return the task as the gates see it."""
    return task_problem(task, order.dataset(task), repeat)


def certificate_records(
    order: WorkOrder, task: str, checks: Sequence[Check], repeat: int | None
) -> list[CertificateRecord]:
    """Return one record per check of a task or a parity case."""
    return [
        CertificateRecord(
            job=order.job.id,
            task=task,
            arm=order.job.arm,
            repeat=repeat,
            gate=check.gate,
            quantity=check.quantity,
            dtype=check.dtype,
            error=check.error if abs(check.error) <= INFINITE_ERROR else INFINITE_ERROR,
            limit=check.limit if math.isfinite(check.limit) else 0.0,
            passed=check.passed,
            detail=check.detail if math.isfinite(check.limit) else DIVERGES,
        )
        for check in checks
    ]


def record_if_unsupported(order: WorkOrder, task: Task, problem: Problem) -> FailureRecord | None:
    """Return why the adapter cannot run this network here, or None."""
    reason = why_unsupported(order.arm.capabilities, problem.network, task.training, order.target)
    return unsupported_record(order, task.name, reason) if reason else None


def unsupported_record(order: WorkOrder, task: str, reason: str) -> FailureRecord:
    """Return the record of what an adapter does not offer."""
    return FailureRecord(
        job=order.job.id,
        track="same",
        task=task,
        arm=order.job.arm,
        repeat=None,
        mark="unsupported",
        reason=reason,
    )

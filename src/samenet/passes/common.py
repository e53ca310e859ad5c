"""What several passes need: a certificate's problem, records of checks, one training by epochs."""

from __future__ import annotations

from collections.abc import Sequence

from samenet.adapter import missing
from samenet.certificate import Check, Problem
from samenet.records import HUGE, CertificateRecord, FailureRecord
from samenet.task import Task
from samenet.workorder import WorkOrder, network_of


def problem_of(order: WorkOrder, task: Task, repeat: int = 0) -> Problem:
    """Return the task as the gates see it."""
    dataset = order.dataset(task)
    return Problem(
        name=task.name,
        network=network_of(task, dataset),
        training=task.training,
        source=dataset.source(),
        repeat=repeat,
    )


def certificate_records(
    order: WorkOrder, task: Task, checks: Sequence[Check], repeat: int | None
) -> list[CertificateRecord]:
    """Return one record per check."""
    return [
        CertificateRecord(
            job=order.job.id,
            task=task.name,
            arm=order.job.arm,
            repeat=repeat,
            gate=check.gate,
            quantity=check.quantity,
            dtype=check.dtype,
            error=check.error if abs(check.error) <= HUGE else HUGE,
            limit=check.limit,
            passed=check.passed,
            detail=check.detail,
        )
        for check in checks
    ]


def unsupported(order: WorkOrder, task: Task, problem: Problem) -> FailureRecord | None:
    """Return why the adapter cannot run this network here, or None."""
    reason = missing(order.arm.capabilities, problem.network, task.training, order.target)
    if reason is None:
        return None
    return FailureRecord(
        job=order.job.id,
        track="same",
        task=task.name,
        arm=order.job.arm,
        repeat=None,
        mark="unsupported",
        reason=reason,
    )

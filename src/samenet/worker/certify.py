"""Gates 1 and 2 of one arm on its tasks, before anything is timed."""

from __future__ import annotations

from samenet.adapter import expected_checks
from samenet.certificate import expected, gate_training
from samenet.certificate.problem import builder
from samenet.runs.work_order import WorkOrder
from samenet.worker.common import certificate_records, problem_of, record_if_unsupported


def run(order: WorkOrder) -> None:
    """Check every task of the job."""
    adapter = order.adapter()
    adapter.wake(order.target)
    build = builder(adapter, order.arm.mode, order.target)
    for task in order.tasks:
        problem = problem_of(order, task)
        reason = record_if_unsupported(order, task, problem)
        if reason:
            order.emit([reason])
            continue
        offered = order.arm.capabilities
        checks = expected.completed(
            gate_training.check_task(problem, build, offered),
            expected_checks.of_task(offered, keeps=problem.network.has_state),
        )
        order.emit(certificate_records(order, task.name, checks, None))

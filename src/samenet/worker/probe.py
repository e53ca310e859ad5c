"""What is in force in one framework: threads, device, precision, read back in a worker."""

from __future__ import annotations

from samenet.certificate import readback
from samenet.certificate.problem import builder, train_call
from samenet.runs.work_order import WorkOrder
from samenet.worker.common import certificate_records
from samenet.worker.contract.subject import small_problem


def run(order: WorkOrder) -> None:
    """Wake, train one call of a small problem, read back."""
    arm, target = order.arm, order.target
    adapter = order.adapter()
    adapter.wake(target)
    build = builder(adapter, arm.mode, target)
    problem = small_problem(arm.capabilities)
    program = build(problem, problem.training, problem.weights, target.dtype)
    train_call(program, problem.calls[0])
    checks = [
        *readback.check_read_back(adapter.read_back(program, target), target, arm.compiler),
        readback.check_precision_kept(program, target),
        readback.check_product_precision(build, target),
    ]
    order.emit(certificate_records(order, order.job.tasks[0], checks, None))

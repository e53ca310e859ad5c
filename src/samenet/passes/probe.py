"""What is in force in one framework: threads, device, precision, read back in a worker."""

from __future__ import annotations

from samenet import readings
from samenet.certificate import builder, trained
from samenet.passes.common import certificate_records
from samenet.passes.contract_subject import small_problem
from samenet.workorder import WorkOrder


def run(order: WorkOrder) -> None:
    """Wake, train one call of a small problem, read back."""
    arm, target = order.arm, order.target
    adapter = order.adapter()
    adapter.wake(target)
    build = builder(adapter, arm.mode, target)
    problem = small_problem(arm.capabilities)
    program = build(problem, problem.training, problem.weights, target.dtype)
    trained(program, problem.calls[0])
    checks = [
        *readings.read_back(adapter.read_back(program, target), target, arm.compiler),
        readings.kept_precision(program, target),
        readings.product_precision(build, target),
    ]
    order.emit(certificate_records(order, order.job.tasks[0], checks, None))

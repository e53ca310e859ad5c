"""The parity cases of one arm: functions, gradients and optimisers, before anything is timed."""

from __future__ import annotations

from collections.abc import Sequence

from samenet import gate_0, gates, parity, repeating
from samenet.adapter import Capabilities
from samenet.certificate import Build, Check, builder
from samenet.missing import missing
from samenet.passes.common import certificate_records, unsupported_record
from samenet.spec import Activation
from samenet.workorder import WorkOrder


def run(order: WorkOrder) -> None:
    """Check every case of the job."""
    adapter = order.adapter()
    adapter.wake(order.target)
    build = builder(adapter, order.arm.mode, order.target)
    for name in order.job.tasks:
        case = parity.case(name)
        reason = _lacking(order, case)
        if reason:
            order.emit([unsupported_record(order, name, reason)])
            continue
        checks = checks_of(case, build, order.arm.capabilities)
        order.emit(certificate_records(order, name, checks, None))


def _lacking(order: WorkOrder, case: parity.Case) -> str | None:
    problem = case.shown
    return missing(order.arm.capabilities, problem.network, problem.training, order.target)


def checks_of(case: parity.Case, build: Build, capabilities: Capabilities) -> Sequence[Check]:
    """Return the checks of one case."""
    if isinstance(case.function, Activation):
        return gate_0.of_activation(case.function, build, capabilities)
    if case.function is not None:
        return gate_0.of_loss(case.function, build, capabilities)
    if case.gates == "1":
        return gates.of_gradients(case.shown, build, capabilities)
    if case.gates == "repeat":
        return repeating.same_seed_twice(case.shown, build)
    wanted = [dtype for dtype in ("float64", "float32") if dtype in capabilities.dtypes]
    return gates.of_training(case.shown, build, capabilities, *wanted)

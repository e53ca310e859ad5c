"""The parity cases of one arm: functions, gradients and optimisers, before anything is timed."""

from __future__ import annotations

from collections.abc import Sequence

from samenet.adapter import expected_checks
from samenet.adapter.api import Capabilities
from samenet.adapter.arrays import Dtype
from samenet.adapter.support import why_unsupported
from samenet.certificate import (
    cases,
    determinism,
    expected,
    gate_functions,
    gate_gradients,
    gate_training,
)
from samenet.certificate.problem import Build, Check, builder
from samenet.runs.work_order import WorkOrder
from samenet.spec.layers import Activation
from samenet.worker.common import certificate_records, unsupported_record


def run(order: WorkOrder) -> None:
    """Check every case of the job."""
    adapter = order.adapter()
    adapter.wake(order.target)
    build = builder(adapter, order.arm.mode, order.target)
    for name in order.job.tasks:
        case = cases.find_case(name, order.arm.capabilities)
        reason = _lacking(order, case)
        if reason:
            order.emit([unsupported_record(order, name, reason)])
            continue
        checks = checks_of(case, build, order.arm.capabilities)
        order.emit(certificate_records(order, name, checks, None))


def _lacking(order: WorkOrder, case: cases.Case) -> str | None:
    problem = case.shown
    return why_unsupported(order.arm.capabilities, problem.network, problem.training, order.target)


def _network_checks(case: cases.Case, build: Build, offered: Capabilities) -> Sequence[Check]:
    """Return the checks of a network of layers: gates 1 and 2, and 3 where it has no kinks."""
    kinked, keeps = case.gates == "1 and 2", case.shown.network.has_state
    wanted: list[Dtype] = ["float64"] if kinked else ["float64", "float32"]
    found = gate_gradients.check_weights_and_gradients(case.shown, build, offered)
    found += gate_training.check_training(
        case.shown, build, offered, *(dtype for dtype in wanted if dtype in offered.dtypes)
    )
    return expected.completed(
        found, expected_checks.of_network(offered, kinked=kinked, keeps=keeps)
    )


def checks_of(case: cases.Case, build: Build, capabilities: Capabilities) -> Sequence[Check]:
    """Return the checks of one case."""
    if isinstance(case.function, Activation):
        return gate_functions.check_activation(case.function, build, capabilities)
    if case.function is not None:
        return gate_functions.check_loss(case.function, build, capabilities)
    if case.gates == "1":
        return gate_gradients.check_weights_and_gradients(case.shown, build, capabilities)
    if case.gates in ("1 and 2", "1 to 3"):
        return _network_checks(case, build, capabilities)
    if case.gates == "repeat":
        return determinism.check_repeatability(case.shown, build)
    wanted = [dtype for dtype in ("float64", "float32") if dtype in capabilities.dtypes]
    found = gate_training.check_training(case.shown, build, capabilities, *wanted)
    return expected.completed(found, expected_checks.of_training(capabilities))

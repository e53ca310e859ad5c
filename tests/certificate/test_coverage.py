"""What `samenet check` tries: all that is offered, once; and what must not be missing."""

from __future__ import annotations

from typing import Any

import pytest

from samenet.adapter import PARTS, Capabilities, Target, discovery, expected_checks
from samenet.adapter.support import why_unsupported
from samenet.certificate import cases, coverage, expected
from samenet.certificate.gate_info import GATES
from samenet.certificate.problem import Check
from samenet.execution import gate_findings
from samenet.runs.records import CertificateRecord
from samenet.spec import Activation, Loss


def offered(**limits: Any) -> Capabilities:
    """Return what NumPy offers, or less."""
    found = discovery.load(discovery.shipped_adapters()["numpy"].path).capabilities()
    return found.model_copy(update=limits)


LESS: dict[str, dict[str, Any]] = {
    "everything": {},
    "no parts": {"parts": (), "dropout": False},
    "one of each": {
        "activations": ("relu",),
        "losses": ("mean_squared_error",),
        "optimizers": ("adam",),
    },
    "binary alone": {"losses": ("binary_cross_entropy",), "activations": ("sigmoid",)},
    "AdamW alone": {"optimizers": ("adamw",)},
    "no softmax": {"losses": ("huber", "mean_squared_error")},
}


@pytest.mark.parametrize("what", LESS)
def test_every_part_that_is_offered_is_tried(what: str) -> None:
    """Each function, optimiser and part has a case that the adapter can run, and none more."""
    able = offered(**LESS[what])
    shown = [cases.find_case(name, able) for name in coverage.covering(able)]
    assert all(
        why_unsupported(able, case.shown.network, case.shown.training, Target()) is None
        for case in shown
    )
    functions = [case.function for case in shown]
    activations = {f.name for f in functions if isinstance(f, Activation)}
    losses = {f.name for f in functions if isinstance(f, Loss)}
    said = " ".join(coverage.not_offered(able))
    assert all(n in activations or f"activation {n}" in said for n in able.activations)
    assert all(name in losses or f"loss {name}" in said for name in able.losses)
    if what in {"everything", "no parts"}:
        assert (activations, losses) == (set(able.activations), set(able.losses))
    trained = [case.shown.training for case in shown if case.gates == "2 and 3"]
    rules = {training.optimizer.name for training in trained}
    assert rules == set(able.optimizers)
    tried = {
        "l2": any(t.optimizer.l2 for t in trained),
        "weight_decay": any(t.optimizer.weight_decay for t in trained),
        "clip_norm": any(t.optimizer.clip_norm for t in trained),
        "schedule": any(t.schedule.name != "constant" for t in trained),
        "label_smoothing": any(f.label_smoothing for f in functions if isinstance(f, Loss)),
    }
    optional = {"label_smoothing"} if not _smooths(able) else set()
    optional |= {"l2", "weight_decay"} if what == "AdamW alone" else set()
    for part in PARTS:
        assert tried[part] or part not in able.parts or part in optional, part
    assert any(case.shown.network.has_dropout for case in shown) is able.dropout


def _smooths(able: Capabilities) -> bool:
    return {"sgd", "adam"} & {*able.optimizers} != set() and any(
        "cross_entropy" in name for name in able.losses
    )


def test_what_is_not_offered_is_said() -> None:
    """Functions, optimisers, parts, dropout and precisions that are lacking are listed by name."""
    assert coverage.not_offered(offered()) == []
    less = offered(
        losses=("huber",), parts=("l2",), dropout=False, dtypes=("float32",), optimizers=("sgd",)
    )
    said = coverage.not_offered(less)
    assert {"loss mean_squared_error", "optimizer adam", "clip_norm", "dropout", "float64"} <= {
        *said
    }
    assert "loss huber" not in said


def record(gate: str, task: str = "iris") -> CertificateRecord:
    """Return one passed check."""
    return CertificateRecord(
        job="j",
        task=task,
        arm="a",
        repeat=None,
        gate=gate,
        quantity="q",
        dtype="float32",
        error=0.0,
        limit=1.0,
        passed=True,
    )


def test_a_gate_without_any_check_has_failed() -> None:
    """Absence is no proof: nothing failed, one gate was never tried, and that is a failure."""
    everything = [record(gate) for gate in GATES]
    assert {f.state for f in gate_findings.findings_of_gates(everything, offered())} == {"ok"}
    for gate in GATES:
        rest = [each for each in everything if each.gate != gate]
        failed = [
            f for f in gate_findings.findings_of_gates(rest, offered()) if f.state == "failed"
        ]
        assert [f.item.key for f in failed] == [gate]
        assert failed[0].found == "no check of it was made"


def test_an_adapter_without_float64_has_no_gate_2_to_miss() -> None:
    """What an adapter does not offer is not expected of it."""
    single = offered(dtypes=("float32",))
    found = [record(gate) for gate in GATES if gate != "gate 2"]
    states = {f.item.key: f.state for f in gate_findings.findings_of_gates(found, single)}
    assert states["gate 2"] == "not tried"
    assert "failed" not in states.values()


def test_a_case_without_figures_has_failed() -> None:
    """A case that had to be tried and left nothing is named."""
    everything = [record(gate) for gate in GATES]
    findings = gate_findings.findings_of_gates(everything, offered(), ["iris", "activation relu"])
    (found,) = (f for f in findings if f.state == "failed")
    assert (found.item.key, found.found) == ("covered", "no figures for activation relu")


def test_a_check_that_is_missing_stands_as_a_failed_one() -> None:
    """A certificate of a task without its trajectory in float64 does not pass."""
    given = [
        Check(gate=gate, quantity=quantity or "x", dtype=dtype, error=0.0, limit=1.0)
        for gate, quantity, dtype in expected_checks.of_task(offered())
    ]
    assert expected.completed(given, expected_checks.of_task(offered())) == given
    for left_out in given:
        rest = [check for check in given if check is not left_out]
        completed = expected.completed(rest, expected_checks.of_task(offered()))
        (failed,) = (check for check in completed if not check.passed)
        assert (failed.gate, failed.dtype) == (left_out.gate, left_out.dtype)

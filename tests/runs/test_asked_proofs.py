"""A result is checked if every proof that its plan asks for is there, not if none has failed."""

from __future__ import annotations

from pathlib import Path

import pytest

from samenet.analysis import frames
from samenet.runs.folder import open_run
from samenet.runs.plan import Plan
from samenet.runs.records import CertificateRecord, Record

ARM = "numpy:buffers"


@pytest.fixture(scope="module")
def finished(finished_run: Path) -> tuple[Plan, list[Record]]:
    """Return the plan and the records of a whole run of one framework on one task."""
    store = open_run(finished_run)
    return Plan.model_validate(store.read_json("plan.json")), store.records()


def compared(plan: Plan, records: list[Record]) -> list[str]:
    """Return the results of a run of these records that may be compared."""
    return frames.build(plan, {}, records).compared(plan.task("iris"))


def test_a_whole_run_lacks_no_proof(finished: tuple[Plan, list[Record]]) -> None:
    """With all its records the result is compared."""
    plan, records = finished
    assert compared(plan, records) == [ARM]


def test_without_any_of_its_proofs_a_result_is_not_compared(
    finished: tuple[Plan, list[Record]],
) -> None:
    """Leave out what one proof says, whichever: the result is refused, and the proof is named."""
    plan, records = finished
    proofs = {r.task for r in records if isinstance(r, CertificateRecord) and r.repeat is None}
    assert {"iris"} < proofs
    for proof in proofs:
        rest = [
            record
            for record in records
            if not isinstance(record, CertificateRecord)
            or record.repeat is not None
            or record.task != proof
        ]
        assert compared(plan, rest) == [], proof
        (reason, *_) = frames.build(plan, {}, rest).reasons(plan.task("iris"))[ARM]
        assert reason.startswith("refused: ")


def test_a_run_stripped_of_its_failures_is_not_compared(
    finished: tuple[Plan, list[Record]],
) -> None:
    """Who takes away the records that failed takes away proofs: what is left is not checked."""
    plan, records = finished
    failing = [r for r in records if isinstance(r, CertificateRecord) and r.task == "iris"]
    rest = [record for record in records if record not in failing]
    assert compared(plan, rest) == []


def test_without_a_single_check_a_result_is_not_compared(
    finished: tuple[Plan, list[Record]],
) -> None:
    """Of the proofs of the task itself, no check can be left out either, in any precision."""
    plan, records = finished
    own = [
        record
        for record in records
        if isinstance(record, CertificateRecord) and (record.task, record.repeat) == ("iris", None)
    ]
    gates = {record.gate for record in own}
    assert {"initial weights", "gate 1", "gate 2"} <= gates
    for left_out in own:
        if left_out.gate in ("initial weights", "gate 2"):
            rest = [record for record in records if record is not left_out]
            assert compared(plan, rest) == [], left_out.quantity

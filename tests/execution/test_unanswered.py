"""A worker that gives no answer, half of one or two has failed; nothing of it counts as proof."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from samenet.analysis import frames
from samenet.execution import planner, session
from samenet.runs.folder import open_run
from samenet.runs.records import CertificateRecord, FailureRecord, TimingRecord

FAKE = Path(__file__).parents[1] / "helpers" / "faulty_adapters" / "misbehaving.py"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals, forks and file limits")


def carried_out(folder: Path, fault: str, *passes: str) -> Path:
    """Carry out some passes of a run on iris with an adapter that misbehaves; return its folder."""
    adapter = folder / "misbehaving.py"
    text = FAKE.read_text(encoding="utf-8").replace('"FAULT": "none"', f'"FAULT": "{fault}"')
    adapter.write_text(text, encoding="utf-8")
    request = planner.Request(
        tasks=("iris",), frameworks=(str(adapter),), track="same", repeats=1, epochs=2
    )
    plan = planner.make_plan(request).only("prepare", *passes)
    session.start_run(plan, folder / "run", lambda *_: None)
    return folder / "run"


@pytest.mark.parametrize("fault", ["exit", "sys-exit", "cut"])
def test_a_timed_process_that_does_not_answer_has_failed(tmp_path: Path, fault: str) -> None:
    """Exit code 0 without a whole answer is a failure with a reason; none of its times count."""
    records = open_run(carried_out(tmp_path, fault, "cell")).records()
    (failure,) = [record for record in records if isinstance(record, FailureRecord)]
    assert (failure.task, failure.arm, failure.mark) == ("iris", "misbehaving:plain", "interrupted")
    assert failure.reason
    assert not [record for record in records if isinstance(record, TimingRecord)]


def test_a_process_that_forks_answers_once(tmp_path: Path) -> None:
    """Two processes return from the job; only that which was started is heard."""
    records = open_run(carried_out(tmp_path, "fork", "cell")).records()
    phases = [record.phase for record in records if isinstance(record, TimingRecord)]
    assert phases.count("build") == 1
    assert not [record for record in records if isinstance(record, FailureRecord)]


@pytest.mark.parametrize("fault", ["proof-exit", "proof-cut"])
def test_a_proof_that_was_not_answered_is_no_proof(tmp_path: Path, fault: str) -> None:
    """Nothing is timed, nothing is called checked, and nothing is remembered for a later run."""
    folder = carried_out(tmp_path, fault, "parity", "certify", "cell")
    records = open_run(folder).records()
    assert [record for record in records if isinstance(record, FailureRecord)]
    assert not [record for record in records if isinstance(record, TimingRecord)]
    assert not [record for record in records if isinstance(record, CertificateRecord)]
    run = frames.load(folder)
    assert run.compared(run.plan.task("iris")) == []
    (tmp_path / "again").mkdir()
    again = open_run(carried_out(tmp_path / "again", fault, "parity", "certify")).records()
    assert not [record for record in again if isinstance(record, CertificateRecord)]

"""What was proved, from the records of a certificate: what counts as a failure and what not."""

from __future__ import annotations

from typing import Any

import pytest
from report_fixture import made

from samenet.analysis.certificate_table import is_proved, outcome_of, worst_errors
from samenet.runs.records import CertificateRecord, FailureRecord

ARM, REASON = "numpy:plain", "activation tanh is not offered; it has relu"


def check(task: str, *, passed: bool = True, arm: str = ARM) -> CertificateRecord:
    """Return one check of a task or case."""
    return CertificateRecord(
        job="certify",
        task=task,
        arm=arm,
        repeat=None,
        gate="gate 1",
        quantity="gradient",
        dtype="float64",
        error=1e-16,
        limit=1e-15,
        passed=passed,
    )


def none(task: str, mark: str = "unsupported", arm: str = ARM, why: str = REASON) -> FailureRecord:
    """Return the record of a task or case that gave no result."""
    return FailureRecord(
        job="certify", track="same", task=task, arm=arm, repeat=None, mark=mark, reason=why
    )


def test_what_is_not_offered_is_no_failure() -> None:
    """The marks part what gave no result: unsupported is said, everything else has failed."""
    rows = [check("iris")]
    given = [*rows, none("wine"), none("digits", "failed"), none("a", "timed out")]
    found = outcome_of(given)
    assert found.rows == worst_errors(rows)
    assert [entry.task for entry in found.unsupported] == ["wine"]
    assert [entry.task for entry in found.failures] == ["digits", "a"]


def plan_of(*tasks: str):
    """Return a made-up plan of two frameworks."""
    return made(tasks=tasks, arms=(ARM, "keras:fit")).plan


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([check("iris"), none("wine")], True),
        ([check("iris"), none("wine", "failed")], False),
        ([check("iris", passed=False), none("wine")], False),
        ([none("wine")], False),
        ([], False),
    ],
    ids=["unsupported", "failed", "over its limit", "nothing checked", "nothing at all"],
)
def test_certify_shows_what_is_offered(records: list[Any], *, expected: bool) -> None:
    """A task that is not offered leaves the verdict to the others; without others there is none."""
    assert is_proved(outcome_of(records), plan_of("iris", "wine")) is expected


def test_frameworks_without_any_task_show_nothing() -> None:
    """Checks of cases alone are no answer for tasks, be a task refused itself or by a case."""
    plan, case = plan_of("wine"), "activation tanh"
    assert case in plan.resting
    one = [check("loss mean_squared_error"), none(case)]
    assert is_proved(outcome_of(one), plan)  # the other framework has it
    assert not is_proved(outcome_of([*one, none("wine", arm="keras:fit")]), plan)

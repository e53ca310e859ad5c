"""The table of `samenet certify`: each reason once, each deviation with its size."""

from __future__ import annotations

from report_fixture import made, recorded

from samenet.adapter import Deviation
from samenet.analysis.certificate_table import CertifyOutcome, outcome_of
from samenet.report import certificate_text
from samenet.report.certificate_text import not_offered_lines
from samenet.runs.records import DEVIATION, CertificateRecord, FailureRecord

ARM, REASON = "numpy:plain", "activation tanh is not offered; it has relu"


def none(task: str, arm: str = ARM, why: str = REASON) -> FailureRecord:
    """Return the record of a task or case that is not offered."""
    return FailureRecord(
        job="certify",
        track="same",
        task=task,
        arm=arm,
        repeat=None,
        mark="unsupported",
        reason=why,
    )


def test_a_reason_stands_once_with_the_tasks_it_is_about() -> None:
    """One line per framework and reason: tasks by name, in the plan's order, cases counted."""
    plan = made(tasks=("iris", "wine"), arms=(ARM, "keras:fit")).plan
    found = CertifyOutcome(
        [], [], [none("activation tanh"), none("gradient of tanh, huber"), none("b")]
    )
    other = none("iris", why="needs a GPU", arm="keras:fit")
    lines = not_offered_lines(found._replace(unsupported=[*found.unsupported, other]), plan)
    assert lines == [f"{ARM}: {REASON} (wine, 3 cases)", "keras:fit: needs a GPU (iris)"]


def test_a_deviation_is_said_with_its_size_and_counts_as_no_check() -> None:
    """Its line names the task on which it leads farthest; no row of the table has it."""
    sizes = [
        CertificateRecord(
            job="certify",
            task=task,
            arm="keras:fit",
            repeat=None,
            gate=DEVIATION,
            quantity="weights",
            dtype="float64",
            error=size,
            limit=1e300,
            passed=True,
            detail="rounds its constants: https://example.org",
        )
        for task, size in (("iris", 2e-7), ("wine", 3e-6))
    ]
    found = outcome_of(sizes)
    assert found.rows == []
    assert certificate_text._deviating(found) == [
        "keras:fit: rounds its constants: https://example.org; the weights of wine differ by 3e-06"
    ]


def test_a_deviation_that_is_gone_is_said() -> None:
    """When a probe no longer finds what a framework did otherwise, the table says so."""
    plan, _ = recorded(tasks=["digits"], refused=(), failed=())
    arm = plan.arms[0]
    deviation = Deviation(what="rounds its constants", link="https://example.org", present=False)
    offers = arm.capabilities.model_copy(update={"deviations": (deviation,)})
    changed = plan.model_copy(
        update={"arms": (arm.model_copy(update={"capabilities": offers}), *plan.arms[1:])}
    )
    assert certificate_text._gone(changed) == [
        f"{arm.name}: no longer so in this version: rounds its constants (https://example.org)"
    ]
    assert certificate_text._gone(plan) == []

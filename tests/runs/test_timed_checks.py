"""What a plan asks of its timed processes by name: what is not there is no proof."""

from __future__ import annotations

from dataclasses import replace

import pytest
from report_fixture import recorded

from samenet.analysis import certificates, frames
from samenet.runs import timed_checks
from samenet.runs.plan import Job, Plan
from samenet.runs.records import (
    DEVIATION,
    PREDICTION_GATE,
    CertificateRecord,
    Record,
    TimingRecord,
)

TASK, ARM = "digits", "numpy:plain"
ASKED = (
    *timed_checks.OF_EVERY_PROCESS,
    *timed_checks.ON_PROCESSORS,
    *timed_checks.OF_ONE_PROCESS,
)


def run() -> tuple[Plan, list[Record]]:
    """Return a made-up run in which every check of gate 4 is there."""
    plan, records = recorded(tasks=[TASK], refused=(), failed=())
    timings = [r for r in records if isinstance(r, TimingRecord) and r.track == "same"]
    jobs = {r.job: r for r in timings}
    plan = plan.model_copy(
        update={
            "timed_program": "to its end",
            "jobs": tuple(
                Job(
                    id=job,
                    pass_name="cell",
                    arm=r.arm,
                    tasks=(r.task,),
                    repeat=r.repeat,
                    predicted_seconds=1,
                )
                for job, r in jobs.items()
            ),
        }
    )
    kept = [r for r in records if getattr(r, "gate", "") != timed_checks.GATE]
    checks = [check(r, quantity) for r in jobs.values() for quantity in asked(r.repeat)]
    return plan, [*kept, *checks]


def asked(repeat: int) -> tuple[str, ...]:
    """Return the quantities of a process: the whole length only in the first one."""
    return ASKED if repeat == 0 else ASKED[: -len(timed_checks.OF_ONE_PROCESS)]


def check(of: TimingRecord, quantity: str) -> CertificateRecord:
    """Return a check that passed."""
    return CertificateRecord(
        job=of.job,
        task=of.task,
        arm=of.arm,
        repeat=of.repeat,
        gate=timed_checks.GATE,
        quantity=quantity,
        dtype="float32",
        error=0.0,
        limit=1.0,
        passed=True,
    )


def is_(record: Record, quantity: str, repeat: int) -> bool:
    """Return whether a record is this check of the arm."""
    return isinstance(record, CertificateRecord) and (
        record.arm,
        record.repeat,
        record.quantity,
    ) == (ARM, repeat, quantity)


def test_a_result_with_every_check_is_checked() -> None:
    """Nothing is missing, and the result counts as before."""
    plan, records = run()
    assert timed_checks.missing(plan, records) == []
    assert (TASK, ARM) in certificates.checked_results(frames.build(plan, {}, records))


@pytest.mark.parametrize("quantity", ASKED)
def test_a_check_that_is_not_there_is_no_check_passed(quantity: str) -> None:
    """Each check, taken out of the first process alone, makes the result "not compared"."""
    plan, records = run()
    kept = [r for r in records if not is_(r, quantity, 0)]
    assert len(kept) == len(records) - 1
    (found,) = timed_checks.missing(plan, kept)
    assert (found.arm, found.quantity, found.passed) == (ARM, quantity, False)
    assert (TASK, ARM) not in certificates.checked_results(frames.build(plan, {}, kept))


@pytest.mark.parametrize("gate", [PREDICTION_GATE, DEVIATION])
def test_what_refuses_no_training_excuses_no_missing_check(gate: str) -> None:
    """A failed check of predictions, or the size of a deviation, stands for none of gate 4."""
    plan, records = run()
    kept = [r for r in records if not is_(r, "usual call", 0)]
    (some, *_) = [r for r in records if is_(r, "usual call", 0)]
    kept.append(replace(some, gate=gate, quantity="outputs", passed=False))
    assert [r.quantity for r in timed_checks.missing(plan, kept)] == ["usual call"]


def test_a_later_process_is_asked_for_its_own_checks() -> None:
    """What every process must show is asked of the last repeat as of the first."""
    plan, records = run()
    last = max(r.repeat for r in records if isinstance(r, TimingRecord) and r.track == "same")
    kept = [r for r in records if not is_(r, "last loss", last)]
    assert [(r.repeat, r.quantity) for r in timed_checks.missing(plan, kept)] == [
        (last, "last loss")
    ]


def test_the_whole_length_may_be_shown_by_any_process() -> None:
    """Where the first process died, another one that did all again stands for the result."""
    plan, records = run()
    swapped = [
        replace(r, repeat=1, job=r.job.replace("r0", "r1")) if is_(r, "replayed", 0) else r
        for r in records
    ]
    assert timed_checks.missing(plan, swapped) == []


def test_a_plan_of_before_asks_for_nothing_by_name() -> None:
    """Its seal is the one it had, and its results stay what they were."""
    plan, records = recorded(tasks=[TASK], refused=(), failed=())
    assert plan.timed_program == "ten epochs"
    assert timed_checks.missing(plan, records) == []
    assert plan.seal == plan.model_copy(update={"worker_seconds": 60.0}).seal
    assert plan.seal != plan.model_copy(update={"timed_program": "to its end"}).seal

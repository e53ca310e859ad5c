"""The frames say what the records hold."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from report_fixture import made, recorded

from samenet.analysis import frames
from samenet.analysis.processes import START_UP
from samenet.analysis.quantities import Quantity
from samenet.report import result
from samenet.runs.records import CertificateRecord, TimingRecord


def test_step_time_is_the_median_call_divided_by_its_steps() -> None:
    """One number per process, from its raw steady samples."""
    plan, records = recorded(tasks=["digits"], refused=(), failed=())
    found = frames.build(plan, {}, records)
    calls = next(
        r
        for r in records
        if isinstance(r, TimingRecord) and (r.arm, r.repeat, r.phase) == ("keras:fit", 1, "call")
    )
    ordered = sorted(calls.seconds)
    middle = (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
    step = found.result(plan.tasks[0], "keras:fit").step[1]
    assert step == pytest.approx(middle / calls.steps)


@pytest.mark.parametrize("recorded_empty", [True, False])
def test_a_network_warmed_up_by_one_call_has_no_fixed_cost(*, recorded_empty: bool) -> None:
    """Where the oracle can follow only one call, no warm-up is timed: the other times stand."""
    plan, records = recorded(tasks=["digits"], refused=(), failed=())
    kept = []
    for record in records:
        if not (isinstance(record, TimingRecord) and record.phase == "warmup"):
            kept.append(record)
        elif recorded_empty:  # as a worker writes it
            kept.append(replace(record, seconds=()))
    found = frames.build(plan, {}, kept)
    warmed_up = found.result(plan.tasks[0], "keras:fit")
    assert warmed_up.step
    assert warmed_up.per_repeat(Quantity.CALL_FIXED) == {}
    assert result.to_document(found)["tasks"]


def test_start_up_is_the_sum_of_its_phases() -> None:
    """From an empty interpreter to the first call, nothing left out and nothing twice."""
    found = made(tasks=["digits"], refused=(), failed=())
    started = found.result(found.plan.tasks[0], "pytorch:eager")
    assert set(started.phases) <= set(START_UP)
    assert started.start_up[0] == pytest.approx(sum(phase[0] for phase in started.phases.values()))


def test_the_result_document_has_only_documented_keys() -> None:
    """docs/result-schema.md names every key of the JSON document."""
    document = result.to_document(made())
    text = (Path(__file__).parents[2] / "docs" / "result-schema.md").read_text("utf-8")
    task = document["tasks"][0]
    row = task["same_network"][0]
    keys = {*document, *task, *row, *row["checks"], *row["seconds"]}
    assert {key for key in keys if f"`{key}`" not in text} == set()


def test_refused_frameworks_stand_in_the_document_with_their_reason() -> None:
    """A framework that is not compared is named, with the check that failed."""
    task = result.to_document(made(refused=(("digits", "keras:fit"),)))["tasks"][1]
    assert [entry["arm"] for entry in task["not_compared"]] == ["keras:fit"]
    assert task["not_compared"][0]["reason"]


def test_the_closing_lines_name_every_framework_of_every_task() -> None:
    """The terminal's table leaves nobody out: a row, a failure or a refusal each."""
    found = made()
    lines = "\n".join(result.to_lines(found))
    for task in found.plan.tasks:
        assert task.title in lines
    for arm in found.plan.arms:
        assert lines.count(found.title(arm.name)) >= len(found.plan.tasks)


def test_what_a_task_rests_on_counts_as_its_own() -> None:
    """A check of a parity case stands beside every task that rests on it, and beside no other."""
    plan = recorded(tasks=["digits"], refused=(), failed=())[0]
    case = next(iter(plan.resting))
    record = CertificateRecord(
        job="parity", task=case, arm="a", repeat=None, gate="gate 0",
        quantity="q", dtype="float32", error=0.0, limit=1.0, passed=True,
    )  # fmt: skip
    found = {each.task for each in frames.attribute_to_tasks([record], plan)}
    assert found == set(plan.resting[case])


def test_a_failed_parity_case_refuses_the_task_that_rests_on_it() -> None:
    """A training case that fails stands in the checks of its task, named, as not passed."""
    plan = recorded(tasks=["digits"], refused=(), failed=())[0]
    case = next(n for n in plan.resting if n.startswith("training"))
    record = CertificateRecord(
        job="parity", task=case, arm="a", repeat=None, gate="gate 3",
        quantity="weights", dtype="float32", error=2.0, limit=1.0, passed=False,
    )  # fmt: skip
    (first, *_) = frames.attribute_to_tasks([record], plan)
    assert first.quantity == f"weights ({case})"
    assert not first.passed


def test_a_check_stands_for_the_tasks_that_the_plan_names() -> None:
    """Which task rests on a case is what the planner wrote down, not what is computed today."""
    plan = recorded(tasks=["digits"], refused=(), failed=())[0]
    plan = plan.model_copy(update={"cases": {"a case of another version": ("digits",)}})
    record = CertificateRecord(
        job="parity", task="a case of another version", arm="a", repeat=None, gate="gate 0",
        quantity="q", dtype="float32", error=0.0, limit=1.0, passed=True,
    )  # fmt: skip
    assert [each.task for each in frames.attribute_to_tasks([record], plan)] == ["digits"]

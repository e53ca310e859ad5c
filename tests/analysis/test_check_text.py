"""A failed check in words: what is missing, what is no number, which setting is in force."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from report_fixture import MACHINE, recorded

from samenet.adapter import Target
from samenet.analysis import check_text
from samenet.analysis.frames import Frames, build
from samenet.certificate import expected
from samenet.certificate.readback import check_processors_busy
from samenet.report import result
from samenet.reports.trust import certificate, environment
from samenet.runs import timed_checks
from samenet.runs.records import INFINITE_ERROR, CertificateRecord
from samenet.stats.formatting import error_text

ARM = "keras:fit"


def made(**changes: object) -> Frames:
    """Return a made-up run in which the first check of this quantity says something else."""
    plan, records = recorded(tasks=["digits"], refused=(), failed=())
    quantity = changes.pop("quantity")
    place = next(
        n
        for n, record in enumerate(records)
        if isinstance(record, CertificateRecord)
        and (record.arm, record.quantity) == (ARM, quantity)
    )
    records[place] = replace(records[place], passed=False, **changes)  # type: ignore[arg-type]
    return build(plan, MACHINE, records)


def texts(frames: Frames) -> list[str]:
    """Return both texts that say why the framework is not compared."""
    task = frames.plan.tasks[0]
    return [result.why_not_compared(frames.result(task, ARM)), *frames.reasons(task)[ARM]]


def test_a_check_that_was_never_made_is_said_to_be_missing() -> None:
    """A lost proof is no diverged training, and its place in the table holds no number."""
    frames = made(
        quantity="first loss", error=INFINITE_ERROR, limit=0.0, detail=check_text.MISSING[0]
    )
    why = "gate 4, first loss: this check is missing"
    assert texts(frames) == [why, f"refused: {why}"]
    found = certificate.section(frames)
    assert found is not None
    rows = [row for table in found.blocks for row in getattr(table, "rows", ())]
    (row,) = [row for row in rows if row[-1].text == check_text.MISSING[0]]
    assert [cell.text for cell in row[4:6]] == ["–", "–"]


def test_whoever_says_that_a_check_is_missing_is_understood() -> None:
    """The texts are those that stand in the records, of the timed checks and of the others."""
    (absent,) = expected.completed([], [("gate 1", "gradient", "float64")])
    assert absent.detail in check_text.MISSING
    plan, records = recorded(tasks=["digits"], refused=(), failed=())
    plan = plan.model_copy(update={"timed_program": "to its end"})
    details = {record.detail for record in timed_checks.missing(plan, records)}
    assert details == {check_text.MISSING[0]}


@pytest.mark.parametrize("error", [INFINITE_ERROR, float("inf"), float("nan")])
def test_an_error_that_is_no_number_is_said_and_never_printed(error: float) -> None:
    """A training that diverged gets the hint; 1e308 is nowhere to be read."""
    hint = "gate 4, first loss is not a number: a smaller learning rate may help"
    found = texts(made(quantity="first loss", error=error, detail=""))
    assert found == [hint, f"refused: {hint}"]
    other = texts(made(quantity="gradient", error=error, detail=""))
    assert other[0] == "gate 1, gradient is not a number"
    assert error_text(error) == "not a number"


def test_a_setting_that_is_not_in_force_is_said_with_the_one_that_is() -> None:
    """It has no size to stand beside a limit: '1 instead of at most 0' says nothing."""
    frames = made(quantity="threads", error=1.0, detail="4 (asked for 1)")
    why = "threads in force: 4 (asked for 1)"
    assert texts(frames) == [why, f"refused: {why}"]


def test_settings_in_force_are_values() -> None:
    """What is measured stands with what was measured, not with how it is defined."""
    plan, records = recorded(tasks=["digits"], refused=(), failed=())
    record = next(
        r for r in records if isinstance(r, CertificateRecord) and r.quantity == "threads"
    )
    for seconds in (0.98, 1.02):
        busy = check_processors_busy(seconds, 1.0, Target())
        records.append(
            replace(
                record,
                quantity=busy.quantity,
                error=busy.error,
                limit=busy.limit,
                detail=busy.detail,
            )
        )
    records.append(
        replace(
            record,
            quantity="matrix product",
            error=4e-7,
            limit=1e-5,
            detail="relative error of one product; half way, in digits, to the coarser format",
        )
    )
    found = environment.section(build(plan, MACHINE, records))
    assert found is not None
    (table,) = [b for b in found.blocks if getattr(b, "title", "").startswith("Settings in force")]
    shown = {row[1].text: row[2].text for row in table.rows}  # type: ignore[union-attr]
    assert shown["processors kept busy"] == "1.02"
    assert shown["matrix product"] == "relative error 4e-7"
    assert shown["threads"] == "1 (asked for 1)"
    assert np.unique([row[1].text for row in table.rows], return_counts=True)[1].max() == 4  # type: ignore[union-attr]

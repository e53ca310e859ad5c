"""The networks' score, beside which models that are none are judged."""

from __future__ import annotations

from dataclasses import replace

import pytest
from report_fixture import MACHINE, recorded

from samenet.analysis import frames, scores
from samenet.reports.quality import scores as section
from samenet.runs.records import QualityRecord

REFUSED = "keras:fit"


def made(refused_score: float, refused: tuple[tuple[str, str], ...]) -> frames.Frames:
    """Return a made-up run on digits, in which Keras ends at this accuracy."""
    plan, records = recorded(tasks=["digits"], refused=refused, failed=())
    changed = [
        replace(record, values=(refused_score,) * len(record.values))
        if isinstance(record, QualityRecord) and record.arm == REFUSED
        else record
        for record in records
    ]
    return frames.build(plan, MACHINE, changed)


def test_a_network_that_failed_a_check_is_not_in_the_networks_score() -> None:
    """Neither the mean nor what counts as a clear difference depends on a refused framework."""
    low, high = (made(score, (("digits", REFUSED),)) for score in (0.0, 1.0))
    task = low.plan.tasks[0]
    mean = scores.network_score(low, task, "accuracy")
    assert mean is not None
    assert mean > 0.9
    assert scores.network_score(high, task, "accuracy") == mean
    assert scores.slack(low, task, "accuracy") == scores.slack(high, task, "accuracy")
    admitted = scores.network_score(made(0.0, ()), task, "accuracy")
    assert admitted == pytest.approx(3 / 4 * mean)


def test_the_table_of_scores_says_which_network_is_another_one() -> None:
    """A score beside the others is read as one of the same network's."""
    run = made(0.5, (("digits", REFUSED),))
    found = section.section(run)
    assert found is not None
    rows = {row[0].text: row[0].below for table in found.blocks for row in table.rows}
    named = [title for title, below in rows.items() if "another network: a check failed" in below]
    assert named == [run.title(REFUSED)]

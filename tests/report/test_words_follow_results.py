"""What a page says follows from what this run measured, not from what runs usually measure."""

from __future__ import annotations

import pytest
from report_fixture import made

from samenet.analysis.frames import Frames
from samenet.report import summary
from samenet.report.blocks import Table
from samenet.reports.answer import what_if
from samenet.reports.times import break_even
from samenet.reports.trust import noise_and_failures


def tables(section: object) -> list[Table]:
    """Return the tables of a section."""
    return [block for block in getattr(section, "blocks", ()) if isinstance(block, Table)]


def test_a_cpu_run_times_no_gpu() -> None:
    """All that can use a GPU are named, none with a time that was measured on a CPU."""
    run = made(tasks=["digits"], refused=(), failed=())
    (table,) = tables(what_if.section(run))
    (row,) = [row for row in table.rows if row[0].text == what_if.NEEDS["gpu"]]
    able = [arm for arm in run.plan.arms if arm.header.adoptable and "gpu" in arm.header.offers]
    assert able
    assert all(run.title(arm.name) in row[1].text for arm in able)
    assert row[2].text == "not measured on a GPU here"
    on_gpu = run.plan.target.model_copy(update={"device": "cuda"})
    there = with_plan(run, target=on_gpu)
    (table,) = tables(what_if.section(there))
    (row,) = [row for row in table.rows if row[0].text == what_if.NEEDS["gpu"]]
    assert row[2].value is not None


def with_plan(run: Frames, **changes: object) -> Frames:
    """Return a run with another plan."""
    fields = {name: getattr(run, name) for name in Frames.__dataclass_fields__}
    return Frames(**{**fields, "plan": run.plan.model_copy(update=changes)})


def test_nobody_is_told_to_leave_a_framework_for_the_reference() -> None:
    """When to leave one for another names those that can be adopted, and NumPy is none."""
    found = tables(break_even.section(made(tasks=["digits"], refused=(), failed=())))
    (table,) = [table for table in found if "when to leave" in table.title]
    names = [row[0].text for row in table.rows]
    assert len(names) == 2
    assert not any("NumPy" in name for name in names)


def test_the_grey_band_is_as_wide_as_the_margin() -> None:
    """Both the band and its explanation follow the margin that the run was asked for."""
    run = with_plan(made(tasks=["digits"], refused=(), failed=()), margin=0.2)
    section = noise_and_failures.section(run)
    assert section is not None
    figure = next(figure for figure in section.figures if figure.name == "noise")
    assert "20 % to both sides" in figure.help
    (band,) = [
        patch for axes in figure.draw(False).axes for patch in axes.patches if patch.get_alpha()
    ]
    low, high = band.get_extents().transformed(band.axes.transData.inverted()).intervalx
    assert (low, high) == (pytest.approx(1 / 1.2), pytest.approx(1.2))


def test_one_repeat_is_blamed_where_there_is_one() -> None:
    """A run that compares nothing, or quick starts alone, has no repeat that was too few."""
    one = made(tasks=["digits"], repeats=1, refused=(), failed=())
    assert summary.resolution_sentence(one).startswith("One repeat gives no interval")
    arms = ("pytorch:eager", "keras:fit")
    refused = made(tasks=["digits"], arms=arms, refused=[("digits", a) for a in arms], failed=())
    assert summary.resolution_sentence(refused) == ""
    assert summary.resolution_sentence(made(tasks=["digits"], track="quickstart")) == ""

"""What adopting a framework costs before it has trained anything."""

from __future__ import annotations

from samenet.analysis import predictions
from samenet.analysis.frames import Frames
from samenet.report.blocks import Cell, Column, Section, Table, framework_cell, missing_cell
from samenet.runs.plan import Arm
from samenet.stats import formatting

ORDER = 7
COLUMNS = (
    ("Installed", "all files of the framework and of what it requires here"),
    ("Packages", "its own and those that it requires here, directly or not"),
    ("Import", "in a bare interpreter whose files are in memory"),
    ("Memory after import", "the whole process with nothing else imported"),
    ("First prediction", "Python, import, first use, building, one predicted row"),
    ("Quick start", "lines of code, without comments, docstrings and quoted settings"),
)
NOTE = (
    "Packages that frameworks share, such as NumPy, count for each of them. The quick start is the "
    "one file of this product that follows the framework’s first page for all three kinds of task."
)


def section(frames: Frames) -> Section | None:
    """Return one row per framework whose installed size is known."""
    arms = {arm.header.name: arm for arm in reversed(frames.plan.arms)}
    known = [arm for arm in reversed(arms.values()) if arm.installed.bytes]
    if not known:
        return None
    heads = (Column(title=title, help=text) for title, text in COLUMNS)
    table = Table(
        title="Cost of adoption",
        columns=(Column(title="Framework", numeric=False), *heads),
        rows=tuple(_row(frames, arm) for arm in known),
        notes=(NOTE,),
    )
    return Section(
        id="adoption",
        title="Cost of adoption",
        summary="Megabytes, packages, import, first prediction, lines of the first example.",
        blocks=(table,),
    )


def _row(frames: Frames, arm: Arm) -> tuple[Cell, ...]:
    installed = arm.installed
    count = len(installed.distributions)
    return (
        framework_cell(frames, arm.name),
        _megabytes(installed.bytes),
        Cell(text=str(count), value=count),
        _seconds(frames.import_seconds(arm.name).value),
        _megabytes(installed.import_bytes),
        _seconds(sum(predictions.first_prediction(frames, arm.header.name).values())),
        Cell(text=str(arm.quickstart_lines), value=arm.quickstart_lines)
        if arm.quickstart_lines
        else missing_cell("none"),
    )


def _seconds(value: float) -> Cell:
    return Cell(text=formatting.format_seconds(value), value=value) if value else missing_cell()


def _megabytes(count: int | None) -> Cell:
    return missing_cell() if count is None else Cell(text=f"{count / 1e6:.0f} MB", value=count)

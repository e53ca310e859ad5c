"""What a report is made of: plain frozen values that hold every printed text and number.

A section is computed from frames; the page, the figures and `samenet verify` are made from the
section. Nothing here knows HTML or reads a file.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from samenet.runs.plan import task_title
from samenet.spec.baselines import BASELINES
from samenet.stats import formatting

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from samenet.analysis.frames import Frames
    from samenet.runs.plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """The colour and the shape that stand for a framework, in tables and in figures."""

    color: str
    marker: str
    """One of matplotlib's: o s ^ D v P X."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a drawn mark or a legend entry is about: the page filters by it."""

    task: str = ""
    arm: str = ""
    """An arm, or a framework without its mode."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell: a text, what it sorts by, and small lines below it."""

    text: str
    value: float | None = None
    below: tuple[str, ...] = ()
    sign: Sign | None = None
    link: str = ""
    span: int = 1
    """How many columns the cell covers; a sentence in place of numbers covers them all."""
    quiet: bool = False
    """Printed in grey: a reference line, a missing number."""
    arm: str = ""
    """What the row is about, for the page's filter: an arm, or a framework without its mode."""
    task: str = ""
    device: str = ""
    low: float | None = None
    high: float | None = None
    repeats: tuple[float | None, ...] = ()
    """What `value` is the geometric mean of, None where a repeat is missing; drawn as a bar."""
    relative: Literal["", "factor", "difference", "lines"] = ""
    """Against the baseline: the text (a factor, or seconds more), or the small lines (a factor)."""

    def plain(self) -> list[Any]:
        """Return the cell as JSON-able values: text, number, small lines."""
        return [self.text, self.value, *self.below]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """The head of a column."""

    title: str
    numeric: bool = True
    help: str = ""


View = Literal["", "total", "long", "steady", "goal"]
"""What a reader may choose to compare: whole trainings, 100 epochs, steady steps, time to the goal;
what belongs to no view is always shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table whose first cell of a row names the row."""

    kind: ClassVar[str] = "table"

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()
    folded: bool = False
    """Shown only on request: the long ones, and the numbers of a figure."""
    quoted: bool = False
    """Text of adapter files, which may change after the run: no number of the run stands in it."""
    task: str = ""
    """The one task that the table is about, if there is one."""
    view: View = ""
    anchor: str = ""
    """The id that links lead to, if any do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A picture, how to read it, and the same numbers as a table."""

    kind: ClassVar[str] = "figure"

    name: str
    """Letters, digits and hyphens: part of file names and ids."""
    title: str
    help: str
    draw: Callable[[bool], Drawing]
    """Called with True for the narrow form, which stacks its panels."""
    table: Table
    task: str = ""
    view: View = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """Paragraphs, under a small heading or none."""

    kind: ClassVar[str] = "text"

    title: str = ""
    lines: tuple[str, ...]
    task: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """Source text beside its number."""

    kind: ClassVar[str] = "code"

    title: str
    facts: tuple[str, ...]
    link: str
    excerpt: str
    source: str
    arm: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """Machine-readable values embedded in the page, with a button that saves them as a file."""

    kind: ClassVar[str] = "data"

    name: str
    text: str
    values: Any


Block = Table | Figure | Text | Code | Data


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One part of the report."""

    id: str
    title: str
    summary: str
    """One plain line, readable while the section is closed."""
    blocks: tuple[Block, ...]
    top: bool = False
    """On the first screen, never collapsed."""

    @property
    def figures(self) -> list[Figure]:
        """Return the pictures of this section."""
        return [block for block in self.blocks if isinstance(block, Figure)]


def numbers_of(section: Section) -> dict[str, Any]:
    """Return everything the section prints, apart from source code, as JSON-able values."""
    return {
        "title": section.title,
        "summary": section.summary,
        "blocks": [
            _plain(block)
            for block in section.blocks
            if not isinstance(block, Code) and not (isinstance(block, Table) and block.quoted)
        ],
    }


def _plain(block: Table | Figure | Text | Data) -> dict[str, Any]:
    if isinstance(block, Figure):
        return {"figure": block.title, "help": block.help, "table": _plain(block.table)}
    if isinstance(block, Text):
        return {"title": block.title, "lines": list(block.lines)}
    if isinstance(block, Data):
        return {"data": block.name, "text": block.text}
    return {
        "table": block.title,
        "columns": [column.title for column in block.columns],
        "rows": [[cell.plain() for cell in row] for row in block.rows],
        "notes": list(block.notes),
    }


IN_WORDS = frozenset({"Task", "Way", "Mode"})
"""Heads of columns that hold words wherever they stand."""


def columns(*titles: str, first: str = "Framework") -> tuple[Column, ...]:
    """Return the heads of a table: of the name, and of numbers unless known to hold words."""
    heads = (Column(title=title, numeric=title not in IN_WORDS) for title in titles)
    return (Column(title=first, numeric=False), *heads)


def missing_cell(text: str = "–") -> Cell:
    """Return the cell of a number that is not there."""
    return Cell(text=text, quiet=True)


def slug(plan: Plan, task: str) -> str:
    """Return a task's name as part of ids and file names; different tasks differ in it."""
    return _slugs(tuple(known.name for known in plan.tasks))[task]


@lru_cache(maxsize=8)
def _slugs(names: tuple[str, ...]) -> dict[str, str]:
    slugs = [re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") for name in names]
    count = Counter(slugs)
    return {
        name: short if short and count[short] == 1 else f"task-{number}"
        for number, (name, short) in enumerate(zip(names, slugs, strict=True), start=1)
    }


def known_arms(frames: Frames) -> list[str]:
    """Return the arms of the plan and the reference lines, in the order of every legend."""
    return [*(arm.name for arm in frames.plan.arms), *BASELINES]


def framework_of(frames: Frames, arm: str) -> str:
    """Return the framework's name without its mode: a quick start has none."""
    return frames.plan.arm(arm).header.title


MARKERS = ("o", "s", "^", "D", "v", "P", "X")


def sign_of(frames: Frames, arm: str) -> Sign:
    """Return the colour and shape of an arm."""
    known = known_arms(frames)
    number = known.index(arm) if arm in known else len(known)
    return Sign(color=frames.color(arm), marker=MARKERS[number % len(MARKERS)])


def subject_of(arm: str, task: str = "") -> Subject:
    """Return the subject that an arm or a reference line is, on a task or on all of them."""
    return Subject(task=task, arm=arm)


def quick_start_of(arm: str, task: str = "") -> Subject:
    """Return the subject that a framework's quick start is: it has no mode."""
    return Subject(task=task, arm=arm.partition(":")[0])


def arm_cell(frames: Frames, arm: str, *below: str) -> Cell:
    """Return the cell that names a row after an arm."""
    quiet = arm not in [known.name for known in frames.plan.arms]
    text = frames.title(arm)
    sign = None if quiet else sign_of(frames, arm)
    return Cell(text=text, sign=sign, quiet=quiet, below=below, arm=arm)


def framework_cell(frames: Frames, arm: str, *below: str) -> Cell:
    """Return the cell that names a row after an arm's framework, whatever its mode."""
    sign = sign_of(frames, arm)
    framework = arm.partition(":")[0]
    return Cell(text=framework_of(frames, arm), sign=sign, below=below, arm=framework)


def task_cell(frames: Frames, task: str) -> Cell:
    """Return the cell that says which task a row is about."""
    return Cell(text=task_title(frames.plan, task), task=task)


def seconds_cell(value: float) -> Cell:
    """Return the cell of a number of seconds with a readable unit."""
    return Cell(text=formatting.format_seconds(value), value=value)

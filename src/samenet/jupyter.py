"""In a notebook: results as a table and a figure, and a progress bar in place of lines.

IPython is never imported here unless it already runs: it is what shows a notebook's cells.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from markupsafe import escape

from samenet import advise, svg
from samenet.metrics import main_of
from samenet.plan import Job
from samenet.quality import score
from samenet.records import FailureRecord, Record
from samenet.result import checks
from samenet.runner import Watcher
from samenet.task import Task
from samenet.watching import Progress
from samenet.wording import duration

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from samenet.frames import Frames

HEADS = ("", "framework (mode)", "whole training", "factor", "score", "checked")


def in_notebook() -> bool:
    """Return whether this process is the kernel of a notebook, which shows HTML."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return type(shell).__name__ == "ZMQInteractiveShell"


@contextmanager
def bar(progress: Progress) -> Iterator[Watcher]:
    """Yield what to call after every job: one bar, drawn anew in its place."""
    display: Any = importlib.import_module("IPython.display")
    shown = display.display(display.HTML(bar_html(progress, "starting")), display_id=True)

    def watch(job: Job, records: Sequence[Record], seconds: float) -> None:
        progress.take(job, seconds)
        failures = [r.reason for r in records if isinstance(r, FailureRecord)]
        about = " · ".join(filter(None, (", ".join(job.tasks[:3]), job.arm, *failures[:1])))
        shown.update(display.HTML(bar_html(progress, about)))

    yield watch


def bar_html(progress: Progress, about: str) -> str:
    """Return the bar with the time that is probably left, and what was done last."""
    jobs, done = len(progress.plan.jobs), len(progress.finished)
    bar_ = f'<progress max="{jobs}" value="{done}"></progress>'
    return f"<div>{bar_} {done} of {jobs} {escape(progress.when())} {escape(about)}</div>"


def run_html(frames: Frames, drawing: Drawing | None, page: str) -> str:
    """Return a run as its tables, its advice and its first figure."""
    parts = [_task_html(frames, task) for task in frames.plan.tasks]
    advice = [f"<p>{escape(item.sentence)}</p>" for item in advise.advise(frames)]
    picture = inline(drawing, "The result") if drawing else ""
    return "".join([*parts, *advice, picture, f"<p>The page: <code>{escape(page)}</code></p>"])


def inline(drawing: Drawing, label: str) -> str:
    """Return a drawing as SVG on white, so that it can be read in a dark notebook too."""
    prefix = f"samenet-{id(drawing)}"
    ground = "background:#fff;color:#1c2024;max-width:1000px"
    return (
        f'<div style="{ground}">{svg.inline(svg.placed(drawing), prefix=prefix, label=label)}</div>'
    )


def _task_html(frames: Frames, task: Task) -> str:
    rows = [_cells(frames, task, row) for row in advise.totals(frames, task)]
    return table_html(task.title or task.name, HEADS, rows)


def _cells(frames: Frames, task: Task, row: advise.Total) -> list[str]:
    metric = main_of(task.kind).name
    found = score(frames, task, track="same", arm=row.arm, metric=metric)
    return [
        "" if row.rank is None else f"{row.rank}.",
        frames.title(row.arm),
        duration(row.seconds),
        f"{row.factor.value:.2f}×",
        "" if found is None else f"{metric} {found:.3f}",
        "same network" if checks(frames, task, row.arm)["passed"] else "not checked",
    ]


def table_html(title: str, heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return a table; every text in it is escaped."""
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(text)}</td>" for text in row) + "</tr>" for row in rows
    )
    caption = f"<caption>{escape(title)}</caption>"
    return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

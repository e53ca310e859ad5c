"""In a notebook: results as a table and a figure, and a progress bar in place of lines.

IPython is never imported here unless it already runs: it is what shows a notebook's cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from markupsafe import escape

from samenet.advice import recommend
from samenet.analysis import totals
from samenet.report import svg
from samenet.spec.metrics import main_metric
from samenet.spec.task import Task
from samenet.stats.formatting import format_duration

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from samenet.analysis.frames import Frames

HEADS = ("", "framework (mode)", "whole training", "factor", "score", "checked")


def run_html(frames: Frames, drawing: Drawing | None, page: str) -> str:
    """Return a run as its tables, its advice and its first figure."""
    parts = [_task_html(frames, task) for task in frames.plan.tasks]
    advice = [f"<p>{escape(item.sentence)}</p>" for item in recommend.advise(frames)]
    picture = inline_drawing(drawing, "The result") if drawing else ""
    return "".join([*parts, *advice, picture, f"<p>The page: <code>{escape(page)}</code></p>"])


def inline_drawing(drawing: Drawing, label: str) -> str:
    """Return a drawing as SVG on white, so that it can be read in a dark notebook too."""
    prefix = f"samenet-{id(drawing)}"
    ground = "background:#fff;color:#1c2024;max-width:1000px"
    picture = svg.inline(svg.draw_as_svg(drawing), prefix=prefix, label=label)
    return f'<div style="{ground}">{picture}</div>'


def _task_html(frames: Frames, task: Task) -> str:
    rows = [_cells(frames, task, row) for row in totals.totals(frames, task)]
    return table_html(task.title or task.name, HEADS, rows)


def _cells(frames: Frames, task: Task, row: totals.Total) -> list[str]:
    metric = main_metric(task.kind).name
    result = frames.result(task, row.arm)
    score = result.score(metric)
    return [
        "" if row.rank is None else f"{row.rank}.",
        frames.title(row.arm),
        format_duration(row.seconds),
        f"{row.factor.value:.2f}×",
        "" if score is None else f"{metric} {score:.3f}",
        "same network" if result.passed else "not checked",
    ]


def table_html(title: str, heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return a table; every text in it is escaped."""
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(text)}</td>" for text in row) + "</tr>" for row in rows
    )
    caption = f"<caption>{escape(title)}</caption>"
    return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

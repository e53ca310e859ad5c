"""A progress bar in a notebook."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from markupsafe import escape

from samenet.execution.progress import Progress
from samenet.execution.runner import Watcher
from samenet.runs.plan import Job
from samenet.runs.records import FailureRecord, Record


def in_notebook() -> bool:
    """Return whether this process is the kernel of a notebook, which shows HTML."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return type(shell).__name__ == "ZMQInteractiveShell"


@contextmanager
def progress_bar(progress: Progress) -> Iterator[Watcher]:
    """Yield what to call after every job: one bar, drawn anew in its place."""
    display: Any = importlib.import_module("IPython.display")
    shown = display.display(display.HTML(bar_html(progress, "starting")), display_id=True)

    def watch(job: Job, records: Sequence[Record], seconds: float) -> None:
        progress.take(job, seconds)
        failures = [r.reason for r in records if isinstance(r, FailureRecord)]
        parts = [", ".join(job.tasks[:3]), job.arm, *failures[:1]]
        about = " · ".join(part for part in parts if part)
        shown.update(display.HTML(bar_html(progress, about)))

    yield watch


def bar_html(progress: Progress, about: str) -> str:
    """Return the bar with the predicted time left, and what was done last."""
    jobs = len(progress.plan.jobs)
    done = len(progress.finished)
    element = f'<progress max="{jobs}" value="{done}"></progress>'
    return f"<div>{element} {done} of {jobs} {escape(progress.when())} {escape(about)}</div>"

"""How much of a run the page shows: every result always, every detail only of a run of usual size.

A sweep of thousands of results would be a page of hundreds of megabytes, of which nobody reads the
thousandth picture.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pandas as pd

from samenet import ladder
from samenet.frames import Frames
from samenet.remembering import once

RESULTS_MOST = 400
"""A page of more results than this shows pictures and details of its first task only."""

DETAILED_TASKS = 1


def large(frames: Frames) -> bool:
    """Return whether a run has more results than a page shows in every detail."""
    tasks = [task for task in frames.plan.tasks if not ladder.is_point(task)]
    return len(tasks) * len(frames.plan.arms) > RESULTS_MOST


@once
def detailed(frames: Frames) -> Frames:
    """Return what the page shows in every detail: the run, or its first tasks if it is large."""
    return only(frames, DETAILED_TASKS) if large(frames) else frames


def only(frames: Frames, count: int) -> Frames:
    """Return the first tasks of a run as if there were no others."""
    tasks = frames.plan.tasks[:count]
    names = {"", *(task.name for task in tasks)}
    tables: dict[str, Any] = {
        field.name: table[table.task.isin(names)].reset_index(drop=True)
        for field in fields(frames)
        if isinstance(table := getattr(frames, field.name), pd.DataFrame) and "task" in table
    }
    jobs = tuple(job for job in frames.plan.jobs if not job.tasks or set(job.tasks) & names)
    plan = frames.plan.model_copy(update={"tasks": tasks, "jobs": jobs})
    return replace(frames, plan=plan, **tables)


def sentence(frames: Frames) -> str:
    """Say what of a large run is not on the page, and where it is."""
    count = len(frames.plan.tasks)
    if not large(frames):
        return ""
    return (
        f"This run has {count} tasks. “Times per task” has every result; the recommendation, "
        "pictures and details are those of the first task. From Python, samenet.load(run) gives "
        "the rest as data frames."
    )

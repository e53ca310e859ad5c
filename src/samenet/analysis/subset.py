"""A part of a run: the tasks that are shown, the points of a ladder set apart."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pandas as pd

from samenet.analysis.frames import Frames
from samenet.analysis.memo import remember
from samenet.spec.task import Task

RESULTS_MOST = 400
"""A page of more results than this holds no raw data."""

DETAILED_TASKS = 3
"""So many tasks, as many as the main job has, are shown in every detail, whatever the arms."""

DETAILED_RESULTS = 40
"""As are all tasks of a run of so many results: what costs is a picture of each task, with a line
of each arm (a second per result, 6 MB of memory)."""

DETAILED_OF_MANY = 10
"""Of a run of more, the first tasks are, up to so many results: then ten times the results cost no
more pictures."""


def is_large(frames: Frames) -> bool:
    """Return whether a run has more results than a page holds the raw data of."""
    tasks = [task for task in frames.plan.tasks if not is_point(task)]
    return len(tasks) * len(frames.plan.arms) > RESULTS_MOST


def count_detailed(tasks: int, arms: int) -> int:
    """Return how many tasks the page shows in every detail."""
    if tasks <= DETAILED_TASKS or tasks * arms <= DETAILED_RESULTS:
        return tasks
    return max(1, DETAILED_OF_MANY // arms)


@remember
def detailed_part(frames: Frames) -> Frames:
    """Return what the page shows in every detail: the run, or its first tasks if it is large."""
    tasks = sum(not is_point(task) for task in frames.plan.tasks)
    count = count_detailed(tasks, len(frames.plan.arms))
    return frames if count == tasks else first_tasks(frames, count)


def first_tasks(frames: Frames, count: int) -> Frames:
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


LADDER_SOURCE = "synthetic:ladder"
LAYERS_SOURCE = "synthetic:layers"


def is_point(task: Task) -> bool:
    """Return whether a task is a point of a ladder or a single layer: a step to be timed.

    It may be of this version or another. There is nothing to learn in it.
    """
    return task.data.source in {LADDER_SOURCE, LAYERS_SOURCE}


def is_single_layer(task: Task) -> bool:
    """Return whether a task of a run is a single layer in its network."""
    return task.data.source == LAYERS_SOURCE


def without_ladder(frames: Frames) -> Frames:
    """Return a run without the points of its ladder among the tasks, which have their own page."""
    rest = tuple(task for task in frames.plan.tasks if not is_point(task))
    if len(rest) == len(frames.plan.tasks):
        return frames
    return replace(frames, plan=frames.plan.model_copy(update={"tasks": rest}))

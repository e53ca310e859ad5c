"""On what a contest is held: the tasks of the main job, a medium and a large network.

The networks of the main job are small: a step of theirs is mostly what a framework does around the
arithmetic, and a training mostly start-up. A loop that wins there may lose where the arithmetic
counts. The two larger ones are sizes of the ladder, of which only a step is judged: they are
trained for two calls, so a whole training of theirs would say nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from samenet.analysis.subset import is_point
from samenet.experiments.contest.rule import Judged
from samenet.experiments.scaling import ladder
from samenet.experiments.scaling.ladder import Size
from samenet.spec.task import MAIN_JOB, Task

MEDIUM = Size((64, 256, 128), 512)
LARGE = ladder.uniform_size(320, 384, 3)
"""A step takes about two and about fifteen milliseconds on one thread of a server."""


def larger() -> tuple[Task, ...]:
    """Return the medium and the large network as tasks."""
    return tuple(ladder.task_of(size, "contest") for size in (MEDIUM, LARGE))


def judged_by(judged: Judged, tasks: Iterable[Task]) -> list[Task]:
    """Return the tasks on which a quantity is judged."""
    return [task for task in tasks if judged is Judged.STEP or not is_point(task)]


def left_out(tasks: Iterable[Task]) -> list[str]:
    """Return which networks of the published rule are not among these tasks, for people."""
    names = {task.name for task in tasks}
    missing = [name for name in MAIN_JOB if name not in names]
    return missing + [task.title for task in larger() if task.name not in names]

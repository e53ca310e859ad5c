"""After how many repeats a run may stop, and whether it does: by the width of its intervals."""

from __future__ import annotations

from samenet.analysis.frames import Frames
from samenet.runs.plan import Plan
from samenet.spec.task import Task
from samenet.stats import stopping
from samenet.stats.stopping import LOOKS


def looks(plan: Plan) -> tuple[int, ...]:
    """Return after how many repeats this run may stop before its last one."""
    return tuple(look for look in LOOKS if plan.repeats <= look < plan.most)


def look_before(plan: Plan, repeat: int) -> int | None:
    """Return the latest look that decides about a repeat (0 is the first), or None."""
    return max((look for look in looks(plan) if look <= repeat), default=None)


def enough(frames: Frames) -> bool:
    """Return whether every ratio to the fastest is known narrowly, whole trainings of all tasks."""
    times = [_totals(frames, task) for task in frames.plan.tasks]
    return all(stopping.enough(each, frames.plan.margin) for each in times if len(each) > 1)


def _totals(frames: Frames, task: Task) -> dict[str, dict[int, float]]:
    totals = {arm: frames.result(task, arm).total() for arm in frames.compared(task)}
    return {arm: times for arm, times in totals.items() if times}

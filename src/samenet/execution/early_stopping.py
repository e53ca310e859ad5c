"""After how many repeats a run may stop, and whether it does: by the width of its intervals."""

from __future__ import annotations

from samenet.analysis.frames import Frames
from samenet.runs.plan import Plan
from samenet.stats import stopping
from samenet.stats.stopping import INTERIM_LOOKS


def interim_looks(plan: Plan) -> tuple[int, ...]:
    """Return the numbers of repeats after which this run may stop early."""
    return tuple(look for look in INTERIM_LOOKS if plan.repeats <= look < plan.most)


def look_before(plan: Plan, repeat: int) -> int | None:
    """Return the latest look that decides about a repeat (the first is 0), or None."""
    return max((look for look in interim_looks(plan) if look <= repeat), default=None)


def should_stop_run(frames: Frames) -> bool:
    """Return whether all ratios to the fastest arm are precise, for whole trainings.

    What has not been measured is not precise: while an arm has neither a time nor a reason to have
    none, and while no arm has a time, a run goes on.
    """
    arms = {arm.name for arm in frames.plan.arms}
    if len(arms) < 2:  # nothing to compare keeps no run going
        return True
    for task in frames.plan.tasks:
        totals = {arm: frames.result(task, arm).total() for arm in frames.compared(task)}
        measured = {arm: seconds for arm, seconds in totals.items() if seconds}
        if not measured or arms - set(measured) - set(frames.reasons(task)):
            return False
        if len(measured) > 1 and not stopping.should_stop(measured, frames.plan.margin):
            return False
    return True

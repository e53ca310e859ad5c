"""Seconds of a whole training, start-up included, per result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from samenet.analysis import control_arms
from samenet.analysis.frames import Frames
from samenet.analysis.memo import remember
from samenet.analysis.quantities import Quantity
from samenet.spec.task import Task
from samenet.stats import intervals, ranking, verdicts
from samenet.stats.intervals import Interval
from samenet.stats.verdicts import Verdict, VerdictWord


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """The whole training of a task with one arm: start-up and all epochs."""

    arm: str
    seconds: Interval
    rank: int | None
    """None for a reference line that nobody is advised to use, and where there is one repeat."""
    factor: Interval
    """Against the fastest arm that can be recommended."""
    verdict: Verdict | None
    """Against the same; None for that arm itself and for a reference line."""

    @property
    def word(self) -> VerdictWord | None:
        """Return the verdict's word, if the run may give any."""
        return self.verdict.word if self.verdict else None


@remember
def totals(
    frames: Frames,
    task: Task,
    *,
    quantity: Quantity = Quantity.TOTAL,
    among: Sequence[str] | None = None,
) -> list[Total]:
    """Return every comparable arm (of those named), fastest first.

    A step and an epoch are compared only where there is a steady state.
    """
    results = [frames.result(task, arm) for arm in frames.compared(task)]
    if quantity.is_steady:
        results = [result for result in results if result.is_steady]
    if among is not None:
        results = [result for result in results if result.arm in set(among)]
    times = {result.arm: result.per_repeat(quantity) for result in results}
    times = {arm: per_repeat for arm, per_repeat in times.items() if per_repeat}
    if not times:
        return []
    candidates = {arm: times[arm] for arm in times if is_adoptable(frames, arm)}
    words = control_arms.allow_verdicts(frames, task, quantity)
    ranked = {arm: seconds for arm, seconds in candidates.items() if len(seconds) > 1}
    ranks = ranking.rank_by_tests(ranked) if words else intervals.rank_arms(ranked)
    judged = {
        verdict.arm: verdict
        for verdict in verdicts.judge_arms(candidates, margin=frames.plan.margin, words=words)
    }
    values = {arm: intervals.geometric_mean(list(times[arm].values())) for arm in times}
    order = sorted(values, key=lambda arm: values[arm].value)
    best = next((arm for arm in order if is_adoptable(frames, arm)), order[0])
    return [
        Total(
            arm=arm,
            seconds=values[arm],
            rank=ranks.get(arm),
            factor=intervals.paired_ratio(times[arm], times[best]),
            verdict=judged.get(arm),
        )
        for arm in order
    ]


def is_adoptable(frames: Frames, arm: str) -> bool:
    """Return whether an arm may be recommended; the from-scratch NumPy one is a reference line."""
    return frames.plan.arm(arm).header.adoptable

"""What our order of the rows costs a framework's `fit`, against its own whole `fit`.

A framework's own fit shuffles the rows by itself, in one call for all epochs. To be the same
training everywhere, each epoch is a call of its own, with the rows in an order that is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from samenet.analysis.frames import Frames
from samenet.spec.task import Task
from samenet.stats.formatting import words


class Cost(NamedTuple):
    """Seconds of an epoch in our order and in the framework's own whole fit, in one process."""

    ours: float
    own: float

    @property
    def factor(self) -> float:
        """Return how many times as long ours takes; below 1 it is the faster one."""
        return self.ours / self.own


def cost(frames: Frames, task: Task, arm: str) -> Cost | None:
    """Return what was measured, or None where it was not, or was lost in the noise."""
    ours = frames.per_repeat(task.name, arm, "epoch")
    for repeat, own in frames.per_repeat(task.name, arm, "own_fit").items():
        if own > 0 and repeat in ours:
            return Cost(ours[repeat], own)
    return None


def beside(frames: Frames, task: Task, arm: str) -> tuple[str, ...]:
    """Return what stands below the name of a row."""
    found = cost(frames, task, arm)
    return () if found is None else (f"epoch {found.factor:.2g}× its own fit",)


def notes(frames: Frames, task: Task, arms: Sequence[str]) -> tuple[str, ...]:
    """Say in a sentence per framework what our order costs, or gains."""
    costs = {arm: found for arm in arms if (found := cost(frames, task, arm))}
    return tuple(
        f"{frames.title(arm)}: an epoch in our order of the rows takes {each.factor:.2g} times as "
        f"long as in its own whole fit, which shuffles by itself ({words(each.ours)} against "
        f"{words(each.own)}, both in the first process)."
        for arm, each in costs.items()
    )


def document(frames: Frames, task: Task, arm: str) -> dict[str, float] | None:
    """Return it as plain data."""
    found = cost(frames, task, arm)
    return None if found is None else {"epoch_seconds": found.own, "order_factor": found.factor}

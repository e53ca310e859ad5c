"""What our order of the rows costs a framework's `fit`, against its own whole `fit`.

A framework's own fit shuffles the rows by itself, in one call for all epochs. To be the same
training everywhere, each epoch is a call of its own, with the rows in an order that is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from samenet.analysis.frames import ArmResult, Frames
from samenet.analysis.quantities import Quantity
from samenet.spec.task import Task
from samenet.stats.formatting import format_seconds


class Cost(NamedTuple):
    """Seconds of an epoch in our order and in the framework's own whole fit, in one process."""

    ours: float
    own: float

    @property
    def factor(self) -> float:
        """Return how many times as long ours takes; below 1 it is the faster one."""
        return self.ours / self.own


def cost(result: ArmResult) -> Cost | None:
    """Return what was measured, or None where it was not, or was lost in the noise."""
    ours = result.epoch
    for repeat, own in result.per_repeat(Quantity.OWN_FIT).items():
        if own > 0 and repeat in ours:
            return Cost(ours[repeat], own)
    return None


def row_note(result: ArmResult) -> tuple[str, ...]:
    """Return what stands below the name of a row."""
    measured = cost(result)
    return () if measured is None else (f"epoch {measured.factor:.2g}× its own fit",)


def notes(frames: Frames, task: Task, arms: Sequence[str]) -> tuple[str, ...]:
    """Say in a sentence per framework what our order costs, or gains."""
    costs = {arm: cost(frames.result(task, arm)) for arm in arms}
    return tuple(
        f"{frames.title(arm)}: an epoch in our order of the rows takes {measured.factor:.2g} times "
        f"as long as in its own whole fit, which shuffles by itself "
        f"({format_seconds(measured.ours)} against {format_seconds(measured.own)}, both in the "
        "first process)."
        for arm, measured in costs.items()
        if measured
    )


def document(result: ArmResult) -> dict[str, float] | None:
    """Return it as plain data."""
    measured = cost(result)
    if measured is None:
        return None
    return {"epoch_seconds": measured.own, "order_factor": measured.factor}

"""The reference with 5 % more steps than it says: whether such a difference is seen."""

from __future__ import annotations

from samenet.passes import cell
from samenet.workorder import WorkOrder


def run(order: WorkOrder) -> None:
    """Time it as every result is timed, with more steps in each stretch."""
    cell.run(order, track="sensitivity")

"""The reference a second time: what differs between two processes of the same program."""

from __future__ import annotations

from samenet.passes import cell
from samenet.workorder import WorkOrder


def run(order: WorkOrder) -> None:
    """Time it as every result is timed."""
    cell.run(order, track="control")

"""The quantities of a result by name, each with its label in texts; all are in seconds."""

from __future__ import annotations

from enum import StrEnum


class Quantity(StrEnum):
    """What a training or a prediction takes; the value is the name in tables and documents."""

    TOTAL = "total"
    """Start-up, and every epoch of the task."""
    START_UP = "start_up"
    """From an empty interpreter to the end of the first call."""
    STEP = "step"
    EPOCH = "epoch"
    CALL_FIXED = "call_fixed"
    """What a call costs apart from its steps."""
    OWN_FIT = "own_fit"
    """An epoch of the framework's own whole fit."""
    LATENCY = "latency"
    """One predicted row alone."""
    THROUGHPUT = "throughput"
    """A predicted row in the batch size that is best for it."""

    @property
    def label(self) -> str:
        """Return what it is called in a sentence."""
        return _LABELS.get(self, str(self))

    @property
    def is_steady(self) -> bool:
        """Return whether it has a value only where a result has reached a steady state."""
        return self in {Quantity.STEP, Quantity.EPOCH}

    @property
    def is_predicting(self) -> bool:
        """Return whether it is about predicting, not about training."""
        return self in {Quantity.LATENCY, Quantity.THROUGHPUT}


_LABELS = {
    Quantity.TOTAL: "whole training",
    Quantity.START_UP: "start-up",
    Quantity.CALL_FIXED: "fixed cost of a call",
    Quantity.OWN_FIT: "epoch of the framework’s own fit",
}

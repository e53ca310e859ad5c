"""What a framework is known to do otherwise than the spec, and how far that leads a result."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from samenet.adapter.api import WOULD_HOLD
from samenet.stats.formatting import error_text


class Deviates(NamedTuple):
    """A declared deviation that changes a result: what it is, where to read of it, how far."""

    what: str
    link: str
    weights: float
    """The distance of the weights from those of the spec's own form, relative."""


def deviations(measured: pd.DataFrame, task: str, arm: str) -> list[Deviates]:
    """Return the declared deviations that change the weights of a result, with their sizes.

    `measured` is the table of all of a run: task, arm, detail ('what: link') and error.
    """
    rows = measured[(measured.task == task) & (measured.arm == arm)]
    sizes = dict(zip(rows.detail, rows.error, strict=True))
    parted = {detail: str(detail).rpartition(": ") for detail in sizes}
    return [
        Deviates(what, link, float(sizes[detail])) for detail, (what, _, link) in parted.items()
    ]


def deviation_text(deviation: Deviates) -> str:
    """Return a deviation with its size and its address, to stand beside a result."""
    size = error_text(deviation.weights)
    return f"differs from the spec by {size} of its weights: {deviation.what} ({deviation.link})"


def because(measured: pd.DataFrame, task: str, arm: str, detail: str) -> str:
    """Return what is known of why a check failed, in brackets: another form, a deviation."""
    reasons = [part for part in detail.split("; ") if part.startswith(WOULD_HOLD)]
    reasons += map(deviation_text, deviations(measured, task, arm))
    return f" ({'; '.join(reasons)})" if reasons else ""

"""What a run says of its machine: how many timed processes others disturbed, and how much."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from samenet.analysis.frames import Frames
from samenet.runs.environment import ENVIRONMENT_RULES, refuses_breaches

READING_TITLES = {
    "others": "Busy with others, of the measuring processors",
    "beside": "Busy with others, share of the processors that share their cores, or may",
    "steal": "Taken away by the host, share of the time (steal)",
    "pressure": "Somebody waited for a processor, share of the time (pressure)",
    "throttled": "Stopped by the control group’s limit, times",
    "switches": "Taken off the processor against its will, times",
    "faults": "Waited for a page from a disk, times",
    "joules": "Energy drawn by the processor packages, joules per process",
    "memory_available_gib": "Memory available, GiB",
    "graphics_processes": "Other processes on the CUDA devices",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingSummary:
    """One reading over all timed processes."""

    name: str
    middle: float
    worst: float
    limit: float | None


def summarize_readings(frames: Frames) -> list[ReadingSummary]:
    """Return every reading that there was."""
    rules = {rule.reading: rule for rule in ENVIRONMENT_RULES}
    readings = []
    for name, title in READING_TITLES.items():
        values = _values(frames.environment, name)
        if values.empty:
            continue
        rule = rules.get(name)
        worst = values.min() if rule and rule.at_least else values.max()
        readings.append(
            ReadingSummary(
                name=title,
                middle=float(values.median()),
                worst=float(worst),
                limit=rule.limit if rule else None,
            )
        )
    return readings


def _values(table: pd.DataFrame, name: str) -> pd.Series[float]:
    if name not in table:
        return pd.Series(dtype=float)
    return table[name].dropna().astype(float)


def sentence(frames: Frames) -> str:
    """Return how many processes were disturbed and what became of them; nothing on a calm one."""
    table = frames.environment
    disturbed = table[table.broken.map(len) > 0]
    if disturbed.empty:
        return ""
    text = f"{len(disturbed)} of {len(table)} timed processes were disturbed, for instance: "
    text += str(disturbed.broken.iloc[0][0])
    refused, again = int(table.refused.sum()), int(table.again.sum())
    if not refuses_breaches(frames.plan):
        return f"{text}. A screening counts them all the same."
    text += f". Not counted for that: {refused}"
    return f"{text}, of which {again} were measured again in a quiet moment."

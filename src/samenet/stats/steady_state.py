"""Whether one process reached a steady state, told from the times of its chunks, and from when on.

The series of logarithms is cut where mean or variance changes: the exact least cost of normal
segments, each cut paid for with 15 ln n (Killick, Fearnhead, Eckley 2012,
https://arxiv.org/abs/1101.1438; the penalty is that of Barrett et al. 2017,
https://arxiv.org/abs/1602.00602, who named the classes too). Segments whose middle chunks differ by
no more than the margin count as one level.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from samenet.stats.intervals import MARGIN
from samenet.stats.significance import ALPHA

Class = Literal["flat", "warm-up", "slowdown", "no steady state"]

PENALTY = 15.0
SHORTEST = 3
"""Chunks of a segment: the middle one of three is no outlier."""

SMALLEST_VARIANCE = 1e-8
"""Of logarithms: a clock's own steps of 0.01 % are no change."""

STEADY_SHARE = 0.5
"""The final level has to hold for at least so much of the series."""

DISTURBED_SHARE = 0.1
"""So much of the final level may be slower: somebody else's work, not the framework's."""

NEIGHBOURS = 5
CLEARLY = 4.0
"""Medians of so many neighbours move if they spread by so many of their standard errors."""

FAILING_SHARE = 0.2
"""A result with more processes without a steady state has none itself, if that is no chance."""


class Segment(NamedTuple):
    """A stretch of chunks without a change."""

    start: int
    end: int
    level: float
    """The middle logarithm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Steadiness:
    """What a series is called, and the first chunk of its final level."""

    name: Class
    onset: int = 0

    @property
    def steady(self) -> bool:
        """Return whether the process settled at its best level."""
        return self.name in {"flat", "warm-up"}


def segments(logs: NDArray[np.float64]) -> list[Segment]:
    """Return the cheapest cut into segments: dynamic programming over all last cuts."""
    count = len(logs)
    sums, squares = (np.concatenate([[0.0], np.cumsum(v)]) for v in (logs, logs**2))
    penalty = PENALTY * np.log(max(count, 2))
    best, last = np.full(count + 1, np.inf), np.zeros(count + 1, dtype=int)
    best[0] = -penalty
    for end in range(min(SHORTEST, count), count + 1):
        starts = np.arange(max(1, end - SHORTEST + 1))
        size = end - starts
        mean = (sums[end] - sums[starts]) / size
        variance = (squares[end] - squares[starts]) / size - mean**2
        cost = size * (np.log(np.maximum(variance, SMALLEST_VARIANCE)) + 1)
        total = best[starts] + cost + penalty
        last[end] = starts[np.argmin(total)]
        best[end] = total.min()
    return _traced(logs, last)


def _traced(logs: NDArray[np.float64], last: NDArray[np.int_]) -> list[Segment]:
    found, end = [], len(logs)
    while end > 0:
        start = int(last[end])
        found.append(Segment(start, end, float(np.median(logs[start:end]))))
        end = start
    return found[::-1]


@lru_cache(maxsize=65536)
def classify(seconds: tuple[float, ...], margin: float = MARGIN) -> Steadiness:
    """Return the class of one process's chunk times, in the order they were taken."""
    logs = np.log(np.asarray(seconds, dtype=np.float64))
    logs -= np.median(logs)  # the squares below then lose no digits
    band = np.log1p(margin)
    if np.ptp(logs) <= band:  # whatever the cuts, every segment is then at one level
        return Steadiness(name="flat")
    found = segments(logs)
    onset = _onset(found, band)
    if len(logs) - onset < STEADY_SHARE * len(logs) or _moves(logs[onset:], band):
        return Steadiness(name="no steady state")
    before = [segment.level - found[-1].level for segment in found if segment.end <= onset]
    if any(gain < -band for gain in before):
        return Steadiness(name="slowdown", onset=onset)
    return Steadiness(name="warm-up" if before else "flat", onset=onset)


def _onset(found: Sequence[Segment], band: float) -> int:
    """Return where the final level begins; a little of it may be slower."""
    onset, end, disturbed = found[-1].start, found[-1].end, 0
    for segment in reversed(found[:-1]):
        off = segment.level - found[-1].level
        if off < -band:
            break
        if off > band:
            disturbed += segment.end - segment.start
        elif disturbed <= DISTURBED_SHARE * (end - segment.start):
            onset = segment.start
    return onset


def _moves(logs: NDArray[np.float64], band: float) -> bool:
    """Return whether the level itself drifts or swings: medians of a few neighbours differ.

    By more than the margin, and by more than noise makes them; how large that is, the distances of
    neighbours tell: a drift hardly moves them apart.
    """
    if len(logs) < 2 * NEIGHBOURS:
        return False
    parts = np.array_split(logs, len(logs) // NEIGHBOURS)
    low, high = np.quantile([np.median(part) for part in parts], [0.15, 0.85])
    noise = np.median(np.abs(np.diff(logs))) / (0.6745 * np.sqrt(2))  # of normal differences
    error = noise * np.sqrt(np.pi / 2 / NEIGHBOURS)
    return bool(high - low > max(band, CLEARLY * error))


def settled(seconds: tuple[float, ...]) -> tuple[float, ...]:
    """Return the chunks that a process's time is taken from: those after a warm-up, or all."""
    found = classify(seconds)
    return seconds[found.onset :] if found.steady else seconds


def unsteady(classes: Iterable[str]) -> bool:
    """Return whether too many processes of a result have no steady state.

    Somebody else's work spoils single processes too, on a shared machine one in three: of few
    processes nearly all have to fail, 3 of 3 or 5 of 8 (exact binomial test at 5 %).
    """
    failing = [name not in {"flat", "warm-up"} for name in classes]
    if sum(failing) <= FAILING_SHARE * len(failing):
        return False
    return bool(binom.sf(sum(failing) - 1, len(failing), FAILING_SHARE) <= ALPHA)

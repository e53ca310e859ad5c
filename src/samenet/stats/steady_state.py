"""Whether and from when on one process was in a steady state, judged by the times of its chunks.

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

SteadyStateClass = Literal["flat", "warm-up", "slowdown", "no steady state"]

CUT_PENALTY = 15.0
SEGMENT_CHUNKS_MIN = 3
"""Fewest chunks of a segment: the median of three is no outlier."""

VARIANCE_MIN = 1e-8
"""Of logarithms: steps of 0.01 %, the resolution of a clock, are no change."""

STEADY_SHARE_MIN = 0.5
"""The final level has to hold for at least this share of the series."""

DISTURBED_SHARE_MAX = 0.1
"""This share of the final level may be slower: other work on the machine, not the framework's."""

NEIGHBOUR_CHUNKS = 5
DRIFT_ERRORS_MIN = 4.0
"""The level drifts if medians of NEIGHBOURS chunks spread by CLEARLY of their standard errors."""

UNSTEADY_SHARE_MAX = 0.2
"""A result has no steady state if significantly more of its processes have none."""


class Segment(NamedTuple):
    """A stretch of chunks without a change."""

    start: int
    end: int
    level: float
    """The median of the logarithms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Steadiness:
    """The class of a series, and the first chunk of its final level."""

    name: SteadyStateClass
    onset: int = 0

    @property
    def steady(self) -> bool:
        """Return whether the process settled at its best level."""
        return self.name in {"flat", "warm-up"}


def find_segments(logs: NDArray[np.float64]) -> list[Segment]:
    """Return the cheapest cut into segments: dynamic programming over the start of the last one."""
    count = len(logs)
    # Cumulative sums give mean and variance of any stretch in two subtractions.
    sums = np.concatenate([[0.0], np.cumsum(logs)])
    squares = np.concatenate([[0.0], np.cumsum(logs**2)])
    penalty = CUT_PENALTY * np.log(max(count, 2))
    cheapest = np.full(count + 1, np.inf)  # cost of the best cut of the first `end` chunks
    last_start = np.zeros(count + 1, dtype=int)  # where its last segment starts
    cheapest[0] = -penalty
    for end in range(min(SEGMENT_CHUNKS_MIN, count), count + 1):
        starts = np.arange(max(1, end - SEGMENT_CHUNKS_MIN + 1))
        size = end - starts
        mean = (sums[end] - sums[starts]) / size
        variance = (squares[end] - squares[starts]) / size - mean**2
        cost = size * (np.log(np.maximum(variance, VARIANCE_MIN)) + 1)
        total = cheapest[starts] + cost + penalty
        last_start[end] = starts[np.argmin(total)]
        cheapest[end] = total.min()
    # Trace the best cut back from the end.
    from_the_end = []
    end = count
    while end > 0:
        start = int(last_start[end])
        from_the_end.append(Segment(start, end, float(np.median(logs[start:end]))))
        end = start
    return from_the_end[::-1]


@lru_cache(maxsize=65536)
def classify(seconds: tuple[float, ...], margin: float = MARGIN) -> Steadiness:
    """Return the class of one process's chunk times, in the order they were taken."""
    logs = np.log(np.asarray(seconds, dtype=np.float64))
    logs -= np.median(logs)  # the squares below then lose no digits
    band = np.log1p(margin)
    if np.ptp(logs) <= band:  # however it is cut, every segment is then at the same level
        return Steadiness(name="flat")
    pieces = find_segments(logs)
    onset = _onset(pieces, band)
    if len(logs) - onset < STEADY_SHARE_MIN * len(logs) or _drifts(logs[onset:], band):
        return Steadiness(name="no steady state")
    # What each segment before the final level was slower by; negative where it was faster.
    excess = [segment.level - pieces[-1].level for segment in pieces if segment.end <= onset]
    if any(log_ratio < -band for log_ratio in excess):
        return Steadiness(name="slowdown", onset=onset)
    return Steadiness(name="warm-up" if excess else "flat", onset=onset)


def _onset(pieces: Sequence[Segment], band: float) -> int:
    """Return where the final level begins; a small share of it may be slower."""
    final = pieces[-1]
    onset = final.start
    disturbed_chunks = 0
    # Back from the end: over disturbed segments, as long as they are few, to the first faster one.
    for segment in reversed(pieces[:-1]):
        excess = segment.level - final.level
        if excess < -band:
            break
        if excess > band:
            disturbed_chunks += segment.end - segment.start
        elif disturbed_chunks <= DISTURBED_SHARE_MAX * (final.end - segment.start):
            onset = segment.start
    return onset


def _drifts(logs: NDArray[np.float64], band: float) -> bool:
    """Return whether the level itself drifts or swings: medians of a few neighbours differ.

    They have to differ by more than the margin, and by more than noise explains. The noise is
    estimated from the differences of neighbouring chunks, on which a drift has hardly any effect.
    """
    if len(logs) < 2 * NEIGHBOUR_CHUNKS:
        return False
    parts = np.array_split(logs, len(logs) // NEIGHBOUR_CHUNKS)
    low, high = np.quantile([np.median(part) for part in parts], [0.15, 0.85])
    noise = np.median(np.abs(np.diff(logs))) / (0.6745 * np.sqrt(2))  # of normal differences
    error = noise * np.sqrt(np.pi / 2 / NEIGHBOUR_CHUNKS)
    return bool(high - low > max(band, DRIFT_ERRORS_MIN * error))


def drop_warm_up(seconds: tuple[float, ...]) -> tuple[float, ...]:
    """Return the chunks that a process's time is taken from: those after a warm-up, or all."""
    steadiness = classify(seconds)
    return seconds[steadiness.onset :] if steadiness.steady else seconds


def is_unsteady(classes: Iterable[str]) -> bool:
    """Return whether too many processes of a result have no steady state.

    Other work on the machine spoils single processes too, on a shared machine one in three: of a
    few processes nearly all have to fail, 3 of 3 or 5 of 8 (exact binomial test at 5 %).
    """
    failing = [name not in {"flat", "warm-up"} for name in classes]
    if sum(failing) <= UNSTEADY_SHARE_MAX * len(failing):
        return False
    return bool(binom.sf(sum(failing) - 1, len(failing), UNSTEADY_SHARE_MAX) <= ALPHA)

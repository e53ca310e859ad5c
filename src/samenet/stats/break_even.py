"""From how many steps on a slower start is worth it: "JAX pays off after about N steps".

    N* = (start-up of the other - start-up of the one) / (step of the one - step of the other)

Both differences are taken within repeats. The interval is Fieller's (1954, Journal of the Royal
Statistical Society B 16, 175; https://en.wikipedia.org/wiki/Fieller's_theorem): the N for which the
mean of start-up difference - N x step difference does not differ from 0, by Student's t. It knows
that the two go together, and that N* has no upper end while the step difference may be 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike

from samenet.stats.intervals import MARGIN, Interval, PerRepeat, arithmetic, t_factor
from samenet.stats.significance import Array, equivalent
from samenet.stats.verdicts import Word


class Kind(StrEnum):
    """When the other arm is the better choice."""

    FROM = "from"
    UNTIL = "until"
    ALWAYS = "always"
    NEVER = "never"
    UNKNOWN = Word.UNKNOWN.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What an arm takes, seconds by repeat."""

    start_up: PerRepeat
    step: PerRepeat


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakEven:
    """When the other arm takes less time than the one."""

    kind: Kind
    steps: Interval | None = None
    """In one program, for `from` and `until` only."""


def break_even(one: Cost, other: Cost, margin: float = MARGIN) -> BreakEven:
    """Return from or until how many steps the other arm takes less time than the one.

    Steps that are equivalent earn nothing back: a gain within the margin never makes the whole
    program faster by more than the margin. Then the start alone decides.
    """
    common = one.start_up.keys() & one.step.keys() & other.start_up.keys() & other.step.keys()
    repeats = sorted(common)
    if len(repeats) < 2:
        return BreakEven(kind=Kind.UNKNOWN)
    losses = [other.start_up[r] - one.start_up[r] for r in repeats]
    gains = [one.step[r] - other.step[r] for r in repeats]
    if not all(map(math.isfinite, losses + gains)):
        return BreakEven(kind=Kind.UNKNOWN)
    level = equivalent({r: one.step[r] for r in repeats}, other.step, margin)
    kind = _kind(_sign(losses), 0 if level else _sign(gains), level=level)
    if kind not in {Kind.FROM, Kind.UNTIL}:
        return BreakEven(kind=kind)
    return BreakEven(kind=kind, steps=_steps(losses, gains))


def _kind(loss: int, gain: int, *, level: bool) -> Kind:
    """Return the answer from the signs that are sure: of what a start loses and a step gains."""
    if gain > 0:
        return Kind.ALWAYS if loss < 0 else Kind.FROM
    if gain < 0:
        return Kind.NEVER if loss > 0 else Kind.UNTIL
    if level:
        return Kind.ALWAYS if loss < 0 else Kind.NEVER
    return Kind.UNKNOWN


def _sign(values: list[float]) -> int:
    """Return the sign of a mean, 0 if its 95 % interval holds 0."""
    found = arithmetic(values)
    return (found.low > 0) - (found.high < 0)


def _steps(losses: list[float], gains: list[float]) -> Interval:
    low, high = (max(0.0, float(end)) for end in fieller(losses, gains))
    value = max(0.0, sum(losses) / sum(gains))
    return Interval(value=value, low=low, high=high, n=len(losses))


def fieller(top: ArrayLike, bottom: ArrayLike) -> tuple[Array, Array]:
    """Return the 95 % interval of mean(top) / mean(bottom), paired along the last axis.

    It is everything where the mean of the bottom does not differ from 0.
    """
    above, below = np.asarray(top, np.float64), np.asarray(bottom, np.float64)
    n = above.shape[-1]
    mean_above, mean_below = above.mean(axis=-1), below.mean(axis=-1)
    off_above, off_below = above - mean_above[..., None], below - mean_below[..., None]
    scale = t_factor(n) ** 2 / (n * (n - 1))
    a = mean_below**2 - scale * (off_below**2).sum(axis=-1)
    b = mean_above * mean_below - scale * (off_above * off_below).sum(axis=-1)
    c = mean_above**2 - scale * (off_above**2).sum(axis=-1)
    root = np.sqrt(np.maximum(0.0, b**2 - a * c))
    with np.errstate(divide="ignore", invalid="ignore"):
        low, high = (b - root) / a, (b + root) / a
    return np.where(a > 0, low, -np.inf), np.where(a > 0, high, np.inf)

"""From how many steps on a slower start is worth it: "JAX pays off after about N steps".

    N* = (start-up of the other - start-up of the base) / (step of the base - step of the other)

Both differences are taken within repeats. The interval is Fieller's (1954, Journal of the Royal
Statistical Society B 16, 175; https://en.wikipedia.org/wiki/Fieller's_theorem): the N for which the
mean of start-up difference - N x step difference does not differ from 0, by Student's t. It allows
for the correlation of the two, and has no upper end while the step difference may be 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike

from samenet.stats.intervals import MARGIN, Interval, PerRepeat, arithmetic_mean, t_factor
from samenet.stats.significance import Array, is_equivalent
from samenet.stats.verdicts import VerdictWord


class BreakEvenKind(StrEnum):
    """When the other arm is the better choice."""

    FROM = "from"
    UNTIL = "until"
    ALWAYS = "always"
    NEVER = "never"
    UNKNOWN = VerdictWord.UNKNOWN.value


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmTimes:
    """The times of an arm, seconds by repeat."""

    start_up: PerRepeat
    step: PerRepeat


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakEven:
    """When the other arm takes less time than the base."""

    kind: BreakEvenKind
    steps: Interval | None = None
    """In one program; for `from` and `until` only."""


def break_even(base: ArmTimes, other_arm: ArmTimes, margin: float = MARGIN) -> BreakEven:
    """Return from or until how many steps the other arm takes less time than the base.

    Steps that are equivalent earn nothing back: a gain within the margin never makes the whole
    program faster by more than the margin. Then the start alone decides,
    and where its difference may be 0 nothing is known.
    """
    series = (base.start_up, base.step, other_arm.start_up, other_arm.step)
    repeats = sorted(set.intersection(*(set(times) for times in series)))
    if len(repeats) < 2:
        return BreakEven(kind=BreakEvenKind.UNKNOWN)
    losses = [other_arm.start_up[r] - base.start_up[r] for r in repeats]
    gains = [base.step[r] - other_arm.step[r] for r in repeats]
    if not all(map(math.isfinite, losses + gains)):
        return BreakEven(kind=BreakEvenKind.UNKNOWN)
    same_step = is_equivalent({r: base.step[r] for r in repeats}, other_arm.step, margin)
    kind = _kind(_sign(losses), 0 if same_step else _sign(gains), same_step=same_step)
    if kind not in {BreakEvenKind.FROM, BreakEvenKind.UNTIL}:
        return BreakEven(kind=kind)
    low, high = (max(0.0, float(end)) for end in fieller_interval(losses, gains))
    value = max(0.0, sum(losses) / sum(gains))
    return BreakEven(kind=kind, steps=Interval(value=value, low=low, high=high, n=len(repeats)))


def _kind(loss: int, gain: int, *, same_step: bool) -> BreakEvenKind:
    """Return the answer from the signs that are certain: what the start loses, a step gains."""
    if gain > 0:
        return BreakEvenKind.ALWAYS if loss < 0 else BreakEvenKind.FROM
    if gain < 0:
        return BreakEvenKind.NEVER if loss > 0 else BreakEvenKind.UNTIL
    if same_step and loss:
        return BreakEvenKind.ALWAYS if loss < 0 else BreakEvenKind.NEVER
    return BreakEvenKind.UNKNOWN


def _sign(values: list[float]) -> int:
    """Return the sign of a mean; 0 if its 95 % interval holds 0."""
    mean = arithmetic_mean(values)
    return (mean.low > 0) - (mean.high < 0)


def fieller_interval(numerator: ArrayLike, denominator: ArrayLike) -> tuple[Array, Array]:
    """Return the 95 % interval of mean(numerator) / mean(denominator), paired along the last axis.

    It is the whole line where the mean of the denominator does not differ from 0.
    """
    x, y = np.asarray(numerator, np.float64), np.asarray(denominator, np.float64)
    n = x.shape[-1]
    mean_x, mean_y = x.mean(axis=-1), y.mean(axis=-1)
    deviation_x, deviation_y = x - mean_x[..., None], y - mean_y[..., None]
    scale = t_factor(n) ** 2 / (n * (n - 1))
    # The ends are the roots of a N^2 - 2 b N + c: where |mean of x - N y| is t standard errors.
    a = mean_y**2 - scale * (deviation_y**2).sum(axis=-1)
    b = mean_x * mean_y - scale * (deviation_x * deviation_y).sum(axis=-1)
    c = mean_x**2 - scale * (deviation_x**2).sum(axis=-1)
    root = np.sqrt(np.maximum(0.0, b**2 - a * c))
    with np.errstate(divide="ignore", invalid="ignore"):
        low, high = (b - root) / a, (b + root) / a
    return np.where(a > 0, low, -np.inf), np.where(a > 0, high, np.inf)

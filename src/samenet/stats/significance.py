"""What is different, what is equivalent, and how many tests at once.

Student's tests take an Estimate, of one pair or of ten thousand simulated ones, so that a verdict
and a simulation come from the same lines. The tests by signs work along the last axis, whose
entries are the log-ratios of the repeats.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import bdtr, stdtr

from samenet import _random
from samenet.stats.intervals import MARGIN, VERDICT_REPEATS_MIN, Estimate, PerRepeat, log_ratios

Array = NDArray[np.float64]

ALPHA = 0.05
"""So often, at most, may a whole table name a difference where there is none."""

EXACT_REPEATS_MAX = 16
"""Up to here all 2^n sign flips are counted; beyond, SIGN_FLIPS of them are drawn."""

SIGN_FLIPS = 20_000


def t_of(found: Estimate, edge: float = 0.0) -> Array:
    """Return Student's t of the mean against `edge`; infinite without spread, 0 without both."""
    away = np.subtract(found.centre, edge)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(away == 0, 0.0, away / np.asarray(found.error))


def above_p(found: Estimate, edge: float) -> Array:
    """Return the one-sided p that the mean is at most `edge`; 1 of a single repeat."""
    return _below(found, -t_of(found, edge))


def difference_p(found: Estimate) -> Array:
    """Return the two-sided p of Student's t test that the mean is 0, a ratio 1."""
    return np.minimum(1.0, 2 * _below(found, -np.abs(t_of(found))))


def beyond_p(found: Estimate, margin: float) -> Array:
    """Return the p that the ratio is within the margin: at most 0.05 if the 95 % interval is not.

    The test of `difference_p`, moved from 1 to the edge of the margin on the nearer side.
    """
    away = replace(found, centre=np.abs(found.centre))
    return np.minimum(1.0, 2 * above_p(away, math.log1p(margin)))


def equivalence_p(found: Estimate, margin: float) -> Array:
    """Return the p of two one-sided tests that the ratio is outside 1/(1 + margin) .. 1 + margin.

    The larger of the two counts (Schuirmann 1987, https://doi.org/10.1007/BF01068419): at most
    0.05 exactly if the 90 % interval lies inside.
    """
    edge = math.log1p(margin)
    return np.maximum(_below(found, t_of(found, edge)), _below(found, -t_of(found, -edge)))


def _below(found: Estimate, t: Array) -> Array:
    """Return how often chance puts Student's t below `t`; 1, which shows nothing, of one repeat."""
    return np.asarray(stdtr(found.freedom, t)) if found.freedom else np.ones_like(t)


def equivalent(one: PerRepeat, other: PerRepeat, margin: float = MARGIN) -> bool:
    """Return whether one pair is shown to differ by less than the margin, by `equivalence_p`.

    It takes as many repeats as a verdict and no infinite time. Several pairs are adjusted for their
    number, in samenet.stats.verdicts.
    """
    logs = log_ratios(one, other)
    if len(logs) < VERDICT_REPEATS_MIN or not all(map(math.isfinite, logs)):
        return False
    return bool(equivalence_p(Estimate.of(logs), margin) <= ALPHA)


def sign_flip_p(logs: ArrayLike) -> Array:
    """Return the two-sided p of the sign-flip permutation test of the mean.

    If neither arm is faster, every log-ratio could as well have the other sign (Fisher 1935, The
    Design of Experiments, 21). Up to 16 repeats all flips are counted, beyond that seeded ones are
    drawn and the observed one is counted in (Phipson and Smyth 2010,
    https://doi.org/10.2202/1544-6115.1585). It cannot be below 2 / 2^n.
    """
    values = np.asarray(logs, dtype=np.float64)
    signs, drawn = _signs(values.shape[-1])
    sums = np.abs(values @ signs)
    observed = np.abs(values.sum(axis=-1, keepdims=True)) * (1 - 1e-12)
    hits = (sums >= observed).sum(axis=-1)
    return (hits + drawn) / (signs.shape[-1] + drawn)


@lru_cache(maxsize=32)
def _signs(n: int) -> tuple[Array, int]:
    """Return signs (n, flips), and 1 if they are drawn; all of them need only half, as |sum|."""
    if n > EXACT_REPEATS_MAX:
        draw = _random.generator("sign flips", n)
        return draw.choice([-1.0, 1.0], size=(n, SIGN_FLIPS)), 1
    codes = np.arange(2 ** (n - 1))
    return np.where(codes >> np.arange(n)[:, None] & 1, -1.0, 1.0), 0


def sign_p(logs: ArrayLike) -> float:
    """Return the two-sided p of the sign test of one pair, which infinite log-ratios allow."""
    values = np.asarray(logs, dtype=np.float64)
    more, less = int((values > 0).sum()), int((values < 0).sum())
    return min(1.0, 2 * float(bdtr(min(more, less), more + less, 0.5)))


def holm(p_values: ArrayLike) -> Array:
    """Return p values adjusted for their number, step down: all at most alpha with chance alpha.

    The i-th smallest of m is multiplied by m - i + 1 and is at least the one before it (Holm 1979,
    https://www.jstor.org/stable/4615733). It holds whatever the p values have to do with each
    other.
    """
    values = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(values, axis=-1, kind="stable")
    factors = np.arange(values.shape[-1], 0, -1)
    rising = np.maximum.accumulate(np.take_along_axis(values, order, -1) * factors, axis=-1)
    adjusted = np.empty_like(rising)
    np.put_along_axis(adjusted, order, np.minimum(1.0, rising), -1)
    return adjusted

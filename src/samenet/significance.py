"""Tests of paired log-ratios: what is different, what is equivalent, and how many tests at once.

Every function works along the last axis, whose entries are the repeats, so that a verdict and ten
thousand simulated ones come from the same lines.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import bdtr, stdtr, stdtrit

from samenet import draws
from samenet.statistics import CONFIDENCE

Array = NDArray[np.float64]

ALPHA = 0.05
"""So often, at most, may a whole table name a difference where there is none."""

EXACT_REPEATS_MAX = 16
"""Up to here all 2^n sign flips are counted; beyond, SIGN_FLIPS of them are drawn."""

SIGN_FLIPS = 20_000


def t_of(logs: ArrayLike, zero: float = 0.0) -> Array:
    """Return Student's t of the mean against `zero`; infinite without spread, 0 without both."""
    values = np.asarray(logs, dtype=np.float64)
    mean = values.mean(axis=-1) - zero
    with np.errstate(divide="ignore", invalid="ignore"):
        found = mean / (values.std(axis=-1, ddof=1) / math.sqrt(values.shape[-1]))
    return np.where(mean == 0, 0.0, found)


def half_width(logs: ArrayLike, confidence: float = CONFIDENCE) -> Array:
    """Return the half width of the t interval of the mean."""
    values = np.asarray(logs, dtype=np.float64)
    n = values.shape[-1]
    factor = float(stdtrit(n - 1, 0.5 + confidence / 2)) / math.sqrt(n)
    return factor * values.std(axis=-1, ddof=1)


def difference_p(logs: ArrayLike) -> Array:
    """Return the two-sided p of Student's paired t test that the ratio is 1."""
    return 2 * stdtr(_freedom(logs), -np.abs(t_of(logs)))


def beyond_p(logs: ArrayLike, margin: float) -> Array:
    """Return the p that the ratio is within the margin: at most 0.05 if the 95 % interval is not.

    The test of `difference_p`, moved from 1 to the edge of the margin on the nearer side.
    """
    values = np.asarray(logs, dtype=np.float64)
    sign = np.where(values.mean(axis=-1, keepdims=True) < 0, -1.0, 1.0)
    return np.minimum(1.0, 2 * stdtr(_freedom(logs), -t_of(values * sign, math.log1p(margin))))


def equivalence_p(logs: ArrayLike, margin: float) -> Array:
    """Return the p of two one-sided tests that the ratio is outside 1/(1 + margin) .. 1 + margin.

    The larger of the two counts (Schuirmann 1987, https://doi.org/10.1007/BF01068419): at most
    0.05 exactly if the 90 % interval lies inside.
    """
    edge, freedom = math.log1p(margin), _freedom(logs)
    below, above = stdtr(freedom, t_of(logs, edge)), stdtr(freedom, -t_of(logs, -edge))
    return np.maximum(below, above)


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
        draw = draws.generator("sign flips", n)
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


def repeats_for_exact(comparisons: int) -> int:
    """Return the fewest repeats with which sign flips could show one of so many differences.

    The smallest p of n repeats is 2 / 2^n; it must be at most alpha / comparisons.
    """
    return math.ceil(math.log2(2 * comparisons / ALPHA))


def _freedom(logs: ArrayLike) -> Any:
    return np.shape(logs)[-1] - 1

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
"""The chance, at most, that a whole table names a difference where there is none."""

EXACT_REPEATS_MAX = 16
"""Up to this number all 2^n sign flips are counted; beyond it SIGN_FLIPS of them are drawn."""

SIGN_FLIPS = 20_000


def t_statistic(estimate: Estimate, edge: float = 0.0) -> Array:
    """Return Student's t of mean - edge: infinite without spread, 0 without a difference too."""
    difference = np.subtract(estimate.centre, edge)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(difference == 0, 0.0, difference / np.asarray(estimate.standard_error))


def above_p(estimate: Estimate, edge: float) -> Array:
    """Return the one-sided p that the mean is at most `edge`; 1 for a single repeat."""
    return _t_cdf(estimate, -t_statistic(estimate, edge))


def difference_p(estimate: Estimate) -> Array:
    """Return the two-sided p of Student's t test that the mean is 0, a ratio 1."""
    return np.minimum(1.0, 2 * _t_cdf(estimate, -np.abs(t_statistic(estimate))))


def beyond_p(estimate: Estimate, margin: float) -> Array:
    """Return the p that the ratio is within the margin: at most 0.05 if the 95 % interval is not.

    The test of `difference_p`, moved from 1 to the nearer edge of the margin.
    """
    positive = replace(estimate, centre=np.abs(estimate.centre))
    return np.minimum(1.0, 2 * above_p(positive, math.log1p(margin)))


def equivalence_p(estimate: Estimate, margin: float) -> Array:
    """Return the p of two one-sided tests that the ratio is outside 1/(1 + margin) .. 1 + margin.

    The larger of the two counts (Schuirmann 1987, https://doi.org/10.1007/BF01068419): at most
    0.05 exactly if the 90 % interval lies inside.
    """
    edge = math.log1p(margin)
    not_below = _t_cdf(estimate, t_statistic(estimate, edge))
    not_above = _t_cdf(estimate, -t_statistic(estimate, -edge))
    return np.maximum(not_below, not_above)


def _t_cdf(estimate: Estimate, t: Array) -> Array:
    """Return the probability that Student's t is at most `t`; 1, no evidence, for one repeat."""
    freedom = estimate.degrees_of_freedom
    return np.asarray(stdtr(freedom, t)) if freedom else np.ones_like(t)


def is_equivalent(times: PerRepeat, against: PerRepeat, margin: float = MARGIN) -> bool:
    """Return whether one pair is shown to differ by less than the margin, by `equivalence_p`.

    It takes as many repeats as a verdict and no infinite time. For several pairs, which have to be
    adjusted for their number, see samenet.stats.verdicts.
    """
    logs = log_ratios(times, against)
    if len(logs) < VERDICT_REPEATS_MIN or not all(map(math.isfinite, logs)):
        return False
    return bool(equivalence_p(Estimate.of(logs), margin) <= ALPHA)


def sign_flip_p(logs: ArrayLike) -> Array:
    """Return the two-sided p of the sign-flip permutation test of the mean.

    If neither arm is faster, every log-ratio could equally well have the other sign (Fisher 1935,
    The Design of Experiments, 21). Up to 16 repeats all flips are counted; beyond that, seeded ones
    are drawn and the observed one is counted with them (Phipson and Smyth 2010,
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
    """Return signs (n, flips), and 1 if they are drawn, else 0; half of all is enough for |sum|."""
    if n > EXACT_REPEATS_MAX:
        draw = _random.make_generator("sign flips", n)
        return draw.choice([-1.0, 1.0], size=(n, SIGN_FLIPS)), 1
    codes = np.arange(2 ** (n - 1))
    return np.where(codes >> np.arange(n)[:, None] & 1, -1.0, 1.0), 0


def sign_p(logs: ArrayLike) -> float:
    """Return the two-sided p of the sign test of one pair; log-ratios may be infinite."""
    values = np.asarray(logs, dtype=np.float64)
    positive = int((values > 0).sum())
    negative = int((values < 0).sum())
    return min(1.0, 2 * float(bdtr(min(positive, negative), positive + negative, 0.5)))


def adjust_by_holm(p_values: ArrayLike) -> Array:
    """Return p values adjusted for their number by Holm's step-down method.

    If all hypotheses are true, the chance that any adjusted p is at most alpha is at most alpha,
    however the p values depend on each other. The i-th smallest of m is multiplied by m - i + 1
    and is at least the one before it (Holm 1979, https://www.jstor.org/stable/4615733).
    """
    values = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(values, axis=-1, kind="stable")
    factors = np.arange(values.shape[-1], 0, -1)
    rising = np.maximum.accumulate(np.take_along_axis(values, order, -1) * factors, axis=-1)
    adjusted = np.empty_like(rising)
    np.put_along_axis(adjusted, order, np.minimum(1.0, rising), -1)
    return adjusted

"""Whether many iterations in few processes are taken for many measurements (M19).

Two arms of equal speed; a share of the variance lies between processes, where more iterations do
not help. Beside our rule stands pyperf's: a two-sample t test of all values pooled
(https://github.com/psf/pyperf, `pyperf/_utils.py`, `is_significant`; the exact quantile of t here,
a table there).
"""

from __future__ import annotations

import itertools

import numpy as np
from scipy.special import stdtrit

from samenet import _random
from samenet.selftest import simulation
from samenet.selftest.base import Figure, SelfTestOrder
from samenet.selftest.simulation import AgreementSample, Bools
from samenet.stats import significance
from samenet.stats.intervals import Estimate
from samenet.stats.significance import ALPHA, Array

SUMMARY = "variance between processes makes no false differences, as it does when values are pooled"
OPTIONS = ("n", "short", "seed")

SHARES = (0.0, 0.25, 0.5, 0.75)
LAYOUTS = ((20, 3), (6, 10), (5, 50))
"""Processes, values in each: pyperf's usual one, its one for compilers, and few long processes."""

NOISE = 0.01
FOOLED = 0.25
"""What the pooled rule must reach where half of the variance lies between processes."""


def run(order: SelfTestOrder) -> list[Figure]:
    """Return the rate of false differences per layout and share, ours and pyperf's."""
    trials = order.trials(5_000, 1_000)
    figures, checked = [], []
    for (processes, values), share in itertools.product(LAYOUTS, SHARES):
        seconds = _runs((trials, 2, processes, values), share, order.seed)
        logs = np.log(np.median(seconds, axis=-1))
        ours = significance.difference_p(Estimate.of_runs(logs[:, 1] - logs[:, 0])) <= ALPHA
        name = f"{processes} processes of {values} values, {share:.0%} between"
        figures.append(simulation.share_figure(name, ours, least=0.03, most=0.07))
        least = FOOLED if share >= 0.5 and processes < 20 else None
        figures.append(
            simulation.share_figure(f"{name}, pooled for contrast", _pooled(seconds), least=least)
        )
        checked.append(AgreementSample(logs, ours, simulation.arms_differ))
    return [*figures, simulation.agreement_figure(*checked)]


def _runs(shape: tuple[int, int, int, int], share: float, seed: int) -> Array:
    """Return seconds (runs, arms, processes, values) of equal arms."""
    draw = _random.make_generator("pseudo", *shape, str(share), seed)
    between = draw.normal(0, NOISE * np.sqrt(share), (*shape[:3], 1))
    return 1 + between + draw.normal(0, NOISE * np.sqrt(1 - share), shape)


def _pooled(seconds: Array) -> Bools:
    """Return where pyperf's rule finds a difference."""
    values = seconds.reshape(*seconds.shape[:2], -1)
    n = values.shape[-1]
    error = values.var(axis=-1, ddof=1).mean(axis=1) / n
    means = values.mean(axis=-1)
    t = (means[:, 1] - means[:, 0]) / np.sqrt(2 * error)
    return np.abs(t) >= float(stdtrit(2 * n - 2, 1 - ALPHA / 2))

"""Whether a 95 % interval holds the truth in 95 of 100 runs, whatever the noise looks like (M18).

The percentile bootstrap of the same numbers (Efron 1979), the usual choice, stands beside it.
"""

from __future__ import annotations

import math

import numpy as np

from samenet import _random
from samenet.selftest import simulation
from samenet.selftest.base import Figure, SelfTestOrder
from samenet.selftest.simulation import AgreementSample, Bools
from samenet.stats import intervals
from samenet.stats.intervals import CONFIDENCE, Estimate
from samenet.stats.pairwise import TimesByArm
from samenet.stats.significance import Array

SUMMARY = "95 % intervals hold the true ratio in 93 of 100 runs or more, under four kinds of noise"
OPTIONS = ("n", "short", "seed")

REPEATS = (5, 8, 12, 20, 30)
TRUTH = math.log(1.3)
NOISE = 0.02
RESAMPLES = 1000


def run(order: SelfTestOrder) -> list[Figure]:
    """Return the coverage per law and number of repeats, then that of the bootstrap."""
    trials = order.trials(20_000, 2_000)
    figures, checked = [], []
    for law in simulation.LAWS:
        for repeats in REPEATS:
            logs = _runs(law, (trials, 2, repeats), order.seed)
            ratios = logs[:, 1] - logs[:, 0]
            estimate = Estimate.of_runs(ratios)
            hits = np.abs(estimate.centre - TRUTH) <= estimate.half_width()
            most = 0.975 if law == "normal" else None
            name = f"{law} noise, {repeats} repeats"
            figures.append(simulation.share_figure(name, hits, least=0.93, most=most))
            checked.append(AgreementSample(logs, hits, _covers))
    return [*figures, *_bootstrap(trials, order.seed), simulation.agreement_figure(*checked)]


def _runs(law: str, shape: tuple[int, ...], seed: int) -> Array:
    """Return log seconds of two arms whose machine drifts as a whole from repeat to repeat."""
    draw = _random.make_generator("coverage", law, shape[-1], seed)
    shared = draw.normal(0, 0.1, (shape[0], 1, shape[-1]))
    return shared + NOISE * simulation.LAWS[law](draw, shape) + np.array([[0.0], [TRUTH]])


def _covers(times: TimesByArm) -> bool:
    interval = intervals.paired_ratio(times["1"], times["0"])
    return interval.low <= math.exp(TRUTH) <= interval.high


def _bootstrap(trials: int, seed: int) -> list[Figure]:
    """Return how often the bootstrap's interval holds the truth; too seldom, up to 12 repeats."""
    figures = []
    for repeats in REPEATS:
        logs = _runs("normal", (trials, 2, repeats), seed)
        hits = _percentile(logs[:, 1] - logs[:, 0], seed)
        most = 0.93 if repeats <= 12 else None
        name = f"percentile bootstrap for contrast, {repeats} repeats"
        figures.append(simulation.share_figure(name, hits, most=most))
    return figures


def _percentile(ratios: Array, seed: int) -> Bools:
    """Return where the truth lies in the middle 95 % of resampled means.

    All runs share one set of resamples, so that a mean is one product of matrices.
    """
    repeats = ratios.shape[-1]
    draw = _random.make_generator("coverage", "bootstrap", repeats, seed)
    counts = draw.multinomial(repeats, np.full(repeats, 1 / repeats), size=RESAMPLES)
    below = (ratios @ (counts.T / repeats) < TRUTH).mean(axis=-1)
    return np.asarray(np.abs(below - 0.5) <= CONFIDENCE / 2)

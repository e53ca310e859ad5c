"""Whether a machine that slows down during the run makes differences (M12).

Two equal arms run in the order of a real plan (samenet.runs.plan.rotate), then, for contrast,
all of one arm before all of the other.
"""

from __future__ import annotations

import itertools

import numpy as np

from samenet import _random
from samenet.runs.plan import rotate
from samenet.selftest import simulation
from samenet.selftest.base import Figure, SelfTestOrder
from samenet.selftest.simulation import AgreementSample
from samenet.stats import significance
from samenet.stats.intervals import Estimate
from samenet.stats.significance import ALPHA, Array

SUMMARY = "a machine that drifts makes no difference in the order of a plan, as it does arm by arm"
OPTIONS = ("n", "short", "seed")

DRIFTS, REPEATS, ARMS = (0.02, 0.05), (8, 20), (2, 6)
NOISE = 0.01
CHUNKS = 9


def run(order: SelfTestOrder) -> list[Figure]:
    """Return the rates of false differences: as planned, and arm by arm."""
    trials = order.trials(10_000, 1_000)
    figures, checked = [], []
    for drift, repeats, arms in itertools.product(DRIFTS, REPEATS, ARMS):
        logs = _runs(_planned(arms, repeats), drift, trials, order.seed)
        differing = _differ(logs)
        name = f"drift of {drift:.0%}, {arms} arms, {repeats} repeats"
        figures.append(simulation.share_figure(name, differing, most=0.07))
        checked.append(AgreementSample(logs, differing, simulation.arms_differ))
    for drift, repeats in itertools.product(DRIFTS, REPEATS):
        differing = _differ(_runs(_one_by_one(2, repeats), drift, trials, order.seed))
        name = f"drift of {drift:.0%}, arm by arm for contrast, {repeats} repeats"
        figures.append(simulation.share_figure(name, differing, least=0.25))
    return [*figures, simulation.agreement_figure(*checked)]


def _planned(arms: int, repeats: int) -> Array:
    """Return when in the session each runs, from 0 to 1: (arms, repeats)."""
    names = [str(arm) for arm in range(arms)]
    turns = [rotate(names, repeat) for repeat in range(repeats)]
    places = [[arms * n + turn.index(name) for n, turn in enumerate(turns)] for name in names]
    return np.array(places) / (arms * repeats - 1)


def _one_by_one(arms: int, repeats: int) -> Array:
    return np.arange(arms * repeats).reshape(arms, repeats) / (arms * repeats - 1)


def _runs(places: Array, drift: float, trials: int, seed: int) -> Array:
    """Return log seconds of the first two arms: process noise, drift, the median of some chunks."""
    draw = _random.make_generator("drift", *places.shape, str(drift), seed)
    shape = (trials, 2, places.shape[1])
    delayed = draw.random((*shape, CHUNKS)) < 0.05
    chunks = draw.normal(0, NOISE, (*shape, CHUNKS)) + delayed * draw.exponential(0.03, (*shape, 1))
    return draw.normal(0, NOISE, shape) + drift * places[:2] + np.median(chunks, axis=-1)


def _differ(logs: Array) -> simulation.Bools:
    return significance.difference_p(Estimate.of_runs(logs[:, 1] - logs[:, 0])) <= ALPHA

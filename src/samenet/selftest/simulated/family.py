"""Whether a table of many arms names differences, or ties, that are not there (M20)."""

from __future__ import annotations

import numpy as np

from samenet import _random
from samenet.selftest import simulation
from samenet.selftest.base import Figure, SelfTestOrder
from samenet.selftest.simulation import AgreementSample
from samenet.stats import significance
from samenet.stats.intervals import MARGIN, Estimate
from samenet.stats.pairwise import TimesByArm
from samenet.stats.significance import ALPHA, Array
from samenet.stats.verdicts import VerdictWord, judge_arms

SUMMARY = "among equal arms a whole table names a slower one in 6 of 100 runs at most"
OPTIONS = ("n", "short", "seed")

NOISE, NOISE_OF_TIES = 0.08, 0.02
"""With much noise equal arms are not called too close, which would hide a wrong word."""

ARMS, REPEATS = 6, 8
MANY = 20


def run(order: SelfTestOrder) -> list[Figure]:
    """Return the rates of tables with a wrong word, then those of other rules."""
    trials = order.trials(20_000, 2_000)
    logs = _runs(order, ARMS, trials)
    named_slower = simulation.apply_rule(logs).slower.any(axis=-1)
    many = _runs(order, MANY, max(1, trials // 10))
    of_many = simulation.apply_rule(many).slower.any(axis=-1)
    return [
        simulation.share_figure(f"{ARMS} equal arms: one called slower", named_slower, most=0.06),
        simulation.share_figure(f"{MANY} equal arms: one called slower", of_many, most=0.06),
        simulation.agreement_figure(AgreementSample(logs, named_slower, _one_is_slower)),
        *_ties(order, trials),
        *_contrasts(logs, many),
    ]


def _runs(order: SelfTestOrder, arms: int, trials: int, noise: float = NOISE) -> Array:
    draw = _random.make_generator("family", arms, str(noise), order.seed)
    return draw.normal(0, noise, (trials, arms, REPEATS))


def _one_is_slower(times: TimesByArm) -> bool:
    return any(row.word is VerdictWord.SLOWER for row in judge_arms(times))


def _ties(order: SelfTestOrder, trials: int) -> list[Figure]:
    """Five arms exactly at the margin from the best: any `too close to call` is wrong."""
    slower = np.log1p(MARGIN) * (np.arange(ARMS) > 0)[:, None]
    logs = _runs(order, ARMS, trials, NOISE_OF_TIES) + slower
    best = logs.mean(axis=-1).argmin(axis=-1)
    ours = simulation.apply_rule(logs).close
    plain = simulation.equivalent_to(logs, best, MARGIN, adjusted=False)
    name = f"{ARMS - 1} arms at the margin: one called too close"
    return [
        simulation.share_figure(name, ours.any(axis=-1), most=0.06),
        simulation.share_figure(f"{name}, not adjusted for contrast", plain.any(axis=-1)),
    ]


def _contrasts(*runs: Array) -> list[Figure]:
    """Return what other rules call slower: k - 1 comparisons with the observed best, or none."""
    figures = []
    for logs in runs:
        arms = logs.shape[1]
        ratios = simulation.log_ratios_to(logs, logs.mean(axis=-1).argmin(axis=-1))
        p = significance.difference_p(Estimate.of_runs(ratios)).min(axis=-1)
        few, plain = p * (arms - 1) <= ALPHA, p <= ALPHA
        with_best = f"{arms} equal arms, Holm over {arms - 1} comparisons with the observed best"
        figures.append(simulation.share_figure(f"{with_best}, for contrast", few, least=0.07))
        figures.append(
            simulation.share_figure(
                f"{arms} equal arms, not adjusted, for contrast", plain, least=0.2
            )
        )
    return figures

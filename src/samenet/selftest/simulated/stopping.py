"""Whether stopping early makes differences, or intervals that are too narrow (M13).

The rule of stats.stopping looks at 8, 12, 16, 24 and 30 repeats and stops on the width of the
interval. The same loop with another rule, to stop as soon as a difference is significant, must be
caught; to stop at the first narrow interval is shown beside it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np

from samenet import _random
from samenet.selftest import simulation
from samenet.selftest.base import Figure, SelfTestOrder
from samenet.selftest.simulation import AgreementSample, Bools
from samenet.stats import significance, stopping
from samenet.stats.intervals import Estimate
from samenet.stats.pairwise import TimesByArm
from samenet.stats.significance import ALPHA, Array

SUMMARY = "stopping on the interval's width keeps its promise; repeating until significant does not"
OPTIONS = ("n", "short", "seed")

LAWS = ("normal", "contaminated")
NOISES = (0.01, 0.03, 0.045)
"""Of one arm: runs end early, midway (where luck counts most), or mostly at the last look."""

Rule = Callable[[Array], Bools]
EVERY = tuple(range(stopping.INTERIM_LOOKS[0], stopping.INTERIM_LOOKS[-1] + 1))


def run(order: SelfTestOrder) -> list[Figure]:
    """Return the rates of false differences and of coverage, then those of other rules."""
    trials = order.trials(40_000, 5_000)
    figures, checked = [], []
    for law, noise in itertools.product(LAWS, NOISES):
        logs = _runs(law, noise, trials, order.seed)
        counts = repeats_at_stop(_ratios(logs), stopping.should_stop_pair, stopping.INTERIM_LOOKS)
        figures += _kept(f"{law} noise {noise:.1%}", _ratios(logs), counts)
        checked.append(AgreementSample(logs, counts, _stops_at))
    others = (
        ("until significant, at every repeat", _significant, EVERY, 0.15),
        ("until significant, at fixed looks", _significant, stopping.INTERIM_LOOKS, 0.08),
        ("until the first narrow interval", _narrow, stopping.INTERIM_LOOKS, None),
    )
    ratios = _ratios(_runs("normal", NOISES[1], trials, order.seed))
    for name, rule, looks, least in others:
        differing = _differs_at(ratios, repeats_at_stop(ratios, rule, looks))
        quantity = f"{name}, for contrast: false differences"
        figures.append(simulation.share_figure(quantity, differing, least=least))
    return [*figures, simulation.agreement_figure(*checked)]


def _kept(name: str, ratios: Array, counts: Array) -> list[Figure]:
    wrong = _differs_at(ratios, counts)
    name = f"{name}, {counts.mean():.1f} repeats on average"
    return [
        simulation.share_figure(f"{name}: false differences", wrong, most=0.065),
        simulation.share_figure(f"{name}: coverage", ~wrong, least=0.935),
    ]


def _runs(law: str, noise: float, trials: int, seed: int) -> Array:
    """Return log seconds of two equal arms, as many repeats as there may be."""
    draw = _random.make_generator("stopping", law, str(noise), seed)
    return noise * simulation.LAWS[law](draw, (trials, 2, stopping.INTERIM_LOOKS[-1]))


def _ratios(logs: Array) -> Array:
    return logs[:, 1] - logs[:, 0]


def repeats_at_stop(ratios: Array, rule: Rule, looks: Sequence[int]) -> Array:
    """Return after how many repeats each run stops."""
    counts = np.full(len(ratios), looks[-1])
    for look in reversed(looks):
        counts[rule(ratios[:, :look])] = look
    return counts


def _narrow(ratios: Array) -> Bools:
    return stopping.is_narrow(Estimate.of_runs(ratios))


def _significant(ratios: Array) -> Bools:
    return significance.difference_p(Estimate.of_runs(ratios)) <= ALPHA


def _differs_at(ratios: Array, counts: Array) -> Bools:
    """Return which runs, each at its own count, differ: equal arms, so 1 is not in the interval."""
    differs = np.zeros(len(ratios), bool)
    for count in np.unique(counts).tolist():
        here = counts == count
        differs[here] = _significant(ratios[here, :count])
    return differs


def _stops_at(times: TimesByArm) -> int:
    """Return after how many repeats a real run of these times would stop."""
    for look in stopping.INTERIM_LOOKS:
        if stopping.should_stop(
            {arm: {n: each[n] for n in range(look)} for arm, each in times.items()}
        ):
            return look
    return stopping.INTERIM_LOOKS[-1]

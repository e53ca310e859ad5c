"""Whether ranks say no more than was found: ties, and what no order can hold (M23)."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from functools import partial

import numpy as np

from samenet import _random
from samenet.selftest import simulation
from samenet.selftest.base import Figure, SelfTestOrder, rate_figure
from samenet.selftest.simulation import AgreementSample
from samenet.stats import intervals, ranking
from samenet.stats.significance import Array

SUMMARY = "equal arms share a rank, different ones do not, and what no ranking can hold is reported"
OPTIONS = ("n", "short", "seed")

NOISE, REPEATS, ARMS = 0.02, 12, 6
GROUPS = np.log([1.0, 1.0, 1.0, 1.1, 1.1, 1.1])

SCREENED = 200
Ranks = dict[str, int]


def run(order: SelfTestOrder) -> list[Figure]:
    """Return the shares of runs whose ranks are right, and what is said of planted triples."""
    trials = order.trials(2_000, 400)
    equal = _runs(order, np.zeros(ARMS), trials)
    groups = _runs(order, GROUPS, trials)
    ranks = list(_ranked(equal))
    parted, ordered = np.array([_parted(r) for r in ranks]), _ordered(_ranked(groups))
    some = [simulation.as_times(logs) for logs in equal[:SCREENED]]
    screened = sum(_parted(intervals.rank_arms(times)) for times in some)
    return [
        simulation.share_figure("equal arms in two ranks or more", parted, most=0.06),
        rate_figure("the same by intervals alone, for contrast", screened, len(some), least=0.15),
        rate_figure("two groups 10 % apart, put in order", ordered, trials, least=0.95),
        simulation.agreement_figure(
            AgreementSample(equal, parted, lambda times: _parted(ranking.rank_by_tests(times)))
        ),
        *_planted(),
    ]


def _runs(order: SelfTestOrder, centres: Array, trials: int) -> Array:
    draw = _random.make_generator("rank", str(centres[-1]), order.seed)
    return draw.normal(0, NOISE, (trials, ARMS, REPEATS)) + centres[:, None]


def _ranked(runs: Array) -> Iterable[Ranks]:
    """Yield the ranks of every run; which arms differ is computed for all runs at once."""
    for logs, apart in zip(runs, simulation.apply_rule(runs).apart.tolist(), strict=True):
        yield intervals.rank_arms(simulation.as_times(logs), partial(_apart, apart))


def _apart(apart: list[list[bool]], one: str, other: str) -> bool:
    return apart[int(one)][int(other)]


def _parted(ranks: Ranks) -> bool:
    return len(set(ranks.values())) > 1


def _ordered(every: Iterable[Ranks]) -> int:
    """Return how often every arm of the fast group stands before every one of the slow group."""
    pairs = list(itertools.product("012", "345"))
    return sum(all(ranks[fast] < ranks[slow] for fast, slow in pairs) for ranks in every)


def _planted() -> list[Figure]:
    """Three arms of which only the outer two differ: an intransitive triple that hangs on one."""
    noise = 0.02 * np.resize([1.0, -1.0], REPEATS)
    middle = np.roll(np.repeat([0.055, -0.055], REPEATS // 2), 3)
    logs = np.stack([noise, 0.02 + middle, 0.045 - noise])
    times = simulation.as_times(logs)
    triples = ranking.find_intransitive(times, ranking.find_different_pairs(times))
    hanging = [changed for changed in ranking.find_rank_reversals(times) if changed[0] == "0"]
    return [
        Figure(quantity="planted triples reported", value=len(triples), least=1, most=1),
        Figure(quantity="planted orders that hang on one arm", value=len(hanging), least=1, most=1),
    ]

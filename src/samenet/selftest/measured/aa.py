"""The same program against itself, in real runs: how often it is called different from itself."""

from __future__ import annotations

from collections.abc import Sequence

from scipy.stats import binomtest

from samenet.selftest import trials
from samenet.selftest.base import Figure, SelfTestOrder, rate_figure
from samenet.selftest.trials import Trial

SUMMARY = "one program against itself, whole runs of half a minute each: false differences (real)"
OPTIONS = ("n", "short", "seed")
FALSE_SHARE_MOST = 5 / 40
ROUNDS = 500


def run(order: SelfTestOrder) -> list[Figure]:
    """Make the trials and count."""
    made = trials.run_series((0,), order.trials(40, 2), order.say)
    return figures(made[0], order)


def figures(made: Sequence[Trial], order: SelfTestOrder) -> list[Figure]:
    """Return what trials without a difference say."""
    above = sum(trial.ratio.value > 1 for trial in made)
    hits, rounds = trials.replay(made, ROUNDS, order.seed)
    return [
        rate_figure(
            "no difference: called different",
            sum(t.different for t in made),
            len(made),
            most=None if order.short else FALSE_SHARE_MOST,
        ),
        rate_figure("no difference: called equivalent", sum(t.equivalent for t in made), len(made)),
        Figure(
            quantity="sign test of which is slower",
            value=float(binomtest(above, len(made)).pvalue),
            least=0.01,
            detail=f"the second process is slower in {above} of {len(made)}",
        ),
        rate_figure("replayed blocks called different", hits, rounds, least=0.03, most=0.07),
    ]

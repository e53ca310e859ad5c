"""Whether "too close to call" is a finding: never said for want of data, said when true (M21)."""

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

SUMMARY = "arms as fast as each other are called so, arms that differ by the margin are not"
OPTIONS = ("n", "short", "seed")

PLENTY, NOISY, FEW = (0.02, 12), (0.08, 8), (0.02, 7)
"""Noise of one arm, and repeats: enough of them, too noisy, too few for any verdict."""


def run(order: SelfTestOrder) -> list[Figure]:
    """Return how often two arms are called too close, by their true ratio and the noise."""
    trials = order.trials(20_000, 5_000)
    equal, noisy = (_runs(order, 1.0, trials, *each) for each in (PLENTY, NOISY))
    few = _runs(order, 1.0, simulation.SAMPLE, *FEW)
    plain = significance.difference_p(Estimate.of_runs(noisy[:, 1] - noisy[:, 0])) > ALPHA
    return [
        *(
            simulation.share_figure(
                f"true ratio {ratio:.3f}, {_said(*each)}: too close", _close(logs), most=0.06
            )
            for each in (PLENTY, NOISY)
            for ratio in (1 + MARGIN, 1 / (1 + MARGIN))
            for logs in (_runs(order, ratio, trials, *each),)
        ),
        simulation.share_figure(
            f"equal arms, {_said(*PLENTY)}: too close", _close(equal), least=0.95
        ),
        simulation.share_figure(f"equal arms, {_said(*NOISY)}: too close", _close(noisy)),
        simulation.share_figure(
            "the same, called alike for want of significance, for contrast", plain
        ),
        simulation.share_figure(
            f"equal arms, {_said(*FEW)}: cannot tell yet", _unknown(few), least=1.0
        ),
        simulation.agreement_figure(
            *(AgreementSample(e, _close(e), _called_close) for e in (equal, noisy))
        ),
    ]


def _said(noise: float, repeats: int) -> str:
    return f"{noise:.0%} noise, {repeats} repeats"


def _unknown(runs: Array) -> simulation.Bools:
    """Return where a real run cannot tell."""
    rows = [judge_arms(simulation.as_times(logs))[0] for logs in runs]
    return np.array([row.word is VerdictWord.UNKNOWN for row in rows])


def _runs(order: SelfTestOrder, ratio: float, trials: int, noise: float, repeats: int) -> Array:
    """Return log seconds of two arms with this true ratio."""
    draw = _random.make_generator("equivalence", str(ratio), str(noise), repeats, order.seed)
    return draw.normal(0, noise, (trials, 2, repeats)) + np.log([[1.0], [ratio]])


def _close(logs: Array) -> simulation.Bools:
    return np.asarray(simulation.apply_rule(logs).close.any(axis=-1))


def _called_close(times: TimesByArm) -> bool:
    (row,) = judge_arms(times)
    return row.word is VerdictWord.CLOSE

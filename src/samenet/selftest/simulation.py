"""What the simulated tests of the instrument share: noise, many runs at once, and a cross-check.

A run is an array of log seconds (..., arms, repeats). The rule of stats.verdicts is applied to
all runs at once by the same functions of stats.significance, and to some of them once more by
samenet.stats.verdicts itself: `agreement_figure` counts where the two differ.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from samenet.selftest.base import Figure, rate_figure
from samenet.stats import pairwise, significance
from samenet.stats.intervals import MARGIN, Estimate
from samenet.stats.pairwise import TimesByArm
from samenet.stats.significance import ALPHA, Array

SAMPLE = 20
"""How many of the simulated runs are judged again by the functions that a real run uses."""

Bools = NDArray[np.bool_]
Draw = Callable[[np.random.Generator, tuple[int, ...]], Array]


def _contaminated(draw: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Return normal noise with 5 % of processes delayed, as by a neighbour on the machine."""
    return draw.normal(size=shape) + (draw.random(shape) < 0.05) * draw.exponential(5.0, shape)


LAWS: Mapping[str, Draw] = {
    "normal": lambda draw, shape: draw.normal(size=shape),
    "right-skewed": lambda draw, shape: draw.exponential(size=shape) - 1.0,
    "contaminated": _contaminated,
    "heavy": lambda draw, shape: draw.standard_t(3, size=shape) / np.sqrt(3.0),
}
"""The noise between processes: standard deviation 1, or 2 with the contamination."""


class RuleAnswers(NamedTuple):
    """What the rule says of every run at once; the best arm's own entries are False."""

    slower: Bools
    """(runs, arms): the word `slower`."""
    close: Bools
    """(runs, arms): the words `too close to call`."""
    apart: Bools
    """(runs, arms, arms): one is slower than the other, adjusted for all pairs."""


def apply_rule(logs: Array, margin: float = MARGIN) -> RuleAnswers:
    """Return what the rule of samenet.stats.verdicts says of runs (runs, arms, repeats)."""
    runs, arms, _ = logs.shape
    one, other = np.triu_indices(arms, 1)
    differences = logs[:, one] - logs[:, other]
    differs = (
        significance.adjust_by_holm(significance.difference_p(Estimate.of_runs(differences)))
        <= ALPHA
    )
    sign = differences.mean(axis=-1) > 0
    apart = np.zeros((runs, arms, arms), bool)
    apart[:, one, other], apart[:, other, one] = differs & sign, differs & ~sign
    best = logs.mean(axis=-1).argmin(axis=-1)
    close = equivalent_to(logs, best, margin)
    slower = np.take_along_axis(apart, best[:, None, None], axis=2)[..., 0] & ~close
    return RuleAnswers(slower=slower, close=close, apart=apart)


def equivalent_to(
    logs: Array, best: NDArray[np.intp], margin: float, *, adjusted: bool = True
) -> Bools:
    """Return which arms are equivalent to the best, adjusted for the k - 1 comparisons with it."""
    p = significance.equivalence_p(Estimate.of_runs(log_ratios_to(logs, best)), margin)
    others = np.arange(logs.shape[1]) != best[:, None]
    tested = p[others].reshape(len(logs), -1)
    close = np.zeros_like(others)
    close[others] = ((significance.adjust_by_holm(tested) if adjusted else tested) <= ALPHA).ravel()
    return close


def log_ratios_to(logs: Array, best: NDArray[np.intp]) -> Array:
    """Return the log-ratios of every arm to the best of its run."""
    return logs - np.take_along_axis(logs, best[:, None, None], axis=1)


def as_times(logs: Array) -> dict[str, dict[int, float]]:
    """Return one run (arms, repeats) as the times of arms "0", "1" ... by repeat."""
    return {str(arm): dict(enumerate(row.tolist())) for arm, row in enumerate(np.exp(logs))}


def share_figure(
    quantity: str, answers: ArrayLike, *, least: float | None = None, most: float | None = None
) -> Figure:
    """Return the share of the runs in which the answer is yes, with its limits."""
    hits = np.asarray(answers)
    return rate_figure(quantity, int(hits.sum()), len(hits), least=least, most=most)


def arms_differ(times: TimesByArm) -> bool:
    """Return whether two arms differ, by the function that a real run uses."""
    (pair,) = pairwise.compare_pairs(times, pairwise.all_pairs(times))
    return pair.slower or pair.faster


class AgreementSample(NamedTuple):
    """Some simulated runs, and the answers that were computed for all of them at once."""

    runs: Array
    found: ArrayLike
    judge: Callable[[TimesByArm], object]
    """What a real run concludes from times."""


def agreement_figure(*samples: AgreementSample) -> Figure:
    """Return how many of the first runs of each sample a real run judges differently."""
    wrong = count = 0
    for runs, answers, judge in samples:
        pairs = zip(runs[:SAMPLE], np.asarray(answers)[:SAMPLE].tolist(), strict=True)
        differs = [judge(as_times(logs)) != answer for logs, answer in pairs]
        wrong, count = wrong + sum(differs), count + len(differs)
    quantity = "runs judged otherwise by the functions of a real run"
    return Figure(quantity=quantity, value=wrong, most=0, detail=f"of {count}")

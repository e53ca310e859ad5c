"""Differences planted in real runs: how often they are found, and how large they appear.

Exact work is added, 2, 3 and 5 % more steps than the program says, and none for comparison.
"""

from __future__ import annotations

import math
from statistics import fmean

from samenet.selftest import trials
from samenet.selftest.base import Figure, SelfTestOrder, rate_figure
from samenet.selftest.measured import aa
from samenet.selftest.trials import Trial

SUMMARY = (
    "planted differences of 0 to 5 %, whole runs of half a minute each: found, size, coverage;"
    " with 0 %, what aa shows (real)"
)
OPTIONS = ("n", "short", "seed")
FOUND_LEAST = {2: 28 / 40, 3: 36 / 40, 5: 1.0}
TIES_LEAST = 36 / 40
BIAS_MOST, COVERED_LEAST = 0.005, 0.90


def run(order: SelfTestOrder) -> list[Figure]:
    """Make the trials of all sizes in turn, so that a drift of the machine affects all alike."""
    sizes = (0, 5) if order.short else (0, *FOUND_LEAST)
    by_size = trials.run_series(sizes, order.trials(40, 1), order.say)
    figures_of_sizes = [
        figure for percent in sizes for figure in figures(percent, by_size[percent])
    ]
    return figures_of_sizes if order.short else [*aa.figures(by_size[0], order), *figures_of_sizes]


def figures(percent: int, made: list[Trial]) -> list[Figure]:
    """Return what the trials of one size say."""
    truth, count = 1 + percent / 100, len(made)
    ratio = math.exp(fmean(math.log(trial.ratio.value) for trial in made))
    covered = sum(trial.ratio.low <= truth <= trial.ratio.high for trial in made)
    names = f"+{percent} %" if percent else "no difference"
    if percent:
        first = rate_figure(
            f"{names}: found", sum(t.slower for t in made), count, least=FOUND_LEAST[percent]
        )
    else:
        ties = sum(t.equivalent for t in made)
        first = rate_figure(f"{names}: called equivalent", ties, count, least=TIES_LEAST)
    return [
        first,
        Figure(
            quantity=f"{names}: bias",
            value=abs(ratio / truth - 1),
            most=BIAS_MOST,
            detail=f"read as {100 * (ratio - 1):+.2f} %",
        ),
        rate_figure(f"{names}: interval holds the truth", covered, count, least=COVERED_LEAST),
    ]

"""By the values of the committed results no usual mode loses to another mode that is shipped.

This is less than the rule that judges strangers (experiments.contest.rule): the results give no
intervals of pairs, so no interval was tested and a factor counts by its value. And whole trainings
are compared by their mean over the tasks: on a single one the usual mode may be the slower one.
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import pytest

from samenet.adapter import discovery
from samenet.adapter.discovery import AdapterFile
from samenet.stats.intervals import MARGIN

RESULTS = Path(__file__).parents[2] / "docs" / "results"
WHOLE = re.compile(
    r"^ +(?:\d+\. )? *(?P<title>\S.*?) \((?P<mode>\S+)\) +"
    r"whole training (?P<s>\S+) (?P<unit>s|ms) "
)
STEP = re.compile(r"^(?P<arm>\S+:\S+) +(?P<net>[SML]) +(?P<rule>sgd|adam) +(?P<us>[\d.]+) ")
TIED = 0.15
"""Means of whole trainings count as different from here on: with three repeats the intervals of the
file are wider than the margin of 5 %."""


def whole_trainings() -> dict[str, list[float]]:
    """Return the seconds of every arm's whole training, one per task of the main job."""
    names = {leaf.header.title: name for name, leaf in discovery.shipped_adapters().items()}
    found: dict[str, list[float]] = defaultdict(list)
    for line in (RESULTS / "all-modes.txt").read_text(encoding="utf-8").splitlines():
        if row := WHOLE.match(line):
            scale = 1.0 if row["unit"] == "s" else 1e-3
            found[f"{names[row['title']]}:{row['mode']}"].append(float(row["s"]) * scale)
    return found


def steps() -> dict[str, list[float]]:
    """Return the microseconds of every arm's step, by network and optimiser."""
    found: dict[str, list[float]] = defaultdict(list)
    for line in (RESULTS / "bare-loops.txt").read_text(encoding="utf-8").splitlines():
        if row := STEP.match(line):
            found[row["arm"]].append(float(row["us"]))
    return found


def mean_factor(ours: list[float], theirs: list[float]) -> float:
    """Return the geometric mean of ours / theirs."""
    product = 1.0
    for one, other in zip(ours, theirs, strict=True):
        product *= one / other
    return product ** (1 / len(ours))


def replaced_by(leaf: AdapterFile, ours: str, other: str) -> bool:
    """Return whether a mode would take the place of another one by these values."""
    whole, step = whole_trainings(), steps()
    ours, other = leaf.arm(ours), leaf.arm(other)
    if not (whole[ours] and whole[other] and step[ours] and step[other]):
        return False  # it needs a GPU
    wins = (
        mean_factor(step[ours], step[other]) > 1 + MARGIN
        or mean_factor(whole[ours], whole[other]) > 1 + TIED
    )
    loses = any(
        a / b < 1 / (1 + MARGIN) for a, b in zip(step[ours], step[other], strict=True)
    ) or mean_factor(whole[ours], whole[other]) < 1 / (1 + MARGIN)
    return wins and not loses


SEVERAL = [leaf for leaf in discovery.shipped_adapters().values() if len(leaf.header.modes) > 1]


@pytest.mark.parametrize("leaf", SEVERAL, ids=lambda leaf: leaf.header.name)
def test_no_usual_mode_loses_to_another_shipped_one(leaf: AdapterFile) -> None:
    """Were another mode better by these values, it would have to be the usual one."""
    (usual,) = leaf.default_modes
    others = [mode for mode in leaf.header.modes if mode != usual]
    assert [mode for mode in others if replaced_by(leaf, usual, mode)] == []


def test_the_results_are_read() -> None:
    """Three tasks, and steps of S and M by SGD and Adam, of each mode that needs no GPU."""
    whole, step = whole_trainings(), steps()
    for arm in ("numpy:plain", "tensorflow:xla", "keras-jax:native", "pytorch:compiled"):
        assert (len(whole[arm]), len(step[arm])) == (3, 4)
    assert replaced_by(discovery.shipped_adapters()["numpy"], "plain", "buffers")
    assert not replaced_by(discovery.shipped_adapters()["tensorflow"], "graph", "xla")

"""M5: synthetic series whose class is known by construction are given the right class."""

from __future__ import annotations

from statistics import median
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from samenet import _random
from samenet.selftest.base import Figure, SelfTestOrder, rate_figure
from samenet.stats import steady_state
from samenet.stats.intervals import MARGIN

SUMMARY = "flat, warmed-up, slowed-down, cyclic and drifting series are told apart (simulated)"
OPTIONS = ("n", "short", "seed")

Series = NDArray[np.float64]
CHUNKS = (40, 200)
DELAYED_SHARE, DELAY = 0.05, 0.03


class KnownSeries(NamedTuple):
    """A series of chunk times, the class it has, and where its final level begins."""

    seconds: Series
    name: steady_state.SteadyStateClass
    onset: int = 0


def run(order: SelfTestOrder) -> list[Figure]:
    """Classify series of five kinds, equally many of each."""
    kinds = (draw_flat, draw_warm_up, draw_slowdown, draw_cycle, draw_drift)
    count = max(len(kinds), order.trials(400, 100))
    draw = _random.make_generator("selftest", "steady", order.seed)
    series = [kinds[i % len(kinds)](draw) for i in range(count)]
    classes = [steady_state.classify(tuple(known.seconds)) for known in series]
    pairs = list(zip(series, classes, strict=True))
    right = sum(known.name == given.name for known, given in pairs)
    unsteady = [given.steady for known, given in pairs if known.name in UNSTEADY]
    onsets = [
        abs(given.onset - known.onset)
        for known, given in pairs
        if known.name == given.name == "warm-up"
    ]
    return [
        rate_figure("series given their class", right, count, least=0.95, detail=_confused(pairs)),
        rate_figure(
            "false steady: slowdown, cycle, drift", sum(unsteady), len(unsteady), most=0.02
        ),
        Figure(
            quantity="median error of the onset, chunks",
            value=median(onsets or [CHUNKS[1]]),
            most=2,
        ),
    ]


UNSTEADY = ("slowdown", "no steady state")


def _confused(pairs: list[tuple[KnownSeries, steady_state.Steadiness]]) -> str:
    wrong = [f"{known.name} as {given.name}" for known, given in pairs if known.name != given.name]
    counted = [f"{text}: {wrong.count(text)}" for text in sorted(set(wrong))]
    return ", ".join(counted) or "none confused"


def _noise(draw: np.random.Generator) -> Series:
    """Return noise of 0.5 to 2 %, with some chunks delayed, around 1."""
    count = int(draw.integers(*CHUNKS))
    noise = np.exp(draw.normal(0.0, draw.uniform(0.005, 0.02), count))
    delayed = draw.random(count) < DELAYED_SHARE
    return np.asarray(noise + delayed * draw.exponential(DELAY, count))


def draw_flat(draw: np.random.Generator) -> KnownSeries:
    """Return a series without a change."""
    return KnownSeries(_noise(draw), "flat")


def draw_warm_up(draw: np.random.Generator) -> KnownSeries:
    """Return one that is slower at first: a step down, or a decay that enters the margin."""
    noise = _noise(draw)
    onset = int(draw.integers(6, len(noise) // 2 - 5))
    excess, places = draw.uniform(0.15, 1.0), np.arange(len(noise))
    if draw.random() < 0.5:
        slower = np.where(places < onset, excess, 0.0)
    else:
        slower = excess * np.exp(-places * np.log(excess / MARGIN) / onset)
    return KnownSeries(noise * (1 + slower), "warm-up", onset)


def draw_slowdown(draw: np.random.Generator) -> KnownSeries:
    """Return one that is faster at first."""
    noise = _noise(draw)
    onset = int(draw.integers(6, len(noise) // 2 - 5))
    slower = np.where(np.arange(len(noise)) < onset, 0.0, draw.uniform(0.1, 0.5))
    return KnownSeries(noise * (1 + slower), "slowdown", onset)


def draw_cycle(draw: np.random.Generator) -> KnownSeries:
    """Return one that swings between two levels, in steps or as a sine."""
    noise = _noise(draw)
    period = draw.uniform(max(12, len(noise) / 8), len(noise) / 3)
    phase = 2 * np.pi * (np.arange(len(noise)) / period + draw.random())
    wave = np.sin(phase)
    swing = np.sign(wave) if draw.random() < 0.5 else wave
    return KnownSeries(noise * (1 + draw.uniform(0.1, 0.25) * swing), "no steady state")


def draw_drift(draw: np.random.Generator) -> KnownSeries:
    """Return one that gets slower or faster all the time."""
    noise = _noise(draw)
    way = draw.uniform(0.15, 0.5) * np.linspace(0, 1, len(noise))
    return KnownSeries(noise * np.exp(way if draw.random() < 0.5 else -way), "no steady state")

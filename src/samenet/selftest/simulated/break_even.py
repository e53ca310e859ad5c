"""Whether "pays off after about N steps" is true as often as its interval says (M6)."""

from __future__ import annotations

import numpy as np

from samenet import _random
from samenet.selftest import simulation
from samenet.selftest.base import Figure, SelfTestOrder, rate_figure
from samenet.stats import break_even
from samenet.stats.break_even import ArmTimes, BreakEvenKind
from samenet.stats.intervals import CONFIDENCE
from samenet.stats.significance import Array

SUMMARY = (
    "the interval of a break-even holds the truth in 93 to 97 of 100, and equal steps give none"
)
OPTIONS = ("n", "short", "seed")

REPEATS = 12
START_UP, STEP = (1.0, 6.0), (1e-3, 6e-4)
TRUTH = (START_UP[1] - START_UP[0]) / (STEP[0] - STEP[1])
START_UP_NOISE, STEP_NOISE, SHARED_NOISE = 0.05, 0.02, 0.03
RESAMPLES = 1000


def run(order: SelfTestOrder) -> list[Figure]:
    """Return the coverage of the interval, and the answers where there is no break-even."""
    trials = order.trials(20_000, 4_000)
    start, step = _runs(order, START_UP, STEP, trials)
    losses, gains = start[:, 1] - start[:, 0], step[:, 0] - step[:, 1]
    low, high = break_even.fieller_interval(losses, gains)
    hits = (low <= TRUTH) & (high >= TRUTH)
    plain = _percentile(losses, gains, order)
    few = order.trials(1_000, 60)
    return [
        simulation.share_figure(
            f"interval holds the true {TRUTH:,.0f} steps", hits, least=0.93, most=0.97
        ),
        simulation.share_figure("percentile bootstrap of pairs, for contrast", plain, most=0.93),
        _agreement(start, step, hits),
        *_answers(order, few),
    ]


def _runs(
    order: SelfTestOrder, start_up: tuple[float, float], step: tuple[float, float], trials: int
) -> tuple[Array, Array]:
    """Return start-up and step seconds (runs, arms, repeats); a repeat has its own machine."""
    draw = _random.make_generator("break-even", *map(str, (*start_up, *step)), order.seed)
    shape = (trials, 2, REPEATS)
    machine = draw.normal(0, SHARED_NOISE, (trials, 1, REPEATS))
    return (
        np.array(start_up)[:, None] * _slowed(machine + draw.normal(0, START_UP_NOISE, shape)),
        np.array(step)[:, None] * _slowed(machine + draw.normal(0, STEP_NOISE, shape)),
    )


def _slowed(logs: Array) -> Array:
    """Return factors with mean 1, so that the truth is the ratio of the plain numbers."""
    return np.exp(logs - logs.var() / 2)


def _percentile(losses: Array, gains: Array, order: SelfTestOrder) -> simulation.Bools:
    draw = _random.make_generator("break-even", "bootstrap", order.seed)
    counts = draw.multinomial(REPEATS, np.full(REPEATS, 1 / REPEATS), size=RESAMPLES).T
    below = ((losses @ counts) / (gains @ counts) < TRUTH).mean(axis=-1)
    return np.asarray(np.abs(below - 0.5) <= CONFIDENCE / 2)


def _cost(start: Array, step: Array) -> ArmTimes:
    return ArmTimes(start_up=dict(enumerate(start.tolist())), step=dict(enumerate(step.tolist())))


def _found(start: Array, step: Array) -> break_even.BreakEven:
    """Return the answer of a real run to one simulated run."""
    return break_even.break_even(_cost(start[0], step[0]), _cost(start[1], step[1]))


def _agreement(start: Array, step: Array, hits: simulation.Bools) -> Figure:
    wrong = 0
    for n in range(min(simulation.SAMPLE, len(start))):
        steps = _found(start[n], step[n]).steps
        wrong += steps is None or (steps.low <= TRUTH <= steps.high) != hits[n]
    return Figure(quantity="runs answered otherwise by a real run's function", value=wrong, most=0)


def _answers(order: SelfTestOrder, trials: int) -> list[Figure]:
    """Return how often the answer is right where there is no number of steps."""
    equal, both = (STEP[0], STEP[0]), (START_UP[1], START_UP[0])
    cases = [
        ("equal steps, slower start: never", START_UP, equal, BreakEvenKind.NEVER),
        ("slower steps, slower start: never", START_UP, STEP[::-1], BreakEvenKind.NEVER),
        ("quicker steps, quicker start: always", both, STEP, BreakEvenKind.ALWAYS),
        ("slower steps, quicker start: until", both, STEP[::-1], BreakEvenKind.UNTIL),
    ]
    figures = []
    for name, start_up, step, kind in cases:
        runs = zip(*_runs(order, start_up, step, trials), strict=True)
        hits = sum(_found(*each).kind is kind for each in runs)
        figures.append(rate_figure(name, hits, trials, least=0.95))
    return figures

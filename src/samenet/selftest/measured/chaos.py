"""Runs that are struck at any instant and resumed: each ends as one that nothing struck.

Signals at random instants first; then every write, fsync, rename and removal once, by failure
points that end the process or let the step fail exactly there.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from samenet._random import make_generator
from samenet.selftest import crash_rounds
from samenet.selftest.base import Figure, SelfTestOrder, rate_figure
from samenet.selftest.crash_rounds import Point, Round

SUMMARY = "signals, kills and full disks at any instant: every resume ends as an undisturbed run"
OPTIONS = ("n", "short", "seed")

BLOWS_AT_POINTS = ("SIGKILL", "SIGTERM", "SIGINT", "SIGHUP", "ENOSPC", "EIO")
SHORT_POINTS = 12


def run(order: SelfTestOrder) -> list[Figure]:
    """Play the rounds and count them by what struck and when."""
    chance = make_generator("chaos", order.seed)
    with tempfile.TemporaryDirectory() as place, crash_rounds.stage(Path(place)) as staged:
        seconds, points = crash_rounds.undisturbed(staged)
        played = []
        for number in range(1, order.trials(200, 20) + 1):
            played.append(crash_rounds.play(staged, number, chance, seconds))
            _tell(order, played[-1])
        struck: list[Round] = []
        for point, blow in _chosen(points, chance, short=order.short):
            number = len(played) + len(struck) + 1
            struck.append(
                crash_rounds.play_point(
                    staged, number, point, int(chance.integers(1, point.count + 1)), blow
                )
            )
            _tell(order, struck[-1])
    return figures(played, struck, len(points))


def _chosen(
    points: Sequence[Point], chance: np.random.Generator, *, short: bool
) -> list[tuple[Point, str]]:
    """Return what strikes at which point: at each a kill, and one of the other blows in turn."""
    others = BLOWS_AT_POINTS[1:]
    chosen = [
        (point, blow)
        for n, point in enumerate(points)
        for blow in (BLOWS_AT_POINTS[0], others[n % len(others)])
    ]
    if not short:
        return chosen
    return [chosen[n] for n in chance.choice(len(chosen), SHORT_POINTS, replace=False)]


def _tell(order: SelfTestOrder, played: Round) -> None:
    if played.problems:
        order.say(f"round {played.number}: {played.told}: {'; '.join(played.problems)}")
    elif played.number % 20 == 0:
        order.say(f"{played.number} rounds")


def figures(played: Sequence[Round], struck: Sequence[Round], points: int) -> list[Figure]:
    """Return the share of whole runs: of all rounds, by what struck, and by the instant."""
    rounds = [*played, *struck]
    return [
        rate_figure("random signals: ended as undisturbed", *_whole(played), least=1.0),
        rate_figure("failure points: ended as undisturbed", *_whole(struck), least=1.0),
        Figure(quantity="failure points there are", value=points, least=1),
        *_by("struck by", [(r, blow) for r in rounds for blow in r.blows]),
        *_by("struck", [(r, instant) for r in rounds for instant in r.instants]),
    ]


def _by(what: str, pairs: Sequence[tuple[Round, str]]) -> list[Figure]:
    """Return the share of whole runs for each kind of blow or instant."""
    groups: dict[str, list[Round]] = defaultdict(list)
    for played, kind in pairs:
        groups[kind].append(played)
    return [
        rate_figure(f"{what} {kind}", *_whole(group), least=1.0)
        for kind, group in sorted(groups.items())
    ]


def _whole(rounds: Sequence[Round]) -> tuple[int, int]:
    """Return how many rounds ended as an undisturbed run, and how many there were."""
    return sum(not played.problems for played in rounds), len(rounds)

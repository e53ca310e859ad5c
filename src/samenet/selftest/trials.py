"""Real runs of one program against itself, with a known difference planted: truth to judge by.

A trial is a whole run (real processes, the product's own path) of one framework on one task: in
each repeat the reference, and the same program again with a few per cent more steps than it
reports. With 0 % there is no difference to find.
"""

from __future__ import annotations

import itertools
import math
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from samenet._random import make_generator
from samenet.analysis import frames
from samenet.analysis.frames import Frames
from samenet.errors import RefusedError
from samenet.execution import planner, scheduler, session
from samenet.execution.runner import Watcher
from samenet.runs.passes import ADMISSION_PASSES, RESULT_PASS, PassName
from samenet.runs.plan import Plan
from samenet.selftest.base import raise_failure
from samenet.stats import intervals, significance
from samenet.stats.intervals import MARGIN, Estimate, Interval

PAIR = "numpy:plain"
"""The pair that every trial is about, declared before any is run: this arm and itself."""

TASK = "digits"
REPEATS = 12
STEADY_SECONDS = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What one run says about its pair: a step's ratio, planted over reference."""

    logs: tuple[float, ...]
    """Of each repeat, the logarithm of the ratio."""
    ratio: Interval
    equivalent: bool

    @property
    def different(self) -> bool:
        """Return whether the run calls the two different."""
        return not self.ratio.low <= 1 <= self.ratio.high

    @property
    def slower(self) -> bool:
        """Return whether the run finds the planted arm slower."""
        return self.ratio.low > 1


def plan_of(percent: int, repeats: int) -> Plan:
    """Return the plan of a trial: proofs once (then remembered), and the pair in every repeat."""
    plan = planner.make_plan(
        planner.Request(
            tasks=(TASK,), frameworks=(PAIR,), profile="standard", repeats=repeats, track="same"
        )
    )
    again: PassName = "sensitivity" if percent else "control"
    changes = {"planted_percent": percent, "steady_seconds": STEADY_SECONDS}
    pair = plan.only(*ADMISSION_PASSES, RESULT_PASS, again).model_copy(update=changes)
    return scheduler.extend_plan(pair, repeats)  # two take turns otherwise than three


def run_trial(percent: int = 0, repeats: int = REPEATS) -> Trial:
    """Carry out one trial.

    Raises RefusedError if the machine does not come to rest, or left nothing to compare.
    """
    trial = trial_of(carry_out(plan_of(percent, repeats), lambda *_: None))
    if trial is None:
        raise RefusedError("Other work on the machine left nothing of a trial to compare.")
    return trial


def carry_out(plan: Plan, watch: Watcher) -> Frames:
    """Carry out the plan of a trial in a folder that is deleted afterwards.

    Raises WorkerError if a worker fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        store = session.start_run(plan, Path(folder) / "run", watch)
        raise_failure(store.records())
        return frames.load(store.folder)


def trial_of(run: Frames) -> Trial | None:
    """Return what a run says about its pair; None if fewer than two of its repeats count."""
    task = run.plan.task(TASK)
    planted = run.result(task, PAIR, "sensitivity" if run.plan.planted_percent else "control")
    reference = run.result(task, PAIR)
    if len(planted.step.keys() & reference.step.keys()) < 2:
        return None
    return judge(planted.step, reference.step, run.plan.margin)


def run_series(
    sizes: Sequence[int], count: int, say: Callable[[str], None]
) -> dict[int, list[Trial]]:
    """Return `count` trials of each size, made in turn; say what each one found."""
    made_by_size: dict[int, list[Trial]] = {percent: [] for percent in sizes}
    for number, percent in itertools.product(range(count), sizes):
        trial = run_trial(percent)
        made_by_size[percent].append(trial)
        say(f"trial {number + 1} of {count}, +{percent} %: {describe(trial)}")
    return made_by_size


def describe(trial: Trial) -> str:
    """Return what a trial found, in words."""
    value, low, high = (100 * (end - 1) for end in astuple(trial.ratio)[:3])
    text = f"read as {value:+.2f} % [{low:+.2f}, {high:+.2f}]"
    return f"{text}, equivalent" if trial.equivalent else text


def judge(planted: dict[int, float], reference: dict[int, float], margin: float = MARGIN) -> Trial:
    """Return what the product's own statistics say about a pair."""
    common = sorted(planted.keys() & reference.keys())
    return Trial(
        logs=tuple(math.log(planted[r] / reference[r]) for r in common),
        ratio=intervals.paired_ratio(planted, reference),
        equivalent=significance.is_equivalent(planted, reference, margin),
    )


def replay(trials: Sequence[Trial], rounds: int, seed: int) -> tuple[int, int]:
    """Return how often the blocks of the trials, with signs drawn at random, look different.

    Flipping a block's sign swaps its two equal arms: nothing is different, the noise is real
    (requirement M27 of the measurement notes).
    """
    draw = make_generator("selftest", "replay", seed)
    hits = [
        _apart(np.array(trial.logs), draw.choice((-1.0, 1.0), size=(rounds, len(trial.logs))))
        for trial in trials
    ]
    return int(sum(hits)), rounds * len(trials)


def _apart(logs: NDArray[np.float64], signs: NDArray[np.float64]) -> int:
    flipped = Estimate.of_runs(signs * logs)
    return int((np.abs(flipped.centre) > flipped.half_width()).sum())

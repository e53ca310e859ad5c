"""M29: other work beside a run, all the time, growing, and only while one of two arms runs.

Both arms are the same program. The worst is work that comes and goes with one arm: no order and no
pairing helps, so the processes must be refused for what was seen of the machine, or the run must
at least say that they were disturbed. On the processor beside the measuring one it is as bad, where
the two share a core, and does not show as load of the one that measures.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from samenet.analysis import interference
from samenet.analysis.frames import Frames
from samenet.execution.runner import Watcher
from samenet.machine import system, topology
from samenet.runs import environment
from samenet.runs.plan import Job, Plan
from samenet.selftest import trials
from samenet.selftest.base import Figure, SelfTestOrder, rate_figure
from samenet.selftest.fakes.load import BackgroundLoad
from samenet.selftest.trials import Trial
from samenet.stats.intervals import VERDICT_REPEATS_MIN

SUMMARY = "other work locked to one arm is refused or flagged, and none makes a verdict (real)"
OPTIONS = ("n", "short")
SHARES = (1.0, 0.5, 0.25, 0.12, 0.08)
"""Shares of the measuring processor, or of its neighbour, that are taken in turn."""

CAUGHT_LEAST, WRONG_MOST = 0.9, 0.05
LOCKED, BESIDE = "locked to one arm", "locked to one arm, beside its processor"
STEADY, RISING = "all the time", "growing"


@dataclass(frozen=True, slots=True, kw_only=True)
class AdversityOutcome:
    """The outcome of one run beside other work."""

    kind: str
    share: float
    refused: int
    """Processes that are not counted."""
    flagged: bool
    """Whether the run says that processes were disturbed."""
    trial: Trial | None
    """None where too few processes are left to compare."""

    @property
    def wrong(self) -> bool:
        """Return whether two equal arms are called different; a verdict needs enough repeats."""
        trial = self.trial
        return trial is not None and trial.different and len(trial.logs) >= VERDICT_REPEATS_MIN


def run(order: SelfTestOrder) -> list[Figure]:
    """Make runs beside each kind of work."""
    count = order.trials(10, 1)
    near = (LOCKED, BESIDE) if _beside() else (LOCKED,)
    kinds = (LOCKED,) if order.short else (*near, STEADY, RISING)
    outcomes = []
    for number, kind in itertools.product(range(count), kinds):
        outcomes.append(run_beside(kind, SHARES[number % len(SHARES)]))
        order.say(f"run {number + 1} of {count}: {describe(outcomes[-1])}")
    return figures(outcomes)


def _beside() -> tuple[int, ...]:
    return topology.neighbours(system.measuring_cores(1))


def run_beside(kind: str, share: float) -> AdversityOutcome:
    """Make one run of two equal arms beside work that takes this share of a processor."""
    plan = trials.plan_of(0, VERDICT_REPEATS_MIN)
    core = _beside()[0] if kind == BESIDE else system.measuring_cores(1)[-1]
    first = 0.0 if kind == RISING else share
    with BackgroundLoad(core, first, share) as load:
        watch = lock_to_second_arm(load, plan) if kind in (LOCKED, BESIDE) else _throughout(load)
        return outcome_of(kind, share, trials.carry_out(plan, watch))


def _throughout(load: BackgroundLoad) -> Watcher:
    return lambda *_: load.turn(on=True)


def lock_to_second_arm(load: BackgroundLoad, plan: Plan) -> Watcher:
    """Let the work go on only while the second arm runs."""
    following = {one.id: other for one, other in itertools.pairwise(plan.jobs)}

    def watch(job: Job, *_: object) -> None:
        after = following.get(job.id)
        load.turn(on=after is not None and after.pass_name == "control")

    return watch


def outcome_of(kind: str, share: float, frames: Frames) -> AdversityOutcome:
    """Return what the run says of itself and of its arms."""
    return AdversityOutcome(
        kind=kind,
        share=share,
        refused=int(frames.environment.refused.sum()),
        flagged=bool(interference.sentence(frames)),
        trial=trials.trial_of(frames),
    )


def describe(result: AdversityOutcome) -> str:
    """Return one outcome in words."""
    read = "nothing to compare" if result.trial is None else trials.describe(result.trial)
    return f"{result.share:.0%} {result.kind}: {result.refused} processes refused, {read}"


def figures(outcomes: Sequence[AdversityOutcome]) -> list[Figure]:
    """Return how often the work was noticed, and how often it made equal arms look different."""
    kinds = list(dict.fromkeys(result.kind for result in outcomes))
    return [
        *(_noticed(outcomes, kind) for kind in kinds if kind in (LOCKED, BESIDE)),
        *(
            rate_figure(
                f"{kind}: equal arms called different",
                sum(result.wrong for result in outcomes if result.kind == kind),
                sum(result.kind == kind for result in outcomes),
                most=WRONG_MOST,
            )
            for kind in kinds
        ),
    ]


def _noticed(outcomes: Sequence[AdversityOutcome], kind: str) -> Figure:
    of_kind = [result for result in outcomes if result.kind == kind]
    limit = next(rule.limit for rule in environment.ENVIRONMENT_RULES if rule.reading == "others")
    return rate_figure(
        f"{kind}: refused or flagged",
        sum(result.flagged or result.refused > 0 for result in of_kind),
        len(of_kind),
        least=CAUGHT_LEAST,
        detail=f"a process is refused from {limit:.0%} of a processor on",
    )

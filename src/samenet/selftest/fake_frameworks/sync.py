"""M3: a framework that returns at once is timed to its result; one that never waits is refused."""

from __future__ import annotations

from statistics import median

from samenet.analysis.frames import Frames
from samenet.selftest.base import Figure, SelfTestOrder
from samenet.selftest.fakes.known import RESULT
from samenet.selftest.fakes.running import TASK, refusals, run_fake

SUMMARY = "asynchronous work is timed to its end, a sync that does nothing is refused (real)"
OPTIONS = ("n", "short")
WITHIN = 0.05
WAITS, NEVER = "fake:asynchronous", "fake:never-waits"


def run(order: SelfTestOrder) -> list[Figure]:
    """Run both fakes through the whole path."""
    return judge(run_fake("asynchronous", "never-waits", repeats=order.trials(3, 1)))


def judge(run: Frames) -> list[Figure]:
    """Return the time of one call, and what became of the one that never waits."""
    rows = run.samples[(run.samples.arm == WAITS) & (run.samples.phase == "warmup")]
    task = run.plan.task(TASK)
    step = median(run.result(task, WAITS).step.values())
    call = step * int(rows.steps.iloc[0])
    reasons = refusals(run, NEVER)
    return [
        Figure(
            quantity="asynchronous call: reported over true",
            value=call / RESULT,
            least=1 - WITHIN,
            most=1 + WITHIN,
        ),
        Figure(
            quantity="a sync that does nothing is refused",
            value=float(any(text.startswith("sync: ") for text in reasons)),
            least=1,
            detail="; ".join(reasons) or "no check failed",
        ),
        Figure(
            quantity="times published without waiting",
            value=float(len(run.result(task, NEVER).step)),
            most=0,
        ),
        Figure(
            quantity="one that waits is refused",
            value=float(len(refusals(run, WAITS))),
            most=0,
            detail="; ".join(refusals(run, WAITS)),
        ),
    ]

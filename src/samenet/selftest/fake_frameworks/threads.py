"""M32: every installed framework keeps to the processors it was given, or it is refused."""

from __future__ import annotations

import os

from samenet.adapter import discovery
from samenet.adapter.api import Target
from samenet.analysis.frames import Frames
from samenet.certificate.readback import BUSY_TOLERANCE
from samenet.execution import planner
from samenet.selftest.base import Figure, SelfTestOrder
from samenet.selftest.fakes.running import FAKE, refusals, run_pairs

SUMMARY = "processors kept busy by every installed framework, and by one that takes more (real)"
OPTIONS = ()
GREEDY = "fake:greedy"
BUSY = "processors kept busy"


def run(order: SelfTestOrder) -> list[Figure]:
    """Run every framework in its usual modes, and the greedy fake."""
    del order  # there is one way
    return judge(run_pairs([*discovery.choose(()), (discovery.read(FAKE), "greedy")]))


def judge(run: Frames) -> list[Figure]:
    """Return processor time over wall time of each framework's steady part.

    One that is installed and gave no result has none, which is not within the limit.
    """
    rows = run.checks[run.checks.quantity == BUSY]
    busy = dict(zip(rows.arm, rows.error.astype(float), strict=True))
    expected = [arm.name for arm in run.plan.arms if not planner.why_not_runnable(arm, Target())]
    expected += [skipped.arm for skipped in run.plan.skipped if skipped.mark == "failed"]
    most = run.plan.target.threads + BUSY_TOLERANCE
    figures = [
        Figure(quantity=f"{arm}: {BUSY}", value=busy.get(arm, float("nan")), most=most)
        for arm in expected
        if arm != GREEDY
    ]
    if (os.cpu_count() or 1) > 1:  # on one processor nobody can take two
        reasons = refusals(run, GREEDY)
        caught = any(text.endswith(BUSY) for text in reasons)
        detail = f"{busy.get(GREEDY, float('nan')):.2f} processors; {'; '.join(reasons)}"
        figures.append(
            Figure(
                quantity="one that takes two processors is refused",
                value=float(caught),
                least=1,
                detail=detail,
            )
        )
    return figures

"""M2: what takes a known time is reported so, and no phase leaks into another."""

from __future__ import annotations

from statistics import median

from samenet.analysis.frames import Frames
from samenet.selftest.base import Figure, SelfTestOrder
from samenet.selftest.fakes.known import FIRST_CALL, PHASES, STEP
from samenet.selftest.fakes.running import TASK, run_fake

SUMMARY = "a fake framework's sleeps are reported within 5 %, each in its phase (real)"
OPTIONS = ("n", "short")
WITHIN = 0.05


def run(order: SelfTestOrder) -> list[Figure]:
    """Run the fake through the whole path."""
    return judge(run_fake("sleeps", repeats=order.trials(3, 1)))


def judge(run: Frames) -> list[Figure]:
    """Return reported over true time of every phase."""
    samples = run.samples[run.samples.phase == "first_call"]
    steps = int(samples.steps.iloc[0])
    warm = run.samples[run.samples.phase == "warmup"].seconds.tolist()
    result = run.result(run.plan.task(TASK), "fake:sleeps")
    reported = {phase: median(times.values()) for phase, times in result.phases.items()}
    ratios = {phase: reported[phase] / seconds for phase, seconds in PHASES.items()}
    ratios["first_call"] = reported["first_call"] / (FIRST_CALL + steps * STEP)
    ratios["warm-up call"] = median(warm) / (steps * STEP)
    ratios["step"] = median(result.step.values()) / STEP
    return [
        Figure(
            quantity=f"{phase}: reported over true",
            value=value,
            least=1 - WITHIN,
            most=1 + WITHIN,
        )
        for phase, value in ratios.items()
    ]

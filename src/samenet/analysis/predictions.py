"""What the run says about predicting: seconds by batch size, of a framework's two ways."""

from __future__ import annotations

from samenet.analysis.frames import ArmResult, Frames
from samenet.spec.task import Task
from samenet.stats.intervals import Interval, geometric_mean

WAYS = {"usual": "as its users write it", "fast": "as its experts write it"}
START = ("interpreter", "import", "adapter", "wake", "build", "first_prediction")
"""From an empty interpreter to the first predicted row, in order."""

NEWER = {"adapter"}
"""Phases that older runs do not have."""


def arms(frames: Frames, task: Task) -> list[str]:
    """Return the arm that stands for each framework with a time of predicting, in plan order."""
    return [arm.name for arm in frames.plan.arms if frames.result(task, arm.name).predictions]


def seconds(result: ArmResult, way: str) -> dict[int, Interval]:
    """Return the seconds of one prediction by its number of rows, over the processes."""
    by_rows = result.predictions.get(way, {})
    return {rows: geometric_mean(list(times.values())) for rows, times in by_rows.items()}


def all_right(result: ArmResult) -> bool:
    """Return whether the predictions of an arm were compared with the oracle, and all agreed."""
    checks = result.frames.predicted
    checks = checks[(checks.task == result.task.name) & (checks.arm == result.arm)]
    return len(checks) > 0 and bool(checks.passed.astype(bool).all())


def throughput(times: dict[int, Interval]) -> float | None:
    """Return the most rows per second that one batch size reaches."""
    return max((rows / interval.value for rows, interval in times.items()), default=None)


def first_prediction(frames: Frames, framework: str) -> dict[str, float]:
    """Return the seconds of each phase up to a framework's first prediction, if all are known."""
    arm_names = [arm.name for arm in frames.plan.arms if arm.header.name == framework]
    samples = frames.samples[frames.samples.track == "inference"]
    samples = samples[samples.arm.isin(arm_names)]
    by_phase = {phase: samples[samples.phase == phase].seconds.tolist() for phase in START}
    if not all(times or phase in NEWER for phase, times in by_phase.items()):
        return {}
    return {phase: geometric_mean(times).value for phase, times in by_phase.items() if times}

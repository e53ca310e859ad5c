"""What a run shows of its own instrument: the reference twice, and with 5 % more steps.

    control        the reference again, under another name: its ratio to the reference must be
                   equivalent to 1
    sensitivity    the reference with exactly 5 % more steps than it says: its ratio to the
                   reference must lie above 1

Both stand in every block of a standard and a rigorous run. Where one of them fails, no verdict is
given (requirement M11 of the measurement notes).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from samenet.analysis.frames import Frames
from samenet.analysis.memo import once
from samenet.analysis.quantities import seconds_of, whole
from samenet.spec.task import Task
from samenet.stats import intervals, significance
from samenet.stats.intervals import VERDICT_REPEATS_MIN, Interval

QUANTITIES = ("step", "total")
"""A step in the steady state; and the whole training, in which starting up counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What one task's control and sensitivity arm show."""

    task: str
    arm: str
    """The reference."""
    control: Mapping[str, Interval]
    """The same program again, over the reference, by quantity."""
    equivalent: Mapping[str, bool]
    sensitivity: Interval | None
    """5 % more steps, over the reference: a step."""

    @property
    def seen(self) -> bool:
        """Return whether the planted difference is told apart from none."""
        return self.sensitivity is not None and self.sensitivity.low > 1

    def works(self, quantity: str) -> bool:
        """Return whether verdicts on a quantity may be given."""
        return self.equivalent.get(quantity, False) and self.seen


@once
def shown(frames: Frames, task: Task) -> Shown | None:
    """Return what the instrument shows on a task, or None if the run holds no such arms."""
    arm = _references(frames).get(task.name)
    if arm is None:
        return None
    pairs = {
        quantity: (_again(frames, task, "control", quantity), reference)
        for quantity in QUANTITIES
        if (reference := seconds_of(frames, task, arm, quantity))
    }
    known = {q: pair for q, pair in pairs.items() if _common(*pair) > 1}
    return Shown(
        task=task.name,
        arm=arm,
        control={q: intervals.ratio(*pair) for q, pair in known.items()},
        equivalent={
            q: significance.equivalent(*pair, frames.plan.margin) for q, pair in known.items()
        },
        sensitivity=_sensitivity(frames, task, arm),
    )


@once
def _references(frames: Frames) -> dict[str, str]:
    return frames.plan.reference


def _sensitivity(frames: Frames, task: Task, arm: str) -> Interval | None:
    planted = _again(frames, task, "sensitivity", "step")
    reference = seconds_of(frames, task, arm, "step")
    return intervals.ratio(planted, reference) if _common(planted, reference) > 1 else None


def _common(one: Mapping[int, float], other: Mapping[int, float]) -> int:
    return len(one.keys() & other.keys())


def _again(frames: Frames, task: Task, track: str, quantity: str) -> dict[int, float]:
    """Return {repeat: seconds} of the reference's other processes; "total" as in the advice."""
    if quantity != "total":
        rows = frames.proofs
        rows = rows[(rows.track == track) & (rows.task == task.name) & (rows.quantity == quantity)]
        return dict(zip(rows["repeat"].tolist(), rows.seconds.tolist(), strict=True))
    start, epoch = (_again(frames, task, track, q) for q in ("start_up", "epoch"))
    return whole(task, start, epoch)


def verdicts(frames: Frames, task: Task, quantity: str = "total") -> bool:
    """Return whether verdict words may be used: enough repeats, and an instrument that works.

    What is part of a training, an epoch above all, is judged by the instrument's step.
    """
    found, known = shown(frames, task), quantity if quantity in QUANTITIES else "step"
    return frames.repeats >= VERDICT_REPEATS_MIN and found is not None and found.works(known)


def why_refused(frames: Frames, task: Task, quantity: str = "total") -> str | None:
    """Return in plain words why no verdict is given although the run was long enough for one."""
    found = shown(frames, task)
    if found is None or frames.repeats < VERDICT_REPEATS_MIN or found.works(quantity):
        return None
    if not found.equivalent.get(quantity, False):
        read = _read(found.control.get(quantity))
        return f"the same program, timed twice, could not be called equal ({read})"
    return f"5 % more work, planted on purpose, was not seen ({_read(found.sensitivity)})"


def _read(ratio: Interval | None) -> str:
    if ratio is None:
        return "it was not measured"
    value, low, high = (100 * (end - 1) for end in (ratio.value, ratio.low, ratio.high))
    return f"read as {value:+.1f} % [{low:+.1f}, {high:+.1f}]".replace("-", "−")


def sentence(frames: Frames, task: Task) -> str | None:
    """Return in one line what the instrument showed of itself."""
    found = shown(frames, task)
    if found is None:
        return None
    control, planted = _read(found.control.get("step")), _read(found.sensitivity)
    return f"The same program timed twice: {control}; 5 % more work: {planted}."

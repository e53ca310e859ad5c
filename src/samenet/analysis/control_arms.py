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
from samenet.analysis.memo import remember
from samenet.analysis.quantities import Quantity
from samenet.spec.task import Task
from samenet.stats import intervals, significance
from samenet.stats.intervals import VERDICT_REPEATS_MIN, Interval

QUANTITIES = (Quantity.STEP, Quantity.TOTAL)
"""A step in the steady state; and the whole training, in which starting up counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentCheck:
    """What one task's control and sensitivity arm show."""

    task: str
    arm: str
    """The reference."""
    control: Mapping[Quantity, Interval]
    """The same program again, over the reference."""
    equivalent: Mapping[Quantity, bool]
    sensitivity: Interval | None
    """5 % more steps, over the reference: a step."""

    @property
    def seen(self) -> bool:
        """Return whether the planted difference is told apart from none."""
        return self.sensitivity is not None and self.sensitivity.low > 1

    def works(self, quantity: Quantity) -> bool:
        """Return whether verdicts on a quantity may be given."""
        return self.equivalent.get(quantity, False) and self.seen


@remember
def check_instrument(frames: Frames, task: Task) -> InstrumentCheck | None:
    """Return what the instrument shows on a task, or None if the run holds no such arms."""
    arm = _references(frames).get(task.name)
    if arm is None:
        return None
    reference = frames.result(task, arm)
    again = frames.result(task, arm, "control")
    planted = frames.result(task, arm, "sensitivity")
    control: dict[Quantity, Interval] = {}
    equivalent: dict[Quantity, bool] = {}
    for quantity in QUANTITIES:
        second, first = again.per_repeat(quantity), reference.per_repeat(quantity)
        if len(second.keys() & first.keys()) > 1:
            control[quantity] = intervals.paired_ratio(second, first)
            equivalent[quantity] = significance.is_equivalent(second, first, frames.plan.margin)
    enough = len(planted.step.keys() & reference.step.keys()) > 1
    return InstrumentCheck(
        task=task.name,
        arm=arm,
        control=control,
        equivalent=equivalent,
        sensitivity=intervals.paired_ratio(planted.step, reference.step) if enough else None,
    )


@remember
def _references(frames: Frames) -> dict[str, str]:
    return frames.plan.reference


def allow_verdicts(frames: Frames, task: Task, quantity: Quantity = Quantity.TOTAL) -> bool:
    """Return whether verdict words may be used: enough repeats, and an instrument that works.

    What is part of a training, an epoch above all, is judged by the instrument's step.
    """
    instrument = check_instrument(frames, task)
    if instrument is None or frames.repeats < VERDICT_REPEATS_MIN:
        return False
    return instrument.works(quantity if quantity in QUANTITIES else Quantity.STEP)


def why_refused(frames: Frames, task: Task, quantity: Quantity = Quantity.TOTAL) -> str | None:
    """Return in plain words why no verdict is given although the run was long enough for one."""
    instrument = check_instrument(frames, task)
    if instrument is None or frames.repeats < VERDICT_REPEATS_MIN or instrument.works(quantity):
        return None
    if not instrument.equivalent.get(quantity, False):
        read = _read(instrument.control.get(quantity))
        return f"the same program, timed twice, could not be called equal ({read})"
    return f"5 % more work, planted on purpose, was not seen ({_read(instrument.sensitivity)})"


def _read(ratio: Interval | None) -> str:
    if ratio is None:
        return "it was not measured"
    value, low, high = (100 * (end - 1) for end in (ratio.value, ratio.low, ratio.high))
    return f"read as {value:+.1f} % [{low:+.1f}, {high:+.1f}]".replace("-", "−")


def sentence(frames: Frames, task: Task) -> str | None:
    """Return in one line what the instrument showed of itself."""
    instrument = check_instrument(frames, task)
    if instrument is None:
        return None
    control = _read(instrument.control.get(Quantity.STEP))
    planted = _read(instrument.sensitivity)
    return f"The same program timed twice: {control}; 5 % more work: {planted}."

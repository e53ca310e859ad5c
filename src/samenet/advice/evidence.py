"""What stands behind a sentence of advice: each number with the records that alone give it.

A sentence is a row of parts. A part is a plain text without any number of the run, or one piece of
evidence: what was computed, of which arms, from the records of which jobs, and how it is printed.
`samenet verify` computes every piece again from the records of its own jobs and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from samenet._text import plural
from samenet.analysis import scores
from samenet.analysis.frames import Frames
from samenet.analysis.memo import once
from samenet.analysis.quantities import PREDICTING, import_seconds, seconds_of
from samenet.runs.passes import BLOCKS, PassName, giving
from samenet.spec.metrics import main_of
from samenet.spec.task import Task
from samenet.stats import break_even, intervals, stopping, verdicts
from samenet.stats.formatting import digits, duration, words
from samenet.stats.intervals import Interval, PerRepeat
from samenet.stats.verdicts import Word

HUNDRED = 100
"""Trainings, over which a difference is added up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One printed number, or an interval, and where it comes from."""

    kind: str
    """A key of KINDS."""
    task: str
    arms: tuple[str, ...]
    """The arm it is about, and the one it is compared with."""
    quantity: str
    epochs: int
    """Of the training it is about."""
    shown: str
    jobs: tuple[str, ...]
    """Whose records give it; none for what the plan says."""


Part = str | Evidence


@dataclass(frozen=True, slots=True)
class Said:
    """One sentence, or a few that belong together."""

    parts: tuple[Part, ...]
    further: bool = False
    """Whether only who wants to know more needs it: the first screen folds it away."""

    @property
    def text(self) -> str:
        """Return it as people read it."""
        return "".join(part if isinstance(part, str) else part.shown for part in self.parts)

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """Return the numbers in it, in their order."""
        return tuple(part for part in self.parts if isinstance(part, Evidence))

    def plain(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "text": self.text,
            "evidence": [
                {"kind": e.kind, "arms": list(e.arms), "shown": e.shown, "jobs": list(e.jobs)}
                for e in self.evidence
            ],
        }


def say(*parts: Part) -> Said:
    """Return a sentence of these parts."""
    return Said(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """How a number is computed from a run and printed, and in which passes its records are."""

    show: Callable[[Frames, Task, Sequence[str], str], str]
    passes: tuple[PassName, ...] = giving("times")
    all_tasks: bool = False
    """Whether it is a property of the framework, in whatever mode and task."""


def cite(
    frames: Frames, kind: str, task: Task, arms: Sequence[str], quantity: str = "total"
) -> Evidence:
    """Return the evidence of one kind; the task's epochs are those of the training meant."""
    return Evidence(
        kind=kind,
        task=task.name,
        arms=tuple(arms),
        quantity=quantity,
        epochs=task.training.epochs,
        shown=KINDS[kind].show(frames, task, arms, quantity),
        jobs=_jobs(frames, KINDS[kind], task, arms, quantity),
    )


def _jobs(
    frames: Frames, kind: Kind, task: Task, arms: Sequence[str], quantity: str
) -> tuple[str, ...]:
    passes = giving("predictions") if quantity in PREDICTING else kind.passes
    names = {*arms, ""}
    if kind.all_tasks:
        frameworks = {frames.plan.arm(arm).header.name for arm in arms}
        names = {arm.name for arm in frames.plan.arms if arm.header.name in frameworks}
    return tuple(
        job.id
        for job in frames.plan.jobs
        if job.pass_name in passes
        and job.arm in names
        and (kind.all_tasks or task.name in job.tasks)
    )


def again(frames: Frames, found: Evidence) -> str:
    """Return how the evidence is printed when it is computed from these frames."""
    task = lasting(frames.plan.task(found.task), found.epochs)
    return KINDS[found.kind].show(frames, task, found.arms, found.quantity)


def lasting(task: Task, epochs: int) -> Task:
    """Return the task with so many epochs."""
    training = task.training.model_copy(update={"epochs": epochs})
    return task.model_copy(update={"training": training})


def _time(frames: Frames, task: Task, arms: Sequence[str], quantity: str) -> str:
    return duration(spread(seconds_of(frames, task, arms[0], quantity)))


def _rate(frames: Frames, task: Task, arms: Sequence[str], quantity: str) -> str:
    """Return how many rows a second, of seconds per row."""
    found = spread(seconds_of(frames, task, arms[0], quantity))
    value, low, high = (f"{1 / each:,.0f}" for each in (found.value, found.high, found.low))
    return f"{value} [{low}, {high}]" if found.known else value


def spread(seconds: PerRepeat) -> Interval:
    """Return the geometric mean over repeats, with its interval."""
    return intervals.geometric(list(seconds.values()))


def longer(frames: Frames, task: Task, arms: Sequence[str], quantity: str) -> Interval:
    """Return how many seconds the first arm takes longer than the second, paired by repeat."""
    own, other = (seconds_of(frames, task, arm, quantity) for arm in arms)
    return intervals.arithmetic([own[r] - other[r] for r in sorted(own.keys() & other.keys())])


def _more(frames: Frames, task: Task, arms: Sequence[str], quantity: str) -> str:
    return duration(longer(frames, task, arms, quantity))


def _hundred(frames: Frames, task: Task, arms: Sequence[str], quantity: str) -> str:
    return words(HUNDRED * longer(frames, task, arms, quantity).value)


def _factor(frames: Frames, task: Task, arms: Sequence[str], quantity: str) -> str:
    """Return how many times as long as the first arm the second takes."""
    first, second = (seconds_of(frames, task, arm, quantity) for arm in arms)
    found = intervals.ratio(second, first)
    return f"{digits(found.value)}× [{digits(found.low)}, {digits(found.high)}]"


def overtaking(frames: Frames, task: Task, arms: Sequence[str]) -> break_even.BreakEven:
    """Return from or until how many *epochs* the first arm takes less time than the second."""
    costs = {
        arm: break_even.Cost(
            start_up=frames.per_repeat(task.name, arm, "start_up"),
            step=frames.per_repeat(task.name, arm, "epoch"),
        )
        for arm in arms
    }
    return break_even.break_even(costs[arms[1]], costs[arms[0]], frames.plan.margin)


def _epochs(frames: Frames, task: Task, arms: Sequence[str], _: str) -> str:
    found = overtaking(frames, task, arms).steps
    if found is None:
        return ""
    value, low, high = (digits(end, 2) for end in (found.value, found.low, found.high))
    if not found.high < float("inf"):
        return f"{value} epochs (at least {low})"
    return f"{value} epochs [{low}, {high}]"


def _score(frames: Frames, task: Task, arms: Sequence[str], _: str) -> str:
    """Return the mean test score of a reference line, or of all networks for the arm ''."""
    track, arm = ("reference", arms[0]) if arms[0] else ("same", None)
    found = scores.score(frames, task, track=track, arm=arm, metric=main_of(task.kind).name)
    return "" if found is None else digits(found)


def _install(frames: Frames, _: Task, arms: Sequence[str], __: str) -> str:
    return f"{frames.plan.arm(arms[0]).installed.bytes / 1e6:.0f} MB"


def _import(frames: Frames, _: Task, arms: Sequence[str], __: str) -> str:
    return duration(import_seconds(frames, frames.plan.arm(arms[0])))


def _own_epochs(_: Frames, task: Task, __: Sequence[str], ___: str) -> str:
    return f"{task.training.epochs:,} {plural(task.training.epochs, 'epoch')}"


def _margin(frames: Frames, _: Task, __: Sequence[str], ___: str) -> str:
    return verdicts.percent(frames.plan.margin)


def _count(_: Frames, __: Task, arms: Sequence[str], ___: str) -> str:
    return str(len(arms))


def more_repeats(frames: Frames, task: Task, arms: Sequence[str], quantity: str) -> int:
    """Return how many more repeats would tell these arms from the best of them, at the most."""
    times = {arm: seconds_of(frames, task, arm, quantity) for arm in arms}
    found = verdicts.verdicts(times, margin=frames.plan.margin)
    return max((row.more_repeats or 0 for row in found if row.word is Word.UNKNOWN), default=0)


def _more_repeats(frames: Frames, task: Task, arms: Sequence[str], quantity: str) -> str:
    return str(more_repeats(frames, task, arms, quantity))


def _more_minutes(frames: Frames, task: Task, arms: Sequence[str], quantity: str) -> str:
    more = more_repeats(frames, task, arms, quantity)
    return stopping.counted_more(more, repeat_seconds(frames))


@once
def repeat_seconds(frames: Frames) -> float:
    """Return how long one more repeat of every result takes, as it was predicted."""
    jobs = frames.plan.jobs
    return sum(job.predicted_seconds for job in jobs if job.pass_name in BLOCKS and not job.repeat)


KINDS: Mapping[str, Kind] = {
    "time": Kind(show=_time),
    "rows per second": Kind(show=_rate, passes=giving("predictions")),
    "more": Kind(show=_more),
    "more in a hundred": Kind(show=_hundred),
    "factor": Kind(show=_factor),
    "overtaking": Kind(show=_epochs),
    "score": Kind(show=_score, passes=giving("scores")),
    "installed": Kind(show=_install, passes=()),
    "import": Kind(show=_import, passes=giving("start-up"), all_tasks=True),
    "epochs": Kind(show=_own_epochs, passes=()),
    "margin": Kind(show=_margin, passes=()),
    "count": Kind(show=_count, passes=()),
    "more repeats": Kind(show=_more_repeats),
    "more minutes": Kind(show=_more_minutes),
}

"""What stands behind a sentence of advice: each number with the records that alone give it.

A sentence is written as a template whose fields are filled by name: with a name (of a framework, of
a task), with one piece of evidence, or with a phrase that was made in the same way. A piece of
evidence is what was computed, of which arms, from the records of which jobs, and how it is printed.
`samenet verify` computes every piece again from the records of its own jobs and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from string import Formatter
from typing import Any, LiteralString

from samenet._text import pluralize
from samenet.analysis import scores
from samenet.analysis.frames import ArmResult, Frames
from samenet.analysis.memo import remember
from samenet.analysis.quantities import Quantity
from samenet.runs.passes import BLOCK_PASSES, PassName, passes_giving
from samenet.spec.baselines import BASELINES
from samenet.spec.metrics import main_metric
from samenet.spec.task import Task
from samenet.stats import break_even, intervals, stopping, verdicts
from samenet.stats.formatting import (
    format_count,
    format_digits,
    format_duration,
    format_seconds,
)
from samenet.stats.intervals import Interval
from samenet.stats.verdicts import VerdictWord

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
    quantity: Quantity
    epochs: int
    """Of the training it is about."""
    shown: str
    jobs: tuple[str, ...]
    """Whose records give it; none for what the plan says."""


Part = str | Evidence
Phrase = tuple[Part, ...]
"""Words and numbers in their order, not yet a whole sentence."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence, or a few that belong together."""

    parts: Phrase
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
                {
                    "kind": evidence.kind,
                    "arms": list(evidence.arms),
                    "shown": evidence.shown,
                    "jobs": list(evidence.jobs),
                }
                for evidence in self.evidence
            ],
        }


def phrase(template: LiteralString, **values: str | Evidence | Phrase) -> Phrase:
    """Return the words of a template with the values in place of its {fields}.

    What comes from a person or a framework belongs into a value, where a brace is a brace.
    """
    parts: list[Part] = []
    for text, field, _, _ in Formatter().parse(template):
        if text:
            parts.append(text)
        if field is not None:
            value = values[field]
            parts += value if isinstance(value, tuple) else [value]
    return tuple(parts)


def join_phrases(separator: str, phrases: Sequence[Phrase]) -> Phrase:
    """Return phrases one after the other, with the separator between them."""
    parts: list[Part] = []
    for number, words_and_numbers in enumerate(phrases):
        parts += [separator] if number else []
        parts += words_and_numbers
    return tuple(parts)


def say(template: LiteralString, **values: str | Evidence | Phrase) -> Sentence:
    """Return a sentence; see `phrase`."""
    return Sentence(phrase(template, **values))


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a number is about: some arms on a task in a run, and one quantity of them."""

    frames: Frames
    task: Task
    """As long as the training is meant."""
    arms: tuple[str, ...]
    quantity: Quantity

    @property
    def results(self) -> list[ArmResult]:
        """Return the results of the arms, in their order."""
        return [self.frames.result(self.task, arm) for arm in self.arms]

    @property
    def typical(self) -> Interval:
        """Return what the first of them takes."""
        return self.results[0].typical(self.quantity)

    @property
    def longer(self) -> Interval:
        """Return how many seconds the first takes longer than the second."""
        first, second = self.results
        return extra_seconds(first, second, self.quantity)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceKind:
    """How a number is computed from a run and printed, and in which passes its records are."""

    show: Callable[[Subject], str]
    passes: tuple[PassName, ...] = passes_giving("times")
    all_tasks: bool = False
    """Whether it is a property of the framework, in whatever mode and task."""


def cite(
    frames: Frames,
    kind: str,
    task: Task,
    arms: Sequence[str],
    quantity: Quantity = Quantity.TOTAL,
) -> Evidence:
    """Return the evidence of one kind; the task's epochs are those of the training meant."""
    subject = Subject(frames=frames, task=task, arms=tuple(arms), quantity=quantity)
    return Evidence(
        kind=kind,
        task=task.name,
        arms=subject.arms,
        quantity=quantity,
        epochs=task.training.epochs,
        shown=KINDS[kind].show(subject),
        jobs=_jobs(KINDS[kind], subject),
    )


def recompute(frames: Frames, evidence: Evidence) -> str:
    """Return how the evidence is printed when it is computed from these frames."""
    subject = Subject(
        frames=frames,
        task=with_epochs(frames.plan.task(evidence.task), evidence.epochs),
        arms=evidence.arms,
        quantity=evidence.quantity,
    )
    return KINDS[evidence.kind].show(subject)


def _jobs(kind: EvidenceKind, subject: Subject) -> tuple[str, ...]:
    plan = subject.frames.plan
    passes = passes_giving("predictions") if subject.quantity.is_predicting else kind.passes
    arms = {*subject.arms, ""}
    if kind.all_tasks:
        frameworks = {plan.arm(arm).header.name for arm in subject.arms}
        arms = {arm.name for arm in plan.arms if arm.header.name in frameworks}
    return tuple(
        job.id
        for job in plan.jobs
        if job.pass_name in passes
        and job.arm in arms
        and (kind.all_tasks or subject.task.name in job.tasks)
    )


def with_epochs(task: Task, epochs: int) -> Task:
    """Return the task with so many epochs."""
    training = task.training.model_copy(update={"epochs": epochs})
    return task.model_copy(update={"training": training})


def extra_seconds(first: ArmResult, second: ArmResult, quantity: Quantity) -> Interval:
    """Return how many seconds the first takes longer than the second, paired by repeat."""
    slow, fast = first.per_repeat(quantity), second.per_repeat(quantity)
    return intervals.arithmetic_mean([slow[r] - fast[r] for r in sorted(slow.keys() & fast.keys())])


def find_crossing(first: ArmResult, second: ArmResult) -> break_even.BreakEven:
    """Return from or until how many *epochs* the first takes less time than the second."""
    ours, theirs = (
        break_even.ArmTimes(start_up=result.start_up, step=result.epoch)
        for result in (first, second)
    )
    return break_even.break_even(theirs, ours, first.frames.plan.margin)


def more_repeats(frames: Frames, task: Task, arms: Sequence[str], quantity: Quantity) -> int:
    """Return how many more repeats would tell these arms from the best of them, at the most."""
    times = {arm: frames.result(task, arm).per_repeat(quantity) for arm in arms}
    judged = verdicts.judge_arms(times, margin=frames.plan.margin)
    lacking = (
        verdict.more_repeats or 0 for verdict in judged if verdict.word is VerdictWord.UNKNOWN
    )
    return max(lacking, default=0)


@remember
def repeat_seconds(frames: Frames) -> float:
    """Return how long one more repeat of every result takes, as it was predicted."""
    jobs = frames.plan.jobs
    return sum(
        job.predicted_seconds for job in jobs if job.pass_name in BLOCK_PASSES and not job.repeat
    )


def _time(subject: Subject) -> str:
    return format_duration(subject.typical)


def _rate(subject: Subject) -> str:
    """Return how many rows a second, of seconds per row."""
    seconds = subject.typical
    value, low, high = (format_count(1 / end) for end in (seconds.value, seconds.high, seconds.low))
    return f"{value} [{low}, {high}]" if seconds.known else value


def _more(subject: Subject) -> str:
    return format_duration(subject.longer)


def _hundred(subject: Subject) -> str:
    return format_seconds(HUNDRED * subject.longer.value)


def _factor(subject: Subject) -> str:
    """Return how many times as long as the first arm the second takes."""
    first, second = (result.per_repeat(subject.quantity) for result in subject.results)
    factor = intervals.paired_ratio(second, first)
    low, high = format_digits(factor.low), format_digits(factor.high)
    return f"{format_digits(factor.value)}× [{low}, {high}]"


def _epochs(subject: Subject) -> str:
    epochs = find_crossing(*subject.results).steps
    if epochs is None:
        return ""
    value, low, high = (format_digits(end, 2) for end in (epochs.value, epochs.low, epochs.high))
    if not epochs.high < float("inf"):
        return f"{value} epochs (at least {low})"
    return f"{value} epochs [{low}, {high}]"


def _score(subject: Subject) -> str:
    """Return the mean test score of a model that is no network, or of these networks."""
    metric = main_metric(subject.task.kind).name
    frames, task, arms = subject.frames, subject.task, subject.arms
    if arms[0] in BASELINES:
        score = frames.result(task, arms[0], "reference").score(metric)
    else:
        score = scores.network_score(frames, task, metric, arms)
    return "" if score is None else format_digits(score)


def _installed(subject: Subject) -> str:
    return f"{subject.frames.plan.arm(subject.arms[0]).installed.bytes / 1e6:.0f} MB"


def _import(subject: Subject) -> str:
    return format_duration(subject.frames.import_seconds(subject.arms[0]))


def _own_epochs(subject: Subject) -> str:
    epochs = subject.task.training.epochs
    return f"{epochs:,} {pluralize(epochs, 'epoch')}"


def _margin(subject: Subject) -> str:
    return verdicts.format_percent(subject.frames.plan.margin)


def _count(subject: Subject) -> str:
    return str(len(subject.arms))


def _more_repeats(subject: Subject) -> str:
    return str(more_repeats(subject.frames, subject.task, subject.arms, subject.quantity))


def _more_minutes(subject: Subject) -> str:
    more = more_repeats(subject.frames, subject.task, subject.arms, subject.quantity)
    return stopping.format_more(more, repeat_seconds(subject.frames))


KINDS: Mapping[str, EvidenceKind] = {
    "time": EvidenceKind(show=_time),
    "rows per second": EvidenceKind(show=_rate, passes=passes_giving("predictions")),
    "more": EvidenceKind(show=_more),
    "more in a hundred": EvidenceKind(show=_hundred),
    "factor": EvidenceKind(show=_factor),
    "overtaking": EvidenceKind(show=_epochs),
    "score": EvidenceKind(show=_score, passes=passes_giving("scores")),
    "installed": EvidenceKind(show=_installed, passes=()),
    "import": EvidenceKind(show=_import, passes=passes_giving("start-up"), all_tasks=True),
    "epochs": EvidenceKind(show=_own_epochs, passes=()),
    "margin": EvidenceKind(show=_margin, passes=()),
    "count": EvidenceKind(show=_count, passes=()),
    "more repeats": EvidenceKind(show=_more_repeats),
    "more minutes": EvidenceKind(show=_more_minutes),
}

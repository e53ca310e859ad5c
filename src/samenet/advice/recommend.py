"""Advice computed from measurements: every sentence carries the numbers it follows from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from samenet.advice import sentences
from samenet.advice.evidence import Evidence, Part, Said, cite, say
from samenet.advice.needs import NO_WISHES, Wishes
from samenet.advice.requirements import as_long_as_asked, refuse_elsewhere, why_not
from samenet.analysis.frames import Frames
from samenet.analysis.quantities import seconds_of
from samenet.analysis.totals import Total, adoptable, totals
from samenet.errors import unknown
from samenet.spec.task import Task
from samenet.stats.verdicts import Word


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """One recommendation in plain words, with its numbers."""

    task: str
    choice: tuple[str, ...]
    """Arms that the measurement does not tell apart, the first is the fastest; none if none will
    do."""
    said: tuple[Said, ...]
    """The recommendation, then its reasons and what would change it."""
    left_out: tuple[str, ...]
    """Arms that do not meet the wishes."""
    excluded: tuple[Said, ...]
    """Why, one sentence each."""
    numbers: dict[str, float]
    """Seconds by arm, of what is ranked."""

    @property
    def sentence(self) -> str:
        """Return the recommendation itself."""
        return self.said[0].text

    @property
    def details(self) -> tuple[str, ...]:
        """Return the reasons and what would change it."""
        return tuple(each.text for each in self.said[1:])

    def plain(self) -> dict[str, Any]:
        """Return it as plain data: every sentence with what it follows from."""
        return {
            "task": self.task,
            "choice": list(self.choice),
            "sentence": self.sentence,
            "details": list(self.details),
            "said": [each.plain() for each in self.said],
            "left_out": list(self.left_out),
            "excluded": [each.plain() for each in self.excluded],
            "numbers": self.numbers,
        }


def advise(frames: Frames, tasks: Sequence[str] = (), wishes: Wishes = NO_WISHES) -> list[Advice]:
    """Return one recommendation per task (all, or those named) that has a comparable result.

    Raises UsageError for a task that the run does not hold, RefusedError for a device that it did
    not measure on.
    """
    refuse_elsewhere(frames, wishes)
    known = {task.name: task for task in frames.plan.tasks}
    for name in tasks:
        if name not in known:
            raise unknown("task of this run", name, known)
    found = [recommend(frames, known[name], wishes) for name in tasks or known]
    return [advice for advice in found if advice is not None]


def recommend(frames: Frames, task: Task, wishes: Wishes = NO_WISHES) -> Advice | None:
    """Return the recommendation for one task, None if nothing on it can be recommended at all."""
    task = as_long_as_asked(frames, task, wishes)
    arms = [arm for arm in frames.compared(task.name) if adoptable(frames, arm)]
    arms = [arm for arm in arms if frames.per_repeat(task.name, arm, "start_up")]
    if not arms:
        return None
    reasons = {arm: why_not(frames, task, arm, wishes) for arm in arms}
    excluded = {arm: reason for arm, reason in reasons.items() if reason is not None}
    out: dict[str, Any] = {"left_out": tuple(excluded), "excluded": tuple(excluded.values())}
    left = [arm for arm in arms if arm not in excluded]
    rows = totals(frames, task, quantity=wishes.quantity, among=left)
    if not rows:
        nothing = say(f"{_place(frames, task)}no framework of this run meets all that is asked.")
        return Advice(task=task.name, choice=(), said=(nothing,), numbers={}, **out)
    tied = tuple(row.arm for row in rows if row.rank == rows[0].rank)
    return Advice(
        task=task.name,
        choice=tied,
        said=(
            _sentence(frames, task, rows, tied, wishes.quantity),
            *_details(frames, task, rows, tied, wishes.quantity),
        ),
        numbers={row.arm: row.seconds.value for row in rows},
        **out,
    )


def _place(frames: Frames, task: Task) -> str:
    return f"On {task.title or task.name}, {frames.plan.target.device.upper()}, "


def _sentence(
    frames: Frames, task: Task, rows: Sequence[Total], tied: Sequence[str], quantity: str
) -> Said:
    """Say which to use, or that the measurement does not tell."""
    place, name = _place(frames, task), frames.title(rows[0].arm)
    took = _took(frames, task, rows[0].arm, quantity)
    if len(rows) == 1:
        return say(f"{place}only {name} can be recommended here: ", *took, ".")
    if not rows[0].seconds.known:
        return say(f"{place}one repeat ranks nothing; {name} took ", *took, ".")
    if len(tied) > 1:
        own = [row for row in rows if row.arm in tied]
        return say(
            place,
            *_tie(frames, task, own),
            ": ",
            *_listed(frames, task, tied, quantity),
            f"{WHAT[quantity][1]}. Choose on other grounds.",
        )
    return say(f"{place}use {name}: ", *_reason(frames, task, rows[0].arm, quantity))


WHAT = {
    "total": ("the whole training takes ", " for the whole training", ", start-up included"),
    "latency": ("one row is predicted in ", " for one predicted row", ", the network in memory"),
    "throughput": ("it predicts ", " rows a second", ", in its best batch size"),
}
"""Of each thing that is ranked: before its number, after it, and what is meant."""


def _number(frames: Frames, task: Task, arm: str, quantity: str) -> Evidence:
    kind = "rows per second" if quantity == "throughput" else "time"
    return cite(frames, kind, task, [arm], quantity)


def _took(frames: Frames, task: Task, arm: str, quantity: str) -> tuple[Part, ...]:
    return _number(frames, task, arm, quantity), WHAT[quantity][1], *_lasting(frames, task)


def _reason(frames: Frames, task: Task, arm: str, quantity: str) -> tuple[Part, ...]:
    before, after, meant = WHAT[quantity]
    number, length = _number(frames, task, arm, quantity), _lasting(frames, task)
    if quantity == "total" and length:
        return "a training", *length, " takes ", number, meant, "."
    return before, number, after if quantity == "throughput" else "", meant, "."


def _lasting(frames: Frames, task: Task) -> tuple[Part, ...]:
    """Say how long a training is meant, if it is not the task's own."""
    if task.training.epochs == frames.plan.task(task.name).training.epochs:
        return ()
    return " of ", cite(frames, "epochs", task, [])


def _listed(frames: Frames, task: Task, arms: Sequence[str], quantity: str) -> Iterator[Part]:
    for place, arm in enumerate(arms):
        yield ("; " if place else "") + f"{frames.title(arm)} "
        yield _number(frames, task, arm, quantity)


def _tie(frames: Frames, task: Task, rows: Sequence[Total]) -> tuple[Part, ...]:
    """Say of arms that share a rank whether they were found equal, or just not told apart."""
    judged = [row for row in rows if row.verdict]
    if judged and all(row.word is Word.CLOSE for row in judged):
        return "any of these will do, they are within ", cite(frames, "margin", task, [])
    return ("this run does not tell these apart",)


def _details(
    frames: Frames, task: Task, rows: Sequence[Total], tied: Sequence[str], quantity: str
) -> list[Said]:
    """Return the reasons, then what would change the answer."""
    best, arms = rows[0].arm, [row.arm for row in rows]
    apart = [arm for arm in arms if arm not in tied]
    found = (
        sentences.differences(frames, task, best, apart, quantity) if rows[0].seconds.known else []
    )
    judged = [row.verdict for row in rows if row.verdict]
    if quantity != "total":
        return found
    found += sentences.overtaken(frames, task, best, arms[1:])
    found += sentences.compiling(frames, task, arms)
    if any(row.word for row in rows):
        times = {arm: seconds_of(frames, task, arm, quantity) for arm in arms}
        found += sentences.order(frames, times, best)
    found += sentences.undecided(frames, task, judged)
    return found + ([] if _lasting(frames, task) else sentences.network_needed(frames, task))

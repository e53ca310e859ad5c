"""Advice computed from measurements: every sentence carries the numbers it follows from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

from samenet.advice import sentences
from samenet.advice.evidence import Phrase, Sentence, cite, join_phrases, phrase, say
from samenet.advice.needs import NO_WISHES, Wishes
from samenet.advice.requirements import refuse_unmeasured_device, why_not, with_asked_length
from samenet.analysis.frames import Frames
from samenet.analysis.quantities import Quantity
from samenet.analysis.totals import Total, is_adoptable, totals
from samenet.errors import unknown_name
from samenet.spec.task import Task
from samenet.stats.verdicts import VerdictWord


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """One recommendation in plain words, with its numbers."""

    task: str
    choice: tuple[str, ...]
    """Arms that the measurement does not tell apart, the first is the fastest; none if none will
    do."""
    ranked: bool
    """Whether `choice` was chosen: one repeat ranks nothing, and all that will do are in it."""
    said: tuple[Sentence, ...]
    """The recommendation, then its reasons and what would change it."""
    left_out: tuple[str, ...]
    """Arms that do not meet the wishes."""
    excluded: tuple[Sentence, ...]
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
        return tuple(sentence.text for sentence in self.said[1:])

    def plain(self) -> dict[str, Any]:
        """Return it as plain data: every sentence with what it follows from."""
        return {
            "task": self.task,
            "choice": list(self.choice),
            "ranked": self.ranked,
            "sentence": self.sentence,
            "details": list(self.details),
            "said": [sentence.plain() for sentence in self.said],
            "left_out": list(self.left_out),
            "excluded": [sentence.plain() for sentence in self.excluded],
            "numbers": self.numbers,
        }


def advise(frames: Frames, tasks: Sequence[str] = (), wishes: Wishes = NO_WISHES) -> list[Advice]:
    """Return one recommendation per task (all, or those named) that has a comparable result.

    Raises UsageError for a task that the run does not hold, RefusedError for a device that it did
    not measure on.
    """
    refuse_unmeasured_device(frames, wishes)
    known = {task.name: task for task in frames.plan.tasks}
    for name in tasks:
        if name not in known:
            raise unknown_name("task of this run", name, known)
    recommendations = [recommend(frames, known[name], wishes) for name in tasks or known]
    return [advice for advice in recommendations if advice is not None]


def recommend(frames: Frames, task: Task, wishes: Wishes = NO_WISHES) -> Advice | None:
    """Return the recommendation for one task, None if nothing on it can be recommended at all."""
    task = with_asked_length(frames, task, wishes)
    results = [
        frames.result(task, arm) for arm in frames.compared(task) if is_adoptable(frames, arm)
    ]
    results = [result for result in results if result.start_up]
    if not results:
        return None
    reasons = {result.arm: why_not(result, wishes) for result in results}
    excluded = {arm: reason for arm, reason in reasons.items() if reason is not None}
    left = [result.arm for result in results if result.arm not in excluded]
    ranking = _Ranking(
        frames=frames,
        task=task,
        quantity=wishes.quantity,
        rows=totals(frames, task, quantity=wishes.quantity, among=left),
    )
    return Advice(
        task=task.name,
        choice=ranking.tied,
        ranked=ranking.is_ranked,
        said=(_recommendation(ranking), *_details(ranking)),
        left_out=tuple(excluded),
        excluded=tuple(excluded.values()),
        numbers={row.arm: row.seconds.value for row in ranking.rows},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ranking:
    """The arms of a task that meet what is asked, fastest first."""

    frames: Frames
    task: Task
    """As long as is asked."""
    quantity: Quantity
    rows: Sequence[Total]

    @property
    def is_ranked(self) -> bool:
        """Return whether its repeats rank the arms; one alone, or none, is in no question."""
        return len(self.rows) < 2 or self.rows[0].rank is not None

    @property
    def tied(self) -> tuple[str, ...]:
        """Return the arms that share the first rank; all of them where nothing is ranked."""
        ranked = self.is_ranked
        return tuple(row.arm for row in self.rows if not ranked or row.rank == self.rows[0].rank)

    @property
    def has_own_length(self) -> bool:
        """Return whether the training is meant as long as the task says."""
        planned = self.frames.plan.task(self.task.name)
        return self.task.training.epochs == planned.training.epochs

    def number(self, arm: str) -> Phrase:
        """Return what an arm takes of what is ranked."""
        kind = "rows per second" if self.quantity is Quantity.THROUGHPUT else "time"
        return (cite(self.frames, kind, self.task, [arm], self.quantity),)


AMOUNT: dict[Quantity, LiteralString] = {
    Quantity.TOTAL: "{number} for the whole training",
    Quantity.LATENCY: "{number} for one predicted row",
    Quantity.THROUGHPUT: "{number} rows a second",
}
REASON: dict[Quantity, LiteralString] = {
    Quantity.TOTAL: "the whole training takes {number}, start-up included",
    Quantity.LATENCY: "one row is predicted in {number}, the network in memory",
    Quantity.THROUGHPUT: "it predicts {number} rows a second, in its best batch size",
}


def _recommendation(ranking: _Ranking) -> Sentence:
    """Say which to use, or that the measurement does not tell."""
    frames, task, rows = ranking.frames, ranking.task, ranking.rows
    where = f"On {task.title or task.name}, {frames.plan.target.device.upper()}"
    if not rows:
        return say("{where}, no framework of this run meets all that is asked.", where=where)
    name = frames.title(rows[0].arm)
    if len(rows) == 1:
        took = _took(ranking, ranking.number(rows[0].arm))
        template: LiteralString = "{where}, only {name} can be recommended here: {took}."
        return say(template, where=where, name=name, took=took)
    if not ranking.is_ranked:
        return say(
            "{where}, one repeat ranks nothing; measured were, from short to long, {amounts}.",
            where=where,
            amounts=_took(ranking, _listed(ranking)),
        )
    if len(ranking.tied) > 1:
        return say(
            "{where}, {tie}: {amounts}. Choose on other grounds.",
            where=where,
            tie=_tie(ranking),
            amounts=_took(ranking, _listed(ranking)),
        )
    return say("{where}, use {name}: {reason}.", where=where, name=name, reason=_reason(ranking))


def _took(ranking: _Ranking, number: Phrase) -> Phrase:
    """Say of a number, or of several with their names, what it is for."""
    amount = phrase(AMOUNT[ranking.quantity], number=number)
    if ranking.has_own_length:
        return amount
    epochs = cite(ranking.frames, "epochs", ranking.task, [])
    return phrase("{amount} of {epochs}", amount=amount, epochs=epochs)


def _reason(ranking: _Ranking) -> Phrase:
    number = ranking.number(ranking.rows[0].arm)
    if ranking.quantity is Quantity.TOTAL and not ranking.has_own_length:
        return phrase(
            "a training of {epochs} takes {number}, start-up included",
            epochs=cite(ranking.frames, "epochs", ranking.task, []),
            number=number,
        )
    return phrase(REASON[ranking.quantity], number=number)


def _listed(ranking: _Ranking) -> Phrase:
    """Return the arms that share the first rank, each with its number."""
    return join_phrases(
        "; ",
        [
            phrase("{name} {number}", name=ranking.frames.title(arm), number=ranking.number(arm))
            for arm in ranking.tied
        ],
    )


def _tie(ranking: _Ranking) -> Phrase:
    """Say of arms that share a rank whether they were found equal, or just not told apart."""
    judged = [row for row in ranking.rows if row.arm in ranking.tied and row.verdict]
    if judged and all(row.word is VerdictWord.CLOSE for row in judged):
        margin = cite(ranking.frames, "margin", ranking.task, [])
        return phrase("any of these will do, they are within {margin}", margin=margin)
    return phrase("this run does not tell these apart")


def _details(ranking: _Ranking) -> list[Sentence]:
    """Return the reasons, then what would change the answer."""
    frames, task, rows = ranking.frames, ranking.task, ranking.rows
    if not rows:
        return []
    best = rows[0].arm
    arms = [row.arm for row in rows]
    details: list[Sentence] = []
    if rows[0].seconds.known:
        apart = [arm for arm in arms if arm not in ranking.tied]
        details += sentences.differences(frames, task, best, apart, ranking.quantity)
    if ranking.quantity is not Quantity.TOTAL:
        return details
    details += sentences.later_choices(frames, task, best, arms[1:])
    details += sentences.compiler_gains(frames, task, arms)
    if any(row.word for row in rows):
        times = {arm: frames.result(task, arm).total() for arm in arms}
        details += sentences.order(frames, times, best)
    details += sentences.undecided_arms(frames, task, [row.verdict for row in rows if row.verdict])
    if ranking.has_own_length:
        details += sentences.network_needed(frames, task)
    return details

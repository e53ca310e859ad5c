"""Whether every sentence of advice follows from records: each number is computed again.

Of a page three things are asked: that the advice it shows is what the records give, word for word;
that no sentence holds a number without evidence; and that each piece of evidence, computed from the
records of its own jobs and nothing else, prints what stands in the sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import unescape
from typing import Any

from samenet.advice import evidence, recommend
from samenet.advice.evidence import Evidence, Sentence
from samenet.advice.recommend import Advice
from samenet.analysis import frames
from samenet.analysis.frames import Frames
from samenet.runs.plan import Plan
from samenet.runs.records import DataPrepared, Record

FIXED = ("100 program starts",)
"""Numbers that are part of the wording."""

NUMBER = re.compile(r"\d[\d.,]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """How many sentences were traced to records, and what does not agree."""

    sentences: int
    wrong: tuple[str, ...]


def audit_advice(
    plan: Plan, machine: Mapping[str, Any], records: Sequence[Record], page: str
) -> Audit:
    """Trace the advice of a run, as its page shows it, back to the records."""
    whole = frames.build(plan, dict(machine), records)
    advice = recommend.advise(whole)
    sentences = [said for item in advice for said in item.said]
    source = _Source(plan, dict(machine), records)
    wrong = [
        *missing_sentences(advice, page),
        *(mismatch for said in sentences for mismatch in untraced_numbers(whole, said)),
        *(mismatch for said in sentences for mismatch in source.disagreeing(said)),
    ]
    return Audit(sentences=len(sentences), wrong=tuple(wrong))


def missing_sentences(advice: Sequence[Advice], page: str) -> Iterator[str]:
    """Yield the sentences that the records give and the page does not show."""
    without_code = re.sub(r"(?s)<(script|style).*?</\1>", "", page)
    shown = _words(re.sub(r"<[^>]*>", "", without_code))
    for item in advice:
        for said in item.said:
            if _words(said.text.replace("`", "")) not in shown:
                yield f"the records say, and the page does not: {said.text}"


def _words(text: str) -> str:
    return " ".join(unescape(text).split())


def untraced_numbers(whole: Frames, said: Sentence) -> Iterator[str]:
    """Yield the numbers of a sentence that no evidence stands for."""
    for part in said.parts:
        if isinstance(part, str):
            for number in NUMBER.findall(_without_names(whole, part)):
                yield f"no record stands behind {number} in: {said.text}"


def _without_names(whole: Frames, text: str) -> str:
    """Return a text without the names of tasks and frameworks, and without fixed wording."""
    names = [name for task in whole.plan.tasks for name in (task.title, task.name) if name]
    names += [whole.title(arm.name) for arm in whole.plan.arms]
    names += [arm.header.title for arm in whole.plan.arms]
    for name in sorted((*names, *FIXED), key=len, reverse=True):
        text = text.replace(name, "")
    return text


class _Source:
    """The records of a run, by the jobs that a piece of evidence names."""

    def __init__(self, plan: Plan, machine: dict[str, Any], records: Sequence[Record]) -> None:
        self.plan = plan
        self.machine = machine
        self.records = records
        self.known: dict[tuple[str, ...], Frames] = {}

    def disagreeing(self, said: Sentence) -> Iterator[str]:
        """Yield what a sentence prints otherwise than its records give it."""
        for piece in said.evidence:
            shown = self._again(piece)
            if shown != piece.shown:
                yield f"its records give {shown} instead of {piece.shown} in: {said.text}"

    def _again(self, piece: Evidence) -> str:
        try:
            return evidence.recompute(self._only(piece.jobs), piece)
        except (ValueError, KeyError, StopIteration):
            return "nothing"

    def _only(self, jobs: tuple[str, ...]) -> Frames:
        if jobs not in self.known:
            wanted = set(jobs)
            records = [r for r in self.records if r.job in wanted or isinstance(r, DataPrepared)]
            self.known[jobs] = frames.build(self.plan, self.machine, records)
        return self.known[jobs]

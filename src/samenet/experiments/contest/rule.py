"""Two loops of one network head to head: the published rule, as pure functions of seconds.

Two quantities are judged, the ones that a run ranks by: the whole training, start-up included, on
the tasks of the main job; and the step, on these and on a medium and a large network. A loop that
is checked, defensible, faster in one of them and slower in neither replaces ours:

    checked      every gate passed on every task, gate 4 in every process that was timed
    defensible   its mode names a reason, and an address that is a paper or a page of a library that
                 it is written in
    faster       in one of the quantities, the whole t interval of ours / challenger lies above
                 1 + margin, on the geometric mean over the tasks, paired within repeats. Either
                 would do, so each gets half of the error that one interval may make: 97.5 %
    nowhere      in neither quantity, on no task, may the challenger be slower beyond the margin:
    slower       each task's whole 95 % interval lies above 1 / (1 + margin)

The margin is the plan's (5 % unless it says otherwise), the interval Student's t of paired
log-ratios from at least 8 repeats.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean

from samenet.stats import significance, stopping
from samenet.stats.intervals import VERDICT_REPEATS_MIN, Estimate, PerRepeat
from samenet.stats.significance import ALPHA
from samenet.stats.verdicts import VerdictWord, format_percent, tie_sentence


class Judged(StrEnum):
    """What a contest judges; the text is what people read."""

    WHOLE = "whole training"
    STEP = "step"


CONFIDENCE = 1 - ALPHA / len(Judged)
"""Of the interval that makes a loop faster: two quantities give two chances."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopComparison:
    """Mean log-ratios ours / challenger, paired in repeats; above 0 the challenger is faster."""

    overall: Estimate
    """Of the geometric mean over the tasks."""
    tasks: dict[str, Estimate]

    def at(self, n: int) -> LoopComparison:
        """Return what so many repeats would probably give."""
        tasks = {name: each.at(n) for name, each in self.tasks.items()}
        return LoopComparison(overall=self.overall.at(n), tasks=tasks)

    def slower_on(self, margin: float) -> list[str]:
        """Return the tasks on which the challenger is slower beyond the margin."""
        edge = -math.log1p(margin)
        return [task for task, each in self.tasks.items() if each.interval().high < edge]


Comparisons = Mapping[Judged, LoopComparison]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContestVerdict:
    """What the rule says: a word of the vocabulary, its decision, and a sentence for people."""

    word: VerdictWord
    sentence: str
    replaces: bool = False
    """Whether the challenger, being faster, takes the place of ours."""

    @property
    def answer(self) -> str:
        """Return the verdict for programs: the word, or 'replaces'."""
        return "replaces" if self.replaces else str(self.word)


def compare(times: Mapping[str, tuple[PerRepeat, PerRepeat]]) -> LoopComparison:
    """Return the estimates from (ours, challenger) per task: seconds of one quantity by repeat.

    Only repeats that hold both loops on every task count. Raises ValueError if there is none.
    """
    whole = set.intersection(*(set(a) & set(b) for a, b in times.values()))
    if not whole:
        raise ValueError("No repeat holds both loops on every task.")
    logs = {
        task: [math.log(ours[r] / theirs[r]) for r in sorted(whole)]
        for task, (ours, theirs) in times.items()
    }
    means = [fmean(each) for each in zip(*logs.values(), strict=True)]
    return LoopComparison(
        overall=Estimate.of(means), tasks={task: Estimate.of(each) for task, each in logs.items()}
    )


def word_of(found: LoopComparison, margin: float) -> VerdictWord:
    """Return what the times of one quantity alone say."""
    edge = math.log1p(margin)
    if round(found.overall.n) < VERDICT_REPEATS_MIN:
        return VerdictWord.UNKNOWN
    if found.overall.interval(CONFIDENCE).low > edge:
        # Faster on the whole; of every task it must be known whether it is slower there.
        known = bool(found.slower_on(margin)) or not _perhaps_slower(found, margin)
        return VerdictWord.FASTER if known else VerdictWord.UNKNOWN
    if found.overall.interval().high < -edge:
        return VerdictWord.SLOWER
    tie = significance.equivalence_p(found.overall, margin) <= ALPHA
    return VerdictWord.CLOSE if tie else VerdictWord.UNKNOWN


def _perhaps_slower(found: LoopComparison, margin: float) -> bool:
    """Return whether on some task it is not known that the challenger is not slower."""
    return any(each.interval().low <= -math.log1p(margin) for each in found.tasks.values())


def overall_word(found: Comparisons, margin: float) -> VerdictWord:
    """Return what both quantities say together; whether a loop is defended is asked afterwards."""
    words = [word_of(each, margin) for each in found.values()]
    if VerdictWord.FASTER in words:
        slower = (
            any(each.slower_on(margin) for each in found.values()) or VerdictWord.SLOWER in words
        )
        open_ = any(_perhaps_slower(each, margin) for each in found.values())
        return VerdictWord.FASTER if slower or not open_ else VerdictWord.UNKNOWN
    if VerdictWord.UNKNOWN in words:
        return VerdictWord.UNKNOWN
    return VerdictWord.SLOWER if VerdictWord.SLOWER in words else VerdictWord.CLOSE


def repeats_needed(found: Comparisons, margin: float) -> int | None:
    """Return how many repeats would probably settle it, or None if no reasonable number would.

    One repeat tells no spread: then the fewest that allow a verdict.
    """
    measured = repeats_of(found)
    if measured < 2:
        return VERDICT_REPEATS_MIN

    def settled(n: int) -> bool:
        later = {judged: each.at(n) for judged, each in found.items()}
        return overall_word(later, margin) is not VerdictWord.UNKNOWN

    return stopping.find_repeats_needed(settled, least=max(measured + 1, VERDICT_REPEATS_MIN))


def repeats_of(found: Comparisons) -> int:
    """Return how many repeats hold both loops on every task."""
    return min(round(each.overall.n) for each in found.values())


def judge(
    found: Comparisons,
    *,
    margin: float,
    undefended: Sequence[str],
    unmeasured: Sequence[str] = (),
    seconds_per_repeat: float,
) -> ContestVerdict:
    """Return the verdict on a challenger whose checks have all passed.

    `undefended` says what does not speak for it, `unmeasured` which networks of the rule the
    contest left out: without them a loop may be faster, but replaces nothing.
    """
    word = overall_word(found, margin)
    factors = _factors(found)
    if word is VerdictWord.UNKNOWN:
        # A longer contest starts from the beginning, so the number of all repeats is given, too.
        needed = repeats_needed(found, margin)
        more = needed and needed - repeats_of(found)
        ask = f" (--repeats {needed})" if needed else ""
        text = f"{word}: {stopping.format_needed(more, seconds_per_repeat)}{ask}"
        return ContestVerdict(word=word, sentence=text)
    if word is VerdictWord.CLOSE:
        return ContestVerdict(word=word, sentence=f"{tie_sentence(margin)}: {factors}")
    if word is VerdictWord.SLOWER:
        return ContestVerdict(word=word, sentence=f"{word}: {factors}")
    reasons = [
        f"slower beyond {format_percent(margin)} in the {judged} on {task}"
        for judged, each in found.items()
        for task in each.slower_on(margin)
    ]
    reasons += [
        f"slower in the {judged} on the whole"
        for judged, each in found.items()
        if word_of(each, margin) is VerdictWord.SLOWER and not each.slower_on(margin)
    ]
    reasons += [f"not measured: {each}" for each in unmeasured]
    if undefended:
        reasons.append(f"nothing defends it: {', '.join(undefended)}")
    if reasons:
        text = f"{word}: {factors}, but does not replace ours: {'; '.join(reasons)}"
        return ContestVerdict(word=word, sentence=text)
    text = f"replaces ours: checked, defended and {word}: {factors}"
    return ContestVerdict(word=word, sentence=text, replaces=True)


def _factors(found: Comparisons) -> str:
    """Say how much faster the challenger is in each quantity; below 1 it is slower."""
    parts = []
    for judged, each in found.items():
        factor = each.overall.ratio()
        parts.append(f"{judged} {factor.value:.2f}× ({factor.low:.2f} to {factor.high:.2f})")
    return ", ".join(parts)


def refuse(reason: str) -> ContestVerdict:
    """Return the verdict on loops that may not be compared."""
    return ContestVerdict(
        word=VerdictWord.NOT_COMPARED, sentence=f"{VerdictWord.NOT_COMPARED}: {reason}"
    )


def too_noisy(reason: str) -> ContestVerdict:
    """Return the verdict where the instrument itself did not work: another time it may."""
    return ContestVerdict(word=VerdictWord.UNKNOWN, sentence=f"{VerdictWord.UNKNOWN}: {reason}")

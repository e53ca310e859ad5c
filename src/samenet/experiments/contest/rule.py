"""Two loops of one network head to head: the published rule, as pure functions of step times.

A loop that is checked, defensible and faster beyond the margin replaces ours:

    checked      every gate passed on every task, gate 4 in every process that was timed
    defensible   its mode names a reason and a public source
    faster       the whole 95 % t interval of ours / challenger lies above 1 + margin, on the
                 geometric mean over the tasks, paired within repeats
    nowhere      on no task may the challenger be slower beyond the margin: each task's whole
    slower       interval lies above 1 / (1 + margin)

The margin is the plan's (5 % unless it says otherwise), the interval Student's t of paired
log-ratios from at least 8 repeats.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from samenet.stats import significance, stopping
from samenet.stats.intervals import VERDICT_REPEATS_MIN, Estimate, PerRepeat
from samenet.stats.significance import ALPHA
from samenet.stats.verdicts import Word, percent, tied


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Mean log-ratios ours / challenger, paired in repeats; above 0 the challenger is faster."""

    overall: Estimate
    """Of the geometric mean over the tasks."""
    tasks: dict[str, Estimate]

    def at(self, n: int) -> Comparison:
        """Return what `n` repeats would probably give."""
        tasks = {name: each.at(n) for name, each in self.tasks.items()}
        return Comparison(overall=self.overall.at(n), tasks=tasks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the rule says: a word of the vocabulary, its decision, and a sentence for people."""

    word: Word
    sentence: str
    replaces: bool = False
    """Whether the challenger, being faster, takes the place of ours."""

    @property
    def answer(self) -> str:
        """Return the verdict for programs: the word, or 'replaces'."""
        return "replaces" if self.replaces else str(self.word)


def compare(times: Mapping[str, tuple[PerRepeat, PerRepeat]]) -> Comparison:
    """Return the estimates, given (ours, challenger) per task: seconds of a step by repeat.

    Only repeats that hold both loops on every task count. Raises ValueError if there is none.
    """
    repeats = set.intersection(*(set(a) & set(b) for a, b in times.values()))
    if not repeats:
        raise ValueError("No repeat holds both loops on every task.")
    logs = {
        task: [math.log(ours[r] / theirs[r]) for r in sorted(repeats)]
        for task, (ours, theirs) in times.items()
    }
    means = [fmean(logs_of_repeat) for logs_of_repeat in zip(*logs.values(), strict=True)]
    return Comparison(
        overall=Estimate.of(means),
        tasks={task: Estimate.of(logs_of_task) for task, logs_of_task in logs.items()},
    )


def word_of(comparison: Comparison, margin: float) -> Word:
    """Return what the step times alone say; `judge` then asks whether the loop is defended."""
    overall = comparison.overall.interval()
    edge = math.log1p(margin)
    if overall.n < VERDICT_REPEATS_MIN:
        return Word.UNKNOWN
    if overall.low > edge:
        # Faster on the whole; of every task it must be known whether it is slower there.
        tasks = [task.interval() for task in comparison.tasks.values()]
        known = any(task.high < -edge for task in tasks) or all(task.low > -edge for task in tasks)
        return Word.FASTER if known else Word.UNKNOWN
    if overall.high < -edge:
        return Word.SLOWER
    tie = significance.equivalence_p(comparison.overall, margin) <= ALPHA
    return Word.CLOSE if tie else Word.UNKNOWN


def repeats_needed(comparison: Comparison, margin: float) -> int | None:
    """Return how many repeats would probably decide it, or None if no reasonable number would.

    One repeat tells no spread: then the fewest that allow a verdict.
    """
    if comparison.overall.n < 2:
        return VERDICT_REPEATS_MIN
    return stopping.repeats_needed(
        lambda n: word_of(comparison.at(n), margin) is not Word.UNKNOWN,
        least=max(round(comparison.overall.n) + 1, VERDICT_REPEATS_MIN),
    )


def judge(
    comparison: Comparison, *, margin: float, undefended: Sequence[str], seconds_per_repeat: float
) -> Verdict:
    """Return the verdict on a challenger whose checks have all passed."""
    word = word_of(comparison, margin)
    factor = comparison.overall.ratio()
    span = f"(95 % interval {factor.low:.2f} to {factor.high:.2f})"
    if word is Word.UNKNOWN:
        # A longer contest starts from the beginning, so the number of all repeats is given, too.
        needed = repeats_needed(comparison, margin)
        more = needed and needed - round(comparison.overall.n)
        ask = f" (--repeats {needed})" if needed else ""
        text = f"{word}: {stopping.still_needed(more, seconds_per_repeat)}{ask}"
        return Verdict(word=word, sentence=text)
    if word is Word.CLOSE:
        return Verdict(word=word, sentence=f"{tied(margin)} {span}")
    if word is Word.SLOWER:
        return Verdict(word=word, sentence=f"{word}: {factor.value:.2f}× as fast {span}")
    reasons = [
        f"slower beyond {percent(margin)} on {task}"
        for task, estimate in comparison.tasks.items()
        if estimate.interval().high < -math.log1p(margin)
    ]
    if undefended:
        reasons.append(f"nothing defends it, missing in the header: {', '.join(undefended)}")
    if reasons:
        text = f"{factor.value:.2f}× faster {span}, but does not replace ours: "
        return Verdict(word=word, sentence=text + "; ".join(reasons))
    text = f"replaces ours: checked, defended and {factor.value:.2f}× faster {span}"
    return Verdict(word=word, sentence=text, replaces=True)


def refused(reason: str) -> Verdict:
    """Return the verdict on loops that may not be compared."""
    return Verdict(word=Word.NOT_COMPARED, sentence=f"{Word.NOT_COMPARED}: {reason}")

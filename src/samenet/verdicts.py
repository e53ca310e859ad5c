"""What may be said of each arm, in five words and no others.

    faster, slower      Student's paired t test, adjusted for the number of pairs by Holm's method
    too close to call   two one-sided tests confirm a difference within the margin, adjusted for
                        the number of arms; this word goes before the others: a difference within
                        the margin does not matter, be it ever so sure
    cannot tell yet     neither, or fewer than eight repeats; with how many more there should be
    not compared        checks failed, times are missing or no times; with the reason

Equivalence is adjusted too, for the k - 1 arms that may be called so: without it the chance of at
least one wrong word grows with the arms. All pairs would need more (Lauzon and Caffo 2009,
https://doi.org/10.1198/tast.2009.0029, with their correction in The American Statistician 67, 115),
but nothing is claimed of two arms of which neither is the best. That the best is chosen from the
same numbers makes the other arms look slower, never closer.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from statistics import stdev

from samenet import comparisons, significance, stopping
from samenet.comparisons import Pair, Times
from samenet.significance import ALPHA
from samenet.statistics import MARGIN, VERDICT_REPEATS_MIN, Interval, PerRepeat


class Word(StrEnum):
    """The whole vocabulary."""

    FASTER = "faster"
    SLOWER = "slower"
    CLOSE = "too close to call"
    UNKNOWN = "cannot tell yet"
    NOT_COMPARED = "not compared"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One arm against the best, or against one that was named before."""

    arm: str
    against: str
    """Empty if there is nothing to compare with."""

    word: Word | None
    """None in a screening, which has numbers and no words."""

    ratio: Interval | None = None
    """Seconds of the arm / seconds of the other, with its own 95 % interval."""

    p: float | None = None
    adjusted_p: float | None = None
    permutation_p: float | None = None
    """Of the sign-flip test, which assumes no law: a cross-check of `p`."""

    equivalence_p: float | None = None
    """Adjusted, of the two one-sided tests."""

    margin: float = MARGIN
    """What is too close to matter."""

    beyond_margin: bool = False
    """Whether it is faster or slower by more than the margin, by test."""

    more_repeats: int | None = None
    """About how many more would tell; None unless it cannot tell yet, or beyond reason."""

    reason: str = ""
    """Why it is not compared, or why it cannot be told."""

    @property
    def confirmed(self) -> bool:
        """Return whether the permutation test, at 5 % too, agrees with the t test."""
        if self.p is None or self.permutation_p is None:
            return True
        return (self.p <= ALPHA) == (self.permutation_p <= ALPHA)


def verdicts(
    times: Times,
    *,
    margin: float = MARGIN,
    against: str | None = None,
    words: bool = True,
    refused: Mapping[str, str] | None = None,
) -> tuple[Verdict, ...]:
    """Return one verdict per arm, without the one they are compared with, in the given order.

    That is the best, or the arm `against`. `refused` holds reasons why arms may not be compared;
    without `words`, in a screening, there are numbers only.
    """
    flaws = {arm: why for arm, each in times.items() if (why := _flaw(each))} | dict(refused or {})
    usable = {arm: each for arm, each in times.items() if arm not in flaws}
    if against is not None and against not in usable:
        why = f"nothing to compare with, {against}: {flaws.get(against, NO_TIMES)}"
        usable, flaws = {}, dict.fromkeys(usable, why) | flaws
    centre = against or (comparisons.best(usable) if usable else "")
    found = _judged(usable, centre, margin, words=words, chosen=against is None)
    rows = {row.arm: row for row in found}
    return tuple(
        rows.get(arm) or _not_compared(arm, centre, flaws[arm])
        for arm in {**times, **flaws}
        if arm != centre
    )


NO_TIMES = "it has no times"


def _flaw(each: PerRepeat) -> str:
    """Return what is wrong with the times of an arm, or an empty text; infinite ones are right."""
    if not each:
        return NO_TIMES
    wrong = [seconds for seconds in each.values() if not seconds > 0]
    return f"a time of {wrong[0]:g} seconds is none" if wrong else ""


def _not_compared(arm: str, centre: str, reason: str) -> Verdict:
    return Verdict(arm=arm, against=centre, word=Word.NOT_COMPARED, reason=reason)


def _judged(
    times: Times, centre: str, margin: float, *, words: bool, chosen: bool
) -> Iterator[Verdict]:
    """Yield the verdict on every arm but the centre; one that was chosen brings in all pairs."""
    every = comparisons.all_pairs(times) if chosen else [(arm, centre) for arm in times]
    turned = [(b, a) if a == centre else (a, b) for a, b in every if a != b]
    family = comparisons.family(times, turned, margin)
    pairs = [pair for pair in family if pair.other == centre]
    within = significance.holm([_equivalence_p(pair, margin) for pair in pairs]).tolist()
    level = _level_left(family, within)
    for pair, equivalence_p in zip(pairs, within, strict=True):
        row = replace(_numbers(pair, equivalence_p), margin=margin)
        yield _worded(row, pair, margin=margin, level=level) if words else row


def _equivalence_p(pair: Pair, margin: float) -> float:
    """Return that p, 1 where nothing can be shown: too few repeats, or infinite times."""
    if len(pair.logs) < VERDICT_REPEATS_MIN or not pair.finite:
        return 1.0
    return float(significance.equivalence_p(pair.logs, margin))


def _level_left(family: Sequence[Pair], within: Sequence[float]) -> float:
    """Return at which two-sided level Holm's method would test what is still open."""
    differences = sum(pair.adjusted_p is None or pair.adjusted_p > ALPHA for pair in family)
    equivalences = sum(p > ALPHA for p in within)
    return min(ALPHA / max(1, differences), 2 * ALPHA / max(1, equivalences))


def _numbers(pair: Pair, equivalence_p: float) -> Verdict:
    """Return a row without a word."""
    many = len(pair.logs) > 1
    test = significance.sign_flip_p if pair.finite else significance.sign_p
    return Verdict(
        arm=pair.one,
        against=pair.other,
        word=None,
        ratio=pair.ratio if pair.logs else None,
        p=pair.p,
        adjusted_p=pair.adjusted_p,
        permutation_p=float(test(pair.logs)) if many else None,
        equivalence_p=equivalence_p if many else None,
    )


def _worded(row: Verdict, pair: Pair, *, margin: float, level: float) -> Verdict:
    """Return the row with its word."""
    if not pair.logs:
        return _not_compared(row.arm, row.against, f"no repeat holds it and {row.against}")
    word = _word(pair, row.equivalence_p)
    more = _more(pair, margin, level) if word is Word.UNKNOWN else None
    reason = ENDLESS if word is Word.UNKNOWN and not pair.finite else ""
    far = word in {Word.FASTER, Word.SLOWER} and (pair.beyond_p or 0) <= ALPHA
    return replace(row, word=word, beyond_margin=far, more_repeats=more, reason=reason)


ENDLESS = "it does not get there in some repeats and does in others"


def _word(pair: Pair, equivalence_p: float | None) -> Word:
    """Return what a pair that has a common repeat shows."""
    if len(pair.logs) < VERDICT_REPEATS_MIN:
        return Word.UNKNOWN
    if equivalence_p is not None and equivalence_p <= ALPHA:
        return Word.CLOSE
    if pair.slower:
        return Word.SLOWER
    return Word.FASTER if pair.faster else Word.UNKNOWN


def _more(pair: Pair, margin: float, level: float) -> int | None:
    """Return about how many more repeats would tell, at least those that any word needs."""
    n = len(pair.logs)
    if n < 2:
        return VERDICT_REPEATS_MIN - n
    if not pair.finite:
        return None
    needed = stopping.repeats_needed(stdev(pair.logs), margin, confidence=1 - level)
    return None if needed is None else max(1, needed - n)


def sentence(verdict: Verdict, *, seconds_per_repeat: float | None = None) -> str:
    """Return a verdict for people, e.g. '1.80× slower [1.71, 1.90]'."""
    if verdict.word is Word.NOT_COMPARED:
        return f"{verdict.word}: {verdict.reason}"
    if verdict.word is Word.CLOSE:
        return f"{verdict.word}: within {100 * verdict.margin:g} %"
    if verdict.word is Word.UNKNOWN:
        still = verdict.reason or _still(verdict.more_repeats, seconds_per_repeat)
        return f"{verdict.word}: {still}"
    return _factor(verdict)


def _still(more: int | None, seconds_per_repeat: float | None) -> str:
    if more is None:
        return f"more than {stopping.REPEATS_MAX} repeats would be needed"
    count, unit = more, "repeat"
    if seconds_per_repeat is not None:
        count, unit = max(1, math.ceil(more * seconds_per_repeat / 60)), "minute"
    return f"about {count} more {unit}{'' if count == 1 else 's'}"


def _factor(verdict: Verdict) -> str:
    """Return the factor with its interval, as a number above 1 where a word says the direction."""
    found = verdict.ratio
    if found is None:
        return ""
    if found.value in {0, math.inf}:
        return f"{verdict.word}: {verdict.against if found.value == 0 else 'it'} does not get there"
    ends = (found.value, found.low, found.high)
    if verdict.word is Word.FASTER:
        ends = (1 / found.value, 1 / found.high, 1 / found.low)
    value, low, high = (f"{each:.2f}" for each in ends)
    factor = f"{value}× {verdict.word or ''}".strip()
    return f"{factor} [{low}, {high}]" if found.known else factor

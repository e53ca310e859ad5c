"""The words of every comparison, and what may be said of each arm of a run.

A run (this module) uses five of them, a gate against an earlier run (analysis.regression) asks only
whether something became slower and has `not slower` in the place of `too close to call`, and a
contest of two loops (experiments.contest.rule) uses the five with a rule of its own. In a run

    faster, slower      Student's paired t test, adjusted for the number of pairs by Holm's method
    too close to call   two one-sided tests confirm a difference within the margin, adjusted for
                        the number of arms; this word goes before the others: a difference within
                        the margin does not matter, however certain
    cannot tell yet     neither, or fewer than eight repeats; with how many more there should be
    not compared        checks failed, or times are missing or invalid; with the reason

Equivalence is adjusted too, for the k - 1 arms that may be called equivalent: otherwise the chance
of at least one wrong word grows with the number of arms. All pairs would need more (Lauzon and
Caffo 2009, https://doi.org/10.1198/tast.2009.0029, with their correction in The American
Statistician 67, 115), but nothing is claimed about two arms neither of which is the best. Choosing
the best from the same numbers makes the other arms look slower, never closer.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from samenet.stats import pairwise, significance, stopping
from samenet.stats.intervals import MARGIN, VERDICT_REPEATS_MIN, Estimate, Interval
from samenet.stats.pairwise import PairTest, TimesByArm
from samenet.stats.significance import ALPHA


class VerdictWord(StrEnum):
    """The whole vocabulary of comparisons, in runs, gates and contests."""

    FASTER = "faster"
    SLOWER = "slower"
    CLOSE = "too close to call"
    NOT_SLOWER = "not slower"
    """By no more than the margin, perhaps even faster: all that a gate asks."""
    UNKNOWN = "cannot tell yet"
    NOT_COMPARED = "not compared"


WORD_SYMBOLS = {
    VerdictWord.FASTER: "▲",
    VerdictWord.SLOWER: "▼",
    VerdictWord.CLOSE: "=",
    VerdictWord.NOT_SLOWER: "=",
    VerdictWord.UNKNOWN: "?",
    VerdictWord.NOT_COMPARED: "–",
}


def with_symbol(word: VerdictWord) -> str:
    """Return a word with its symbol, as tables of many comparisons show it: '▲ faster'."""
    return f"{WORD_SYMBOLS[word]} {word}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One arm against the best, or against one that was named before."""

    arm: str
    against: str
    """Empty if there is nothing to compare with."""

    word: VerdictWord | None
    """None in a screening, which has numbers and no words."""

    ratio: Interval | None = None
    """Seconds of the arm / seconds of the other, with its own 95 % interval."""

    p: float | None = None
    adjusted_p: float | None = None
    permutation_p: float | None = None
    """Of the sign-flip test, which assumes no distribution: a cross-check of `p`."""

    equivalence_p: float | None = None
    """Adjusted, of the two one-sided tests."""

    margin: float = MARGIN
    """The difference that is too small to matter."""

    beyond_margin: bool = False
    """Whether it is faster or slower by more than the margin, by test."""

    more_repeats: int | None = None
    """About how many more would decide; None if there is a verdict, or if it is beyond reason."""

    reason: str = ""
    """Why it is not compared, or why there is no answer."""

    @classmethod
    def not_compared(cls, arm: str, against: str, reason: str) -> Verdict:
        """Return the row of an arm that is not compared."""
        return cls(arm=arm, against=against, word=VerdictWord.NOT_COMPARED, reason=reason)


def judge_arms(
    times: TimesByArm,
    *,
    margin: float = MARGIN,
    against: str | None = None,
    words: bool = True,
    refused: Mapping[str, str] | None = None,
) -> tuple[Verdict, ...]:
    """Return one verdict per arm against the best, or against the arm `against`.

    They are in the order of `times`, without that arm itself. `refused` holds reasons why arms may
    not be compared; without `words`, in a screening, there are numbers only.
    """
    reasons: dict[str, str] = {}  # why an arm is not compared
    for arm, seconds_by_repeat in times.items():
        # An infinite time is valid: it means that the arm did not get there.
        invalid = [seconds for seconds in seconds_by_repeat.values() if not seconds > 0]
        if invalid:
            reasons[arm] = f"a time of {invalid[0]:g} seconds is none"
        elif not seconds_by_repeat:
            reasons[arm] = NO_TIMES
    reasons |= refused or {}
    usable = {arm: times[arm] for arm in times if arm not in reasons}
    if against is not None and against not in usable:
        reason = f"nothing to compare with, {against}: {reasons.get(against, NO_TIMES)}"
        reasons = dict.fromkeys(usable, reason) | reasons
        usable = {}
    reference = against or (pairwise.fastest_arm(usable) if usable else "")
    rows = {
        row.arm: row
        for row in _rows(usable, reference, margin, words=words, chosen=against is None)
    }
    for arm, reason in reasons.items():
        rows[arm] = Verdict.not_compared(arm, reference, reason)
    return tuple(rows[arm] for arm in {**times, **reasons} if arm != reference)


NO_TIMES = "it has no times"
ENDLESS_IN_PART = "it does not get there in some repeats and does in others"


def _rows(
    times: TimesByArm, reference: str, margin: float, *, words: bool, chosen: bool
) -> Iterator[Verdict]:
    """Yield the verdict of every arm but the reference; `chosen` if the numbers chose that one."""
    # A best that was chosen from these very numbers costs a family of all pairs.
    keys = pairwise.all_pairs(times) if chosen else [(arm, reference) for arm in times]
    turned = [(b, a) if a == reference else (a, b) for a, b in keys if a != b]
    family = pairwise.compare_pairs(times, turned, margin)
    # Ties are claimed with the reference alone, so they are adjusted for those pairs alone.
    pairs = [pair for pair in family if pair.against == reference]
    ties = significance.adjust_by_holm([pair.tie_p for pair in pairs]).tolist()
    # Holm's method tests what is still open at this two-sided level, so the number of repeats that
    # are still needed is projected at it.
    open_pairs = sum(pair.adjusted_p is None or pair.adjusted_p > ALPHA for pair in family)
    open_ties = sum(p > ALPHA for p in ties)
    level = min(ALPHA / max(1, open_pairs), 2 * ALPHA / max(1, open_ties))
    for pair, tie_p in zip(pairs, ties, strict=True):
        tested = len(pair.logs) > 1
        permutation_p = significance.sign_flip_p if pair.finite else significance.sign_p
        row = Verdict(
            arm=pair.arm,
            against=pair.against,
            word=None,
            ratio=pair.ratio if pair.logs else None,
            p=pair.p,
            adjusted_p=pair.adjusted_p,
            permutation_p=float(permutation_p(pair.logs)) if tested else None,
            equivalence_p=tie_p if tested else None,
            margin=margin,
        )
        yield _decide(row, pair, tie_p, level) if words else row


def _decide(row: Verdict, pair: PairTest, tie_p: float, level: float) -> Verdict:
    """Return the row with its word: the policy of a run.

    `level` is the two-sided level at which the number of repeats still needed is projected.
    """
    n = len(pair.logs)
    if not n:
        return Verdict.not_compared(row.arm, row.against, f"no repeat holds it and {row.against}")
    if n >= VERDICT_REPEATS_MIN:
        # A tie goes first: a difference within the margin does not matter, however certain.
        if tie_p <= ALPHA:
            return replace(row, word=VerdictWord.CLOSE)
        if pair.slower or pair.faster:
            far = pair.beyond_p is not None and pair.beyond_p <= ALPHA
            word = VerdictWord.SLOWER if pair.slower else VerdictWord.FASTER
            return replace(row, word=word, beyond_margin=far)
    row = replace(row, word=VerdictWord.UNKNOWN, reason="" if pair.finite else ENDLESS_IN_PART)
    if n < 2:  # one repeat has no spread to project from: promise the fewest that a word needs
        return replace(row, more_repeats=VERDICT_REPEATS_MIN - n)
    if not pair.finite:
        return row
    estimate = Estimate.of(pair.logs)
    needed = stopping.find_repeats_needed(
        lambda repeats: bool(stopping.is_narrow(estimate.at(repeats), row.margin, 1 - level))
    )
    return replace(row, more_repeats=needed and max(1, needed - n))


def verdict_sentence(verdict: Verdict, *, seconds_per_repeat: float | None = None) -> str:
    """Return a verdict for people, e.g. '1.80× slower [1.71, 1.90]'."""
    if verdict.word is VerdictWord.NOT_COMPARED:
        return f"{verdict.word}: {verdict.reason}"
    if verdict.word is VerdictWord.CLOSE:
        return tie_sentence(verdict.margin)
    if verdict.word is VerdictWord.UNKNOWN:
        still = stopping.format_needed(verdict.more_repeats, seconds_per_repeat)
        return f"{verdict.word}: {verdict.reason or still}"
    return _factor(verdict)


def tie_sentence(margin: float) -> str:
    """Return the sentence of a tie, which never goes without its margin."""
    return f"{VerdictWord.CLOSE}: within {format_percent(margin)}"


def format_percent(margin: float) -> str:
    """Return a margin for people: '5 %'."""
    return f"{100 * margin:g} %"


def _factor(verdict: Verdict) -> str:
    """Return the factor with its interval, as a number above 1 where a word says the direction."""
    ratio = verdict.ratio
    if ratio is None:
        return ""
    if ratio.value in {0, math.inf}:
        # One of the two takes an infinite time: the other arm if the ratio is 0, else this one.
        endless = verdict.against if ratio.value == 0 else "it"
        return f"{verdict.word}: {endless} does not get there"
    shown = ratio.inverse if verdict.word is VerdictWord.FASTER else ratio
    factor = f"{shown.value:.2f}× {verdict.word or ''}".strip()
    return f"{factor} [{shown.low:.2f}, {shown.high:.2f}]" if shown.known else factor

"""Whether a new run is slower than an earlier one: a gate for continuous integration.

Each result (task and framework in its mode) gets the ratio new / base with Welch's interval. It is

    slower            'at most 1 + margin' is rejected at 2.5 %, Holm's correction over all results
                      (Holm, Scandinavian Journal of Statistics 6, 1979): however many results
                      there are, a gate without a regression stops at most one time in forty
    faster            the whole 95 % interval lies below 1 / (1 + margin)
    not slower        the whole 95 % interval lies below 1 + margin
    cannot tell yet   neither, or a run has one repeat; with how many more there should be
    not compared      only the earlier run has it, the task is another one, or its steps are asked
                      about and never settled in one of the runs

The intervals hold what differs between processes. What differs between two sessions of a machine
is not in them: the margin has to cover it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from samenet._text import join_names
from samenet.analysis.fingerprint import GROUPS, Group, differences
from samenet.analysis.quantities import Quantity
from samenet.errors import UsageError
from samenet.stats import significance, stopping, welch
from samenet.stats.intervals import Estimate, Interval
from samenet.stats.verdicts import VerdictWord

SCHEMA = "samenet-comparison/1"
LEVEL = 0.025

Verdict = Literal["regression", "inconclusive", "fine", "refused"]
EXIT_CODES: dict[Verdict, int] = {"fine": 0, "regression": 4, "inconclusive": 5, "refused": 6}
Key = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One result of both runs, with a word of samenet.stats.verdicts."""

    task: str
    arm: str
    word: VerdictWord
    base_seconds: float | None = None
    new_seconds: float | None = None
    ratio: Interval | None = None
    p: float | None = None
    """Of 'at most 1 + margin', after Holm's correction."""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Everything that a comparison says."""

    verdict: Verdict
    quantity: str
    margin: float
    rows: tuple[Row, ...] = ()
    refusals: tuple[str, ...] = ()
    """Guarded fields that differ and forbid the comparison."""
    admitted: tuple[str, ...] = ()
    """Guarded fields that differ and were admitted."""

    @property
    def exit_code(self) -> int:
        """Return what the shell is told."""
        return EXIT_CODES[self.verdict]

    def plain(self) -> dict[str, Any]:
        """Return the comparison as plain data; its schema is docs/result-schema.md."""
        return {"schema": SCHEMA, **asdict(self)}


def compare(
    base: Mapping[str, Any],
    new: Mapping[str, Any],
    *,
    quantity: str,
    margin: float,
    admitted: Sequence[Group] = (),
) -> Comparison:
    """Compare two result documents; guarded fields of the groups `admitted` may differ.

    Raises UsageError if they have no result in common.
    """
    fingerprints = base["fingerprint"], new["fingerprint"]
    guarded = [group for group in GROUPS if group not in (*admitted, "tasks")]
    refusals = tuple(differences(*fingerprints, guarded))
    if refusals:
        return Comparison(verdict="refused", quantity=quantity, margin=margin, refusals=refusals)
    rows = tuple(_rows(base, new, quantity, margin))
    return Comparison(
        verdict=_verdict(rows),
        quantity=quantity,
        margin=margin,
        rows=rows,
        admitted=tuple(differences(*fingerprints, admitted)),
    )


def _verdict(rows: Sequence[Row]) -> Verdict:
    words = {row.word for row in rows}
    if VerdictWord.SLOWER in words:
        return "regression"
    return "inconclusive" if words & {VerdictWord.UNKNOWN, VerdictWord.NOT_COMPARED} else "fine"


def log_seconds(document: Mapping[str, Any], quantity: str) -> dict[Key, Estimate]:
    """Return the logarithm of every time of a document whose checks passed."""
    return {
        key: Estimate.from_ratio(Interval(**row["seconds"][quantity]))
        for key, row in _passed(document)
        if quantity in row["seconds"]
    }


def _passed(document: Mapping[str, Any]) -> Iterator[tuple[Key, Mapping[str, Any]]]:
    for task in document["tasks"]:
        for row in task["same_network"]:
            if row["checks"]["passed"]:
                yield (task["name"], f"{row['framework']}:{row['mode']}"), row


def _unsteady(document: Mapping[str, Any], quantity: str) -> set[Key]:
    """Return the results that never settled, if the quantity is one that needs it."""
    if not Quantity(quantity).is_steady:
        return set()
    return {key for key, row in _passed(document) if not row.get("steady_state")}


def _rows(
    base: Mapping[str, Any], new: Mapping[str, Any], quantity: str, margin: float
) -> Iterator[Row]:
    """Return the results of the base run in its order; what only the new one has is no question."""
    base_logs, new_logs = log_seconds(base, quantity), log_seconds(new, quantity)
    unsteady = {
        name: _unsteady(document, quantity) for name, document in (("BASE", base), ("NEW", new))
    }
    new_digests = new["fingerprint"]["tasks"]
    same_tasks = {
        task
        for task, digest in base["fingerprint"]["tasks"].items()
        if new_digests.get(task, digest) == digest
    }
    common = [key for key in base_logs if key in new_logs and key[0] in same_tasks]
    ratios = {
        key: welch.welch_difference(base_logs[key], new_logs[key])
        for key in common
        if not any(key in keys for keys in unsteady.values())
    }
    if not common:
        raise UsageError("BASE and NEW have no result in common: nothing can be compared.")
    limit = math.log1p(margin)
    p_values = [float(significance.above_p(ratio, limit)) for ratio in ratios.values()]
    adjusted = dict(zip(ratios, significance.adjust_by_holm(p_values).tolist(), strict=True))
    for key, base_log in base_logs.items():
        task, arm = key
        if key not in ratios:
            note = "NEW has no such result" if task in same_tasks else "the task differs"
            if key in common:
                never = join_names(name for name, keys in unsteady.items() if key in keys)
                note = f"no steady state in {never}"
            yield Row(task=task, arm=arm, word=VerdictWord.NOT_COMPARED, note=note)
            continue
        new_log = new_logs[key]
        word = word_of(ratios[key], adjusted[key], margin)
        yield Row(
            task=task,
            arm=arm,
            word=word,
            base_seconds=math.exp(base_log.centre),
            new_seconds=math.exp(new_log.centre),
            ratio=ratios[key].ratio(),
            p=adjusted[key],
            note=_lacking(base_log, new_log, margin) if word is VerdictWord.UNKNOWN else "",
        )


def word_of(difference: Estimate, p: float, margin: float) -> VerdictWord:
    """Return the word of new / base, by its adjusted p of 'at most 1 + margin': a gate's policy."""
    ratio = difference.ratio()
    if not ratio.known:
        return VerdictWord.UNKNOWN
    if p < LEVEL:
        return VerdictWord.SLOWER
    if ratio.high < 1 / (1 + margin):
        return VerdictWord.FASTER
    return VerdictWord.NOT_SLOWER if ratio.high < 1 + margin else VerdictWord.UNKNOWN


def _lacking(base: Estimate, new: Estimate, margin: float) -> str:
    """Return how many more repeats would tell, where it cannot be told."""
    fewest = round(min(base.n, new.n))
    if fewest < 2:
        return "one repeat gives no interval"
    needed = repeats_needed(base, new, margin)
    return f"{stopping.format_needed(needed and needed - fewest)} in each run"


def repeats_needed(base: Estimate, new: Estimate, margin: float) -> int | None:
    """Return with how many repeats in both runs the interval would be narrow enough to answer."""
    return stopping.find_repeats_needed(
        lambda n: bool(stopping.is_narrow(welch.welch_difference(base.at(n), new.at(n)), margin)),
        least=round(min(base.n, new.n)) + 1,
    )

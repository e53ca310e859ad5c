"""Whether a new run is slower than an earlier one: a gate for continuous integration.

Each result (task and framework in its mode) gets the ratio new / base with Welch's interval. It is

    slower        'at most 1 + margin' is rejected at 2.5 %, Holm's correction over all results
                  (Holm, Scandinavian Journal of Statistics 6, 1979): however many results there
                  are, a gate without a regression stops at most one time in forty
    faster        the whole 95 % interval lies below 1 / (1 + margin)
    fine          the whole 95 % interval lies below 1 + margin
    cannot tell   neither, or a run has one repeat

The intervals hold what differs between processes. What differs between two sessions of a machine
is not in them: the margin has to cover it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from samenet import welch
from samenet.errors import UsageError
from samenet.fingerprint import GROUPS, Group, differences
from samenet.statistics import Interval
from samenet.welch import Difference, Sample

SCHEMA = "samenet-comparison/1"
LEVEL = 0.025

Word = Literal["slower", "faster", "fine", "cannot tell", "not compared"]
Verdict = Literal["regression", "inconclusive", "fine", "refused"]
EXIT_CODES: dict[Verdict, int] = {"fine": 0, "regression": 4, "inconclusive": 5, "refused": 6}
Key = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One result of both runs."""

    task: str
    arm: str
    word: Word
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
    one, other = base["fingerprint"], new["fingerprint"]
    guarded = [group for group in GROUPS if group not in (*admitted, "tasks")]
    refusals = tuple(differences(one, other, guarded))
    if refusals:
        return Comparison(verdict="refused", quantity=quantity, margin=margin, refusals=refusals)
    rows = tuple(_rows(base, new, quantity, margin))
    return Comparison(
        verdict=_verdict(rows),
        quantity=quantity,
        margin=margin,
        rows=rows,
        admitted=tuple(differences(one, other, admitted)),
    )


def _verdict(rows: Sequence[Row]) -> Verdict:
    words = {row.word for row in rows}
    if "slower" in words:
        return "regression"
    return "inconclusive" if words & {"cannot tell", "not compared"} else "fine"


def samples(document: Mapping[str, Any], quantity: str) -> dict[Key, Sample]:
    """Return the times of every result of a document whose checks passed."""
    return {
        (task["name"], f"{row['framework']}:{row['mode']}"): Sample.of_interval(
            row["seconds"][quantity]
        )
        for task in document["tasks"]
        for row in task["same_network"]
        if quantity in row["seconds"] and row["checks"]["passed"]
    }


def _rows(
    base: Mapping[str, Any], new: Mapping[str, Any], quantity: str, margin: float
) -> Iterator[Row]:
    """Return the results of the base run in its order; what only the new one has is no question."""
    old, fresh = samples(base, quantity), samples(new, quantity)
    same = {
        task
        for task, digest in base["fingerprint"]["tasks"].items()
        if new["fingerprint"]["tasks"].get(task, digest) == digest
    }
    both = [key for key in old if key in fresh and key[0] in same]
    if not both:
        raise UsageError("BASE and NEW have no result in common: nothing can be compared.")
    found = {key: welch.difference(old[key], fresh[key]) for key in both}
    adjusted = holm({key: each.p_not_beyond(1 + margin) for key, each in found.items()})
    for key, sample in old.items():
        if key not in found:
            note = "NEW has no such result" if key[0] in same else "the task differs"
            yield Row(task=key[0], arm=key[1], word="not compared", note=note)
            continue
        yield Row(
            task=key[0],
            arm=key[1],
            word=_word(found[key], adjusted[key], margin),
            base_seconds=math.exp(sample.mean),
            new_seconds=math.exp(fresh[key].mean),
            ratio=found[key].ratio(),
            p=adjusted[key],
            note=_note(sample, fresh[key], found[key], adjusted[key], margin),
        )


def _word(found: Difference, p: float, margin: float) -> Word:
    if not found.known:
        return "cannot tell"
    if p < LEVEL:
        return "slower"
    high = found.ratio().high
    if high < 1 / (1 + margin):
        return "faster"
    return "fine" if high < 1 + margin else "cannot tell"


def _note(base: Sample, new: Sample, found: Difference, p: float, margin: float) -> str:
    """Return how many repeats would tell, where it cannot be told."""
    if _word(found, p, margin) != "cannot tell":
        return ""
    if not found.known:
        return "one repeat gives no interval"
    return f"about {repeats_needed(base, new, margin)} repeats in each run would tell a tie"


def repeats_needed(base: Sample, new: Sample, margin: float) -> int:
    """Return how many repeats in both runs make the interval half as wide as the margin.

    With 2 n - 2 degrees of freedom t is near 2: n = (2 / h)^2 (s1^2 + s2^2), h half the margin.
    """
    half = math.log(1 + margin) / 2
    needed = math.ceil((2 / half) ** 2 * (base.variance + new.variance))
    return max(needed, min(base.n, new.n) + 1)


def holm(p_values: Mapping[Key, float]) -> dict[Key, float]:
    """Return Holm's adjusted p values."""
    adjusted: dict[Key, float] = {}
    largest = 0.0
    for place, key in enumerate(sorted(p_values, key=lambda key: p_values[key])):
        largest = max(largest, min(1.0, p_values[key] * (len(p_values) - place)))
        adjusted[key] = largest
    return adjusted

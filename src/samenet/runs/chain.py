"""The chain of a run's records: what is missing, doubled or out of order, and where.

Each line holds the checksum of the line before it; the first holds the beginning of the digest that
its plan was sealed with. So a record cannot be taken out, added, doubled or moved without a place
where two lines do not fit, unless every later checksum is made anew: a chain guards against damage
and against a careless hand, not against a forger who knows the format.

Runs of before records were chained have no such links: of them deletions cannot be seen.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from samenet.runs.records import PlanSealed, Record

DIGITS = 16
"""Of a checksum, see samenet.runs.records.checksum."""

UNSEALED = "0" * DIGITS
"""What the first line follows if it is not the seal of a plan."""

TAIL = re.compile(rb'(?:,"previous":"([0-9a-f]{16})")?,"sha256":"([0-9a-f]{16})"\}\n?$')


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What one line says of its place."""

    digest: str
    previous: str = ""
    """"" in a line of before records were chained."""


def read_link(line: bytes) -> Link | None:
    """Return the link of a line, or None if it does not end like a record."""
    match = TAIL.search(line[-80:])
    if match is None:
        return None
    return Link(digest=match[2].decode(), previous=(match[1] or b"").decode())


def first_previous(record: Record) -> str:
    """Return what the first line of a run follows: the plan as it was sealed."""
    return record.sha256[:DIGITS] if isinstance(record, PlanSealed) else UNSEALED


def count_unchained(links: Sequence[Link]) -> int:
    """Return how many lines at the beginning are of before records were chained."""
    return next((n for n, link in enumerate(links) if link.previous), len(links))


def find_breaks(links: Sequence[Link], first: str) -> list[str]:
    """Return one sentence per place where a line does not follow the one before it."""
    place = {link.digest: number for number, link in reversed([*enumerate(links, start=1)])}
    old = count_unchained(links)
    expected = links[old - 1].digest if old else first
    sentences = []
    for number, link in enumerate(links[old:], start=old + 1):
        if link.previous != expected:
            sentences.append(f"record {number} {_misplaced(number, link, place)}")
        expected = link.digest
    return sentences


def _misplaced(number: int, link: Link, place: dict[str, int]) -> str:
    """Say of a line that does not follow the one before it what is the matter."""
    if place[link.digest] < number:
        return f"is doubled: it is record {place[link.digest]} again"
    if not link.previous:
        return "was slipped in: it holds no digest of the record before it"
    if link.previous in place:
        return f"is out of order: it was written after record {place[link.previous]}"
    if number == 1:
        return "was not the first: what stood before it is missing, or the plan is another one"
    return f"does not follow record {number - 1}: what stood between them is missing"

"""Parts of sentences: numbers with their noun, lists of names."""

from __future__ import annotations

from collections.abc import Iterable

SIBILANT_ENDINGS = ("s", "x", "tch", "sh")
"""Endings whose plural is -es: process, match; but not epoch."""


def pluralize(number: float, noun: str) -> str:
    """Return a regular noun in singular or plural: 1 'task', 0 or 3 'tasks'."""
    if number == 1:
        return noun
    return f"{noun}es" if noun.endswith(SIBILANT_ENDINGS) else f"{noun}s"


def count_noun(number: int, noun: str) -> str:
    """Return a count in words: '1 task', '3 tasks', '2 mismatches'."""
    return f"{number} {pluralize(number, noun)}"


def join_names(names: Iterable[str], last: str = "and") -> str:
    """Return names as in a sentence: 'a, b and c'."""
    *head, tail = [*names] or [""]
    return f"{', '.join(head)} {last} {tail}" if head else tail

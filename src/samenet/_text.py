"""Parts of sentences: numbers with their noun, lists of names, what was received."""

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


SHOWN_MAX = 100
"""Characters of a received value, or of a name, that a message repeats."""


def shorten(text: str, most: int = SHOWN_MAX) -> str:
    """Return a text of at most this many characters: of a longer one, how it begins and ends."""
    if len(text) <= most:
        return text
    end = (most - 3) // 3
    return f"{text[: most - 3 - end]}...{text[len(text) - end :]}"


def quote_value(value: object) -> str:
    """Return a plain value as a message repeats it: as Python writes it, and never whole pages."""
    if isinstance(value, str):
        return repr(shorten(value))
    try:
        return shorten(repr(value))
    except ValueError:  # Python writes no number of more than 4300 digits
        return "a number of thousands of digits"
    except RecursionError:
        return "something nested too deeply"

"""Small words for sentences."""

from __future__ import annotations

import pytest

from samenet._text import count_noun, join_names, pluralize


@pytest.mark.parametrize(
    ("number", "noun", "said"),
    [
        (0, "task", "0 tasks"),
        (1, "task", "1 task"),
        (2, "process", "2 processes"),
        (3, "mismatch", "3 mismatches"),
        (2, "epoch", "2 epochs"),
    ],
)
def test_a_count_goes_with_its_noun(number: int, noun: str, said: str) -> None:
    """One has the plain noun, all other numbers its plural."""
    assert count_noun(number, noun) == said
    assert f"{number} {pluralize(number, noun)}" == said


def test_names_are_joined_as_in_a_sentence() -> None:
    """Commas between all but the last two."""
    assert join_names([]) == ""
    assert join_names(["a"]) == "a"
    assert join_names(["a", "b"], "or") == "a or b"
    assert join_names(["a", "b", "c"]) == "a, b and c"

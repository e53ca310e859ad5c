"""The letters of the cross-over map."""

from __future__ import annotations

from samenet.reports.answer import crossover_map


def test_there_is_a_letter_for_every_mode() -> None:
    """However many modes two runs have, each has a sign of its own."""
    signs = [crossover_map._letter(number) for number in range(100)]
    assert signs[:3] == ["A", "B", "C"]
    assert len(set(signs)) == 100

"""What the formulas can be asked for: so many rows, a seed, noise."""

from __future__ import annotations

from pydantic import Field

from samenet.spec import FrozenModel

ROWS_MIN = 10
"""Fewer rows cannot be split into a part to learn from and a part to judge by."""


class SyntheticOptions(FrozenModel):
    """The options of every synthetic source."""

    rows: int = Field(default=1000, ge=ROWS_MIN, le=1_000_000)
    seed: int = Field(default=0, ge=0, lt=2**32)


class LearnableOptions(SyntheticOptions):
    """The options of a source with something to learn."""

    noise: float = Field(default=0.1, ge=0)


class LadderOptions(SyntheticOptions):
    """The options of rows of any width that are there to be timed."""

    features: int = Field(default=16, ge=1, le=65_536)
    classes: int = Field(default=10, ge=2, le=1_000)


class LayerOptions(SyntheticOptions):
    """The options of rows that one layer is timed on."""

    numbers: int = Field(default=16, ge=1, le=1_000_000)
    vocabulary: int = Field(default=0, ge=0, le=10_000_000)
    """Where they are token numbers, how many there are."""

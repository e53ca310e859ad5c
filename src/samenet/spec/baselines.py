"""The models that are not networks, for comparison in tables: what each is called.

How each is fitted is in samenet.worker.baseline_models, under the same names.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """One such model."""

    name: str
    """In records and data frames, in the place of an arm."""
    title: str
    """On the page."""
    in_sentence: str
    one: bool
    """Whether it is singular in a sentence: a linear model *does*, boosted trees *do*."""
    cells_max: int
    """Training rows times inputs times outputs up to which it is fitted: about half a minute."""

    def fits(self, *, rows: int, features: int, outputs: int) -> bool:
        """Return whether a fit takes seconds on a table of this size, and not minutes."""
        return rows * features * outputs <= self.cells_max


LINEAR = Baseline(
    name="linear",
    title="Linear model",
    in_sentence="a linear model",
    one=True,
    cells_max=500_000_000,
)
BOOSTED_TREES = Baseline(
    name="boosted_trees",
    title="Boosted trees",
    in_sentence="boosted trees",
    one=False,
    cells_max=16_000_000,
)
BASELINES = {baseline.name: baseline for baseline in (LINEAR, BOOSTED_TREES)}
"""By name, in the order of records and legends."""

BEST_FIRST = (BOOSTED_TREES, LINEAR)
"""In the order of tables and sentences: the one that is harder to beat comes first."""

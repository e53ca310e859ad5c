"""What a training step costs as a function of the network's size, fitted to measured calls.

    seconds of a call of K steps = call + K * (step + the sum of cost * count over what is below)

    layer            L, layers with weights
    row              B, rows of the batch
    value            B * (m0 + m1 + ... + mL), what enters and leaves the layers
    weight           the sum of m*n + n
    multiplication   B * the sum of 3*m*n, less m0*m1: forward, by the kernel, by the inputs
                     (the first layer has no use for a gradient by its inputs)

What does not fit a cache costs more: values and weights above a number that is fitted too count
once more, at a cost of their own. A product of (B, m) with (m, n) takes the time of its
multiplications only where all three are large; what it costs more where one is small grows with
the faces B*m, B*n and m*n (they are read, written and packed), which are values and weights. So
the rate of multiplications saturates with size although seconds are linear in the costs.

Costs are non-negative and minimise the sum of squared *relative* errors (Lawson & Hanson 1974):
a call of 100 microseconds counts as much as one of a second.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

WITHIN = 0.15
"""A held-out size is predicted if the error is at most this share of what was measured."""

CACHED = tuple(2**power for power in range(15, 22))
"""Where a cache may end, in values or weights: from 128 kB to 8 MB of float32 numbers."""


class Call(NamedTuple):
    """One `train` call: widths from the inputs to the outputs, rows per step, steps."""

    widths: tuple[int, ...]
    batch_size: int
    steps: int


class Measured(NamedTuple):
    """A call and the seconds it took."""

    call: Call
    seconds: float


class Term(NamedTuple):
    """Something that a step has a number of, and each costs the same."""

    name: str
    number: Callable[[Call], float]
    rated: bool = False
    """Whether one reads its cost as a rate: so many per second."""


def values(call: Call) -> float:
    """Return the numbers that enter and leave the layers in one step."""
    return call.batch_size * sum(call.widths)


def weights(call: Call) -> float:
    """Return the weights and biases."""
    return sum(m * n + n for m, n in pairwise(call.widths))


def multiplications(call: Call) -> float:
    """Return the multiplications of all matrix products of one step."""
    products = [m * n for m, n in pairwise(call.widths)]
    return call.batch_size * (3 * sum(products) - products[0])


TERMS = (
    Term("step", lambda _: 1.0),
    Term("layer", lambda call: len(call.widths) - 1.0),
    Term("row", lambda call: float(call.batch_size)),
    Term("value", values, rated=True),
    Term("weight", weights, rated=True),
    Term("multiplication", multiplications, rated=True),
)
CALL, BEYOND = "call", {"value beyond cache": values, "weight beyond cache": weights}
NAMES = (CALL, *(term.name for term in TERMS), *BEYOND)


@dataclass(frozen=True, slots=True, kw_only=True)
class CostModel:
    """What each costs, {name: seconds}, and how many values and weights fit a cache."""

    seconds: Mapping[str, float]
    cached_values: int
    cached_weights: int

    def predict(self, widths: Sequence[int], batch_size: int, steps: int) -> float:
        """Return the seconds of one call; widths go from the inputs to the outputs."""
        counts = _counts(Call(tuple(widths), batch_size, steps))
        beyond = _beyond(Call(tuple(widths), batch_size, steps), self._cached)
        costs = [self.seconds[name] for name in NAMES]
        return float(np.dot([*counts, *beyond], costs))

    @property
    def _cached(self) -> tuple[int, int]:
        return self.cached_values, self.cached_weights


def _counts(call: Call) -> list[float]:
    """Return how many a call has of what is counted wherever it lies."""
    return [1.0, *(call.steps * term.number(call) for term in TERMS)]


def _beyond(call: Call, cached: tuple[int, int]) -> list[float]:
    """Return how many values and weights fit no cache, over all steps."""
    pairs = zip(BEYOND.values(), cached, strict=True)
    return [call.steps * max(0.0, number(call) - limit) for number, limit in pairs]


def fit(measured: Sequence[Measured]) -> CostModel:
    """Return the model with the smallest sum of squared relative errors; no cost is negative.

    Costs that the calls cannot tell apart, as all of a single call, share what there is somehow.
    """
    counts = [_counts(each.call) for each in measured]
    found = [_costs(measured, counts, c) for c in itertools.product(CACHED, repeat=2)]
    best = min(found, key=lambda each: each.residual)
    return CostModel(
        seconds=dict(zip(NAMES, best.costs.tolist(), strict=True)),
        cached_values=best.cached[0],
        cached_weights=best.cached[1],
    )


class _Costs(NamedTuple):
    costs: NDArray[np.float64]
    residual: float
    cached: tuple[int, int]


def _costs(
    measured: Sequence[Measured], counts: Sequence[list[float]], cached: tuple[int, int]
) -> _Costs:
    """Return the best costs for these caches, and the root of the sum of squared errors."""
    rows = [[*c, *_beyond(m.call, cached)] for c, m in zip(counts, measured, strict=True)]
    relative = np.array(rows).reshape(-1, len(NAMES)) / np.array(
        [m.seconds for m in measured]
    ).reshape(-1, 1)
    scale = relative.max(axis=0, initial=0.0)
    scale[scale == 0] = 1.0
    if not measured:
        return _Costs(np.zeros(len(NAMES)), 0.0, cached)
    costs, residual = nnls(relative / scale, np.ones(len(measured)))
    return _Costs(costs / scale, float(residual), cached)

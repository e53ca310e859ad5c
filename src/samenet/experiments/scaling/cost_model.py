"""What a training step costs as a function of the network's size, fitted to measured calls.

    seconds of a call of K steps = call + K * (step + the sum of cost * count over what is below)

    layer            L, layers with weights
    row              B, rows of the batch
    value            B * (m0 + m1 + ... + mL), what enters and leaves the layers
    weight           the sum of m*n + n
    multiplication   B * the sum of 3*m*n, less m0*m1: forward, by the kernel, by the inputs
                     (the first layer has no use for a gradient by its inputs)

What does not fit a cache costs more: the numbers a step touches above a number that is fitted too
count once more, at a cost of their own, and the weights among them likewise. A step touches every
value, and with each weight its gradient and two moments. A product of (B, m) with (m, n) takes the
time of its multiplications only where all three are large; what it costs more where one is small
grows with the faces B*m, B*n and m*n (they are read, written and packed), which are values and
weights. So the rate of multiplications saturates with size although costs are linear.

Costs are non-negative and minimise the sum of squared *relative* errors (Lawson & Hanson 1974):
a call of 100 microseconds counts as much as one of a second.

What no cost explains (a matrix library changes its kernel with the shape, an allocator gives pages
back above a size) is much the same at neighbouring sizes: a prediction is multiplied by what the
measured sizes near it were off by, the near ones weighing more. That is simple kriging of the
logarithms of measured / costs (Cressie 1993, Statistics for Spatial Data, 3.2) in the logarithms
of batch, weights per layer and layers, with the covariance exp(-distance) and a nugget for noise.
Far from every measured size nothing is left of it. Neighbours also have to be alike in their memory
layout: where rows are a multiple of 256 bytes long, a column lies in few sets of a cache and evicts
itself (Lam, Rothberg & Wolf 1991, The Cache Performance and Optimizations of Blocked Algorithms).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import fmean
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

WITHIN, WITHIN_MEDIAN = 0.20, 0.10
"""Held-out sizes are predicted if no error is more than this share of what was measured, and the
median of the errors no more than that."""

CACHED = tuple(2**power for power in range(13, 22))
"""Where a cache may end: from 32 kB to 8 MB of float32 numbers."""

REACH = (2.0, 2.0, 1.0)
"""By which factor, as a logarithm, sizes differ that have little to say about each other: in the
batch, in the weights per layer, in the layers."""

ALIGNED, ALIGNED_REACH = 64, 0.5
"""Numbers in 256 bytes; and by how much the shares of layers differ whose rows are a multiple of
that, where sizes have little to say about each other."""

NUGGET = 0.1
"""Noise of a measured size, as a share of the variance of what the costs leave unexplained."""


class Call(NamedTuple):
    """One `train` call: widths from the inputs to the outputs, rows per step, steps."""

    widths: tuple[int, ...]
    batch_size: int
    steps: int


class MeasuredCall(NamedTuple):
    """A call and the seconds it took."""

    call: Call
    seconds: float


class Term(NamedTuple):
    """Something a step has a number of, each of which costs the same."""

    name: str
    number: Callable[[Call], float]
    rated: bool = False
    """Whether its cost is read as a rate, a number per second."""


def count_values(call: Call) -> float:
    """Return the numbers that enter and leave the layers in one step."""
    return call.batch_size * sum(call.widths)


def count_touched(call: Call) -> float:
    """Return the numbers a step reads or writes: values, and four per weight."""
    return count_values(call) + 4 * count_weights(call)


def count_weights(call: Call) -> float:
    """Return the number of weights and biases."""
    return sum(m * n + n for m, n in pairwise(call.widths))


def count_shapes(widths: Sequence[int]) -> int:
    """Return how many different shapes the layers of a network have."""
    return len(set(pairwise(widths)))


def count_multiplications(call: Call) -> float:
    """Return the multiplications of all matrix products of one step."""
    products = [m * n for m, n in pairwise(call.widths)]
    return call.batch_size * (3 * sum(products) - products[0])


TERMS = (
    Term("step", lambda _: 1.0),
    Term("layer", lambda call: len(call.widths) - 1.0),
    Term("row", lambda call: float(call.batch_size)),
    Term("value", count_values, rated=True),
    Term("weight", count_weights, rated=True),
    Term("multiplication", count_multiplications, rated=True),
)
CALL = "call"
BEYOND = {"number beyond cache": count_touched, "weight beyond cache": count_weights}
COST_NAMES = (CALL, *(term.name for term in TERMS), *BEYOND)


@dataclass(frozen=True, slots=True, kw_only=True)
class CostModel:
    """The fitted costs {name: seconds}, the cache limits, and the pull of measured sizes."""

    seconds: Mapping[str, float]
    cached_numbers: int
    cached_weights: int
    places: tuple[tuple[float, ...], ...] = ()
    """The positions of the measured sizes."""
    pulls: tuple[float, ...] = ()
    """By how much each of them pulls the logarithm of a prediction at its own place."""

    def predict(self, widths: Sequence[int], batch_size: int, steps: int) -> float:
        """Return the seconds of one call; widths go from the inputs to the outputs."""
        call = Call(tuple(widths), batch_size, steps)
        if not self.pulls:
            return self.cost(call)
        near = _covariance([size_position(call)], self.places) @ np.array(self.pulls)
        return self.cost(call) * math.exp(float(near[0]))

    def cost(self, call: Call) -> float:
        """Return the seconds of one call from the costs alone, without its neighbours' pull."""
        cached = self.cached_numbers, self.cached_weights
        costs = [self.seconds[name] for name in COST_NAMES]
        return float(np.dot([*_counts(call), *_beyond(call, cached)], costs))


def size_position(call: Call) -> tuple[float, ...]:
    """Return the position of a size among others; two that are 1 apart have little in common."""
    layers = len(call.widths) - 1
    size = (call.batch_size, count_weights(call) / layers, layers)
    logarithms = (math.log(n) / reach for n, reach in zip(size, REACH, strict=True))
    return *logarithms, aligned_share(call) / ALIGNED_REACH


def aligned_share(call: Call) -> float:
    """Return the share of layers whose rows of inputs are a multiple of 256 bytes long."""
    return fmean(width % ALIGNED == 0 for width in call.widths[:-1])


def _covariance(
    one: Sequence[Sequence[float]], other: Sequence[Sequence[float]]
) -> NDArray[np.float64]:
    between = np.array(one)[:, None] - np.array(other)[None]
    return np.exp(-np.sqrt((between**2).sum(axis=-1)))


def _counts(call: Call) -> list[float]:
    """Return what a call has of each thing that costs the same in and out of the cache."""
    return [1.0, *(call.steps * term.number(call) for term in TERMS)]


def _beyond(call: Call, cached: tuple[int, int]) -> list[float]:
    """Return how many numbers and weights exceed the cache, over all steps."""
    pairs = zip(BEYOND.values(), cached, strict=True)
    return [call.steps * max(0.0, number(call) - limit) for number, limit in pairs]


def fit(measured: Sequence[MeasuredCall]) -> CostModel:
    """Return the model with the smallest sum of squared relative errors; no cost is negative.

    Costs that the calls cannot tell apart, as all of a single call, share what there is somehow.
    """
    if not measured:
        return CostModel(
            seconds=dict.fromkeys(COST_NAMES, 0.0),
            cached_numbers=CACHED[-1],
            cached_weights=CACHED[-1],
        )
    best = min(_candidates(measured), key=lambda candidate: candidate.residual)
    model = CostModel(
        seconds=dict(zip(COST_NAMES, best.costs.tolist(), strict=True)),
        cached_numbers=best.cached[0],
        cached_weights=best.cached[1],
    )
    return _with_pulls(model, measured)


def _with_pulls(model: CostModel, measured: Sequence[MeasuredCall]) -> CostModel:
    """Return the model with what its costs leave unexplained of the longest call of each size."""
    sizes: dict[tuple[tuple[int, ...], int], MeasuredCall] = {}
    for call, seconds in sorted(measured, key=lambda pair: pair.call.steps):
        sizes[call.widths, call.batch_size] = MeasuredCall(call, seconds)
    places = tuple(size_position(call) for call, _ in sizes.values())
    off = [math.log(seconds / model.cost(call)) for call, seconds in sizes.values()]
    # Simple kriging: the weights of the neighbours solve (covariance + nugget) pulls = residuals.
    noise = NUGGET * np.eye(len(places))
    pulls = np.linalg.solve(_covariance(places, places) + noise, np.array(off))
    return replace(model, places=places, pulls=tuple(pulls.tolist()))


class _Costs(NamedTuple):
    costs: NDArray[np.float64]
    residual: float
    cached: tuple[int, int]


def _candidates(measured: Sequence[MeasuredCall]) -> Iterator[_Costs]:
    """Yield the non-negative least-squares costs for every pair of cache sizes.

    This is a grid search: once it is given where the two caches end, a call's seconds are linear in
    the costs. `residual` is the root of the sum of squared relative errors.
    """
    from scipy.optimize import nnls  # what only predicts starts without it

    calls = [call for call, _ in measured]
    seconds = np.array([seconds for _, seconds in measured])
    steps = np.array([float(call.steps) for call in calls])
    counts = np.array([_counts(call) for call in calls])

    # What lies beyond a cache depends on one limit only: each column is made once, for all pairs.
    sizes = [np.array([number(call) for call in calls]) for number in BEYOND.values()]
    beyond = [{limit: steps * np.maximum(0.0, size - limit) for limit in CACHED} for size in sizes]

    for cached in itertools.product(CACHED, repeat=2):
        columns = [by_limit[limit] for by_limit, limit in zip(beyond, cached, strict=True)]
        # Divided by the seconds of its call, every row aims at 1: residuals are relative errors.
        relative = np.column_stack([counts, *columns]) / seconds[:, None]
        # The counts differ by ten orders of magnitude: nnls gets columns whose largest entry is 1.
        scale = relative.max(axis=0)
        scale[scale == 0] = 1.0  # no call has any of this
        scaled_costs, residual = nnls(relative / scale, np.ones(len(measured)))
        yield _Costs(scaled_costs / scale, float(residual), cached)

"""What rounding alone may do to a network: every limit of the gates is computed here, none typed.

A limit is a number of roundings times the unit roundoff u (2^-24 in float32, 2^-53 in float64),
times what the problem itself makes of them. The numbers of roundings count operations; where they
are measured, the method page says how far below them every framework stays.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from samenet._random import make_generator
from samenet.adapter.api import Precision
from samenet.adapter.arrays import Array, Dtype
from samenet.certificate.oracle import network as oracle
from samenet.certificate.problem import Problem
from samenet.spec.network import Network
from samenet.spec.training import Forms

ROUNDOFF: dict[Dtype, float] = {"float32": 2.0**-24, "float64": 2.0**-53}
COARSER: dict[Dtype, float] = {"float32": 2.0**-11, "float64": 2.0**-24}
"""The unit roundoff of what could slip in instead: TF32 for float32, float32 for float64."""

TF32_DIGITS = 11
"""Binary digits of the numbers that a tensor core multiplies, which adds up in float32.

https://docs.nvidia.com/cuda/parallel-thread-execution/ (alternate floating point formats, tf32)
"""
TF32_ROUNDOFF, BFLOAT16_ROUNDOFF = 2.0**-10, 2.0**-8
"""TF32's counts digits that are cut off, not rounded: no page promises more."""

FUNCTION_ROUNDINGS = 32
"""Of one activation or loss: elementary functions are off by up to 16 u (frameworks.md A2)."""

LAYER_ROUNDINGS = 4
"""Of one layer on the way forward, or back: product, sum, function, derivative."""

STEP_ROUNDINGS = 4
"""Storing a weight rounds once, at random: 0.4 u sqrt(t) after t steps (frameworks.md 0, 3)."""

LOSS_ROUNDINGS = 64
"""Of a mean loss, relative to 1 + |loss|: a chain of layers, then a sum of logarithms."""

REALISATIONS = 5
SLACK = 8
"""A framework may err so many times as much as the worst of the oracle's own realisations."""

DISTURBANCE = 1e-9


def gradient_limit(network: Network, dtype: Dtype) -> float:
    """Return the limit of a gradient's error, relative to its magnitude without cancellation."""
    return LAYER_ROUNDINGS * (depth_of(network) + 1) * ROUNDOFF[dtype]


def depth_of(network: Network) -> int:
    """Return how many layers compute something, one after the other."""
    return sum(place.kind not in NO_ROUNDING for place in network.places)


NO_ROUNDING = frozenset(
    {"fork", "flatten", "max_pool", "global_max_pool", "embedding", "dropout", "activation"}
)
"""Kinds that only move numbers, or apply a function that is counted with what comes before."""


def outputs_limit(
    network: Network, dtype: Dtype, cancelled: float, precision: Precision = "strict-float32"
) -> float:
    """Return the limit of the outputs' error, relative to their length.

    `cancelled` is by how much their magnitude without cancellation is longer than they are.
    """
    product = product_roundoff(dtype, precision)
    chain = LAYER_ROUNDINGS * (depth_of(network) + 1) * product * cancelled
    return max(function_limit(dtype), chain)


def function_limit(dtype: Dtype) -> float:
    """Return the limit of a function's error, relative to the larger of its value and 1."""
    return FUNCTION_ROUNDINGS * ROUNDOFF[dtype]


def precision_limit(dtype: Dtype) -> float:
    """Return the limit of a matrix product's error: half way, in digits, to the coarser format."""
    return math.sqrt(ROUNDOFF[dtype] * COARSER[dtype])


def tf32_limits() -> tuple[float, float]:
    """Return between which errors a matrix product is one in TF32, and nothing finer or coarser."""
    finer, coarser = ROUNDOFF["float32"], BFLOAT16_ROUNDOFF
    return math.sqrt(finer * TF32_ROUNDOFF), math.sqrt(TF32_ROUNDOFF * coarser)


def product_roundoff(dtype: Dtype, precision: Precision) -> float:
    """Return the unit roundoff of the numbers that matrix products see."""
    return TF32_ROUNDOFF if precision == "tf32" else ROUNDOFF[dtype]


def tf32_product(left: Array, right: Array) -> Array:
    """Return the product of both matrices rounded to the digits of TF32."""
    return np.matmul(_tf32(left), _tf32(right))


def _tf32(values: Array) -> Array:
    fractions, exponents = np.frexp(values)
    scale = 2.0**TF32_DIGITS
    return np.ldexp(np.rint(fractions * scale) / scale, exponents).astype(values.dtype)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundingLaw:
    """How far a training may be from the oracle's after each step, in one precision.

    weights after t steps (relative)   max(4 u sqrt(t) G, 8 E(t))
    loss before a step (absolute)      max(64 u (1 + |loss|) G, 8 E(loss))
    kept statistics (relative)         max(4 u sqrt(t) G, 8 E(statistics))

    G is by how much the training amplifies a small disturbance, E the worst error of five
    trainings of the oracle in this precision with the terms of its products in another order.
    """

    dtype: Dtype
    growth: float
    realised_weights: dict[int, float]
    realised_losses: NDArray[np.float64]
    losses: NDArray[np.float64]
    realised_state: float = 0.0
    """Of what batch norms keep in the end, relative to that alone: among all weights it is lost."""

    def weights_limit(self, step: int) -> float:
        """Return the limit after a step whose realisations are known."""
        rounded = STEP_ROUNDINGS * ROUNDOFF[self.dtype] * math.sqrt(step) * self.growth
        return max(rounded, SLACK * self.realised_weights[step])

    def state_limit(self, step: int) -> float:
        """Return the limit of what batch norms keep after the last step."""
        rounded = STEP_ROUNDINGS * ROUNDOFF[self.dtype] * math.sqrt(step) * self.growth
        return max(rounded, SLACK * self.realised_state)

    def loss_limits(self) -> NDArray[np.float64]:
        """Return the limit of each step's loss: (steps,)."""
        chain = LOSS_ROUNDINGS * ROUNDOFF[self.dtype] * self.growth * (1 + np.abs(self.losses))
        return np.maximum(chain, SLACK * np.maximum.accumulate(self.realised_losses))


def rounding_law(
    problem: Problem, forms: Forms, truth: oracle.Trajectory, dtype: Dtype, growth: float
) -> RoundingLaw:
    """Return what rounding may do on `problem.whole`; `truth` holds a snapshot after each call."""
    weights = dict.fromkeys(truth.snapshots, 0.0)
    losses, state = np.zeros_like(truth.losses), 0.0
    trained = oracle.trained(problem.network)
    for number in range(REALISATIONS):
        found = train_reordered(problem, forms, dtype, list(truth.snapshots), number)
        losses = np.maximum(losses, np.abs(found.losses - truth.losses))
        for step, snapshot in found.snapshots.items():
            off = oracle.distance(snapshot, truth.snapshots[step], trained)
            weights[step] = max(weights[step], off)
        if problem.network.has_state:
            state = max(state, oracle.distance(found.final, truth.final, ~trained))
    return RoundingLaw(
        dtype=dtype,
        growth=growth,
        realised_weights=weights,
        realised_losses=losses,
        losses=truth.losses,
        realised_state=state,
    )


def measure_growth(problem: Problem, forms: Forms, truth: oracle.Trajectory) -> float:
    """Return G >= 1: by how much this training amplifies a relative disturbance of 1e-9."""
    start = oracle.disturb(problem.weights, DISTURBANCE)
    moved = oracle.trajectory(
        problem.network, problem.training, start, problem.steps(problem.whole), forms=forms
    )
    trained = oracle.trained(problem.network)
    first = oracle.distance(start, problem.weights, trained)
    return max(1.0, oracle.distance(moved.final, truth.final, trained) / first)


def train_reordered(
    problem: Problem, forms: Forms, dtype: Dtype, snapshots: list[int], number: int
) -> oracle.Trajectory:
    """Return the oracle's training in `dtype`, the terms of every product in another order.

    In exact arithmetic the order of inputs, channels and units changes nothing; sums over them
    round differently. A decay is written as a difference in every other one, as a factor in the
    rest.
    """
    return oracle.trajectory(
        *(problem.network, problem.training, problem.weights, problem.steps(problem.whole)),
        forms=forms,
        dtype=dtype,
        snapshots=snapshots,
        multiply=ReorderedProducts(number),
        decay_as_factor=number % 2 == 1,
    )


class ReorderedProducts:
    """Matrix products whose sums run through their terms in an order of their own."""

    def __init__(self, number: int) -> None:
        """Begin; an order is drawn for every length of a sum."""
        self.number = number
        self.orders: dict[int, Array] = {}

    def __call__(self, left: Array, right: Array) -> Array:
        """Return the product."""
        terms = left.shape[-1]
        if terms not in self.orders:
            self.orders[terms] = make_generator("realisation", self.number, terms).permutation(
                terms
            )
        order = self.orders[terms]
        return np.matmul(left[..., order], right[..., order, :])

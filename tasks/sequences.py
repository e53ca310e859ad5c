"""Sequences in which order counts: a chaotic series, and rows of tokens with marks among them."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from samenet._random import make_generator
from samenet.tasks.options import LearnableOptions, SyntheticOptions

Rows = tuple[NDArray[Any], NDArray[Any]]


class SeriesOptions(LearnableOptions):
    """The options of a series to be carried on."""

    steps: int = Field(default=64, ge=2, le=4096)
    """Values that are seen."""
    ahead: int = Field(default=8, ge=1, le=1024)
    """How many steps after the last of them the asked one comes."""


DELAY, PER_STEP, WARM_UP = 170, 30, 3000
"""Of the series: its delay, the small steps from one value to the next, and those thrown away."""


def mackey_glass(options: SeriesOptions) -> Rows:
    """Return pieces of the series of Mackey and Glass (1977), each from a start of its own.

    dx/dt = 0.2 x(t - 17) / (1 + x(t - 17)^10) - 0.1 x(t), by Euler's steps of 0.1; a value is seen
    every 3 units of time. It is chaotic: what comes next is no linear function of what was.
    Only sums, products and quotients: the same numbers on every machine.
    """
    draw = make_generator("series", options.seed)
    past = np.repeat(draw.uniform(0.5, 1.3, (1, options.rows)), DELAY + 1, axis=0)
    wanted = (options.steps + options.ahead - 1) * PER_STEP
    seen = []
    for step in range(WARM_UP + wanted + 1):
        place, oldest = step % len(past), (step + 1) % len(past)
        now, late = past[place], past[oldest]
        if step >= WARM_UP and (step - WARM_UP) % PER_STEP == 0:
            seen.append(now.copy())
        square = late * late
        eighth = (square * square) * (square * square)
        past[oldest] = now + 0.1 * (0.2 * late / (1 + eighth * square) - 0.1 * now)
    values = np.stack(seen, axis=1)
    noise = options.noise * draw.standard_normal((options.rows, options.steps))
    return values[:, : options.steps] + noise, values[:, -1]


class TokenOptions(SyntheticOptions):
    """The options of rows of tokens: marks, each once, among others that say nothing."""

    steps: int = Field(default=32, ge=4, le=4096)
    marks: int = Field(default=4, ge=2, le=64)
    """Tokens that stand once each in every row, at random places."""
    vocabulary: int = Field(default=32, ge=3, le=65_536)
    asked: Literal["first", "distance", "order"] = "first"
    """Which mark comes first; how far the first mark is from the second; which of them is first."""


def tokens(options: TokenOptions) -> Rows:
    """Return token numbers (rows, steps) and what is asked of their order.

    How often a token occurs tells nothing: all marks are in every row.
    """
    draw = make_generator("tokens", options.seed)
    shape = (options.rows, options.steps)
    found = draw.integers(options.marks, options.vocabulary, shape)
    places = draw.permuted(np.tile(np.arange(options.steps), (options.rows, 1)), axis=1)
    places = places[:, : options.marks]
    np.put_along_axis(found, places, np.arange(options.marks)[None, :], axis=1)
    found = draw.permutation(options.vocabulary)[found]  # a number is a name, not a size
    if options.asked == "first":
        return found, places.argmin(axis=1)
    if options.asked == "order":
        return found, (places[:, 0] > places[:, 1]).astype(np.int64)
    return found, np.abs(places[:, 0] - places[:, 1]).astype(np.float64)


class BracketOptions(SyntheticOptions):
    """The options of rows of brackets."""

    steps: int = Field(default=32, ge=4, le=1024, multiple_of=2)


OPENING, CLOSING = 0, 1


def brackets(options: BracketOptions) -> Rows:
    """Return rows of two tokens, ( and ), and whether every bracket closes one that is open.

    A row that does not is one that does with two brackets exchanged: both have as many of each, so
    that counting is not enough.
    """
    draw = make_generator("brackets", options.seed)
    found = np.array([_balanced(draw, options.steps) for _ in range(options.rows)])
    asked = draw.permutation(np.arange(options.rows) % 2)
    for row in np.flatnonzero(asked == 0):
        found[row] = _broken(draw, found[row])
    return found, asked


def _balanced(draw: np.random.Generator, steps: int) -> NDArray[np.int64]:
    """Return a balanced row: of a random one with as many of each, turned to its lowest point."""
    row = draw.permutation(np.arange(steps) % 2)
    depth = np.where(row == OPENING, 1, -1).cumsum()
    lowest = int(depth.argmin()) + 1
    return np.roll(row, -lowest)


def _broken(draw: np.random.Generator, row: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the row with an opening bracket exchanged for a later one, so that one lacks."""
    depth = np.where(row == OPENING, 1, -1).cumsum()
    while True:
        opening = int(draw.choice(np.flatnonzero(row == OPENING)))
        after = np.flatnonzero((row == CLOSING) & (np.arange(len(row)) > opening))
        closing = int(draw.choice(after))
        if depth[opening:closing].min() < 2:
            broken = row.copy()
            broken[opening], broken[closing] = CLOSING, OPENING
            return broken


class WideOptions(LearnableOptions):
    """The options of a wide table."""

    features: int = Field(default=96, ge=4, le=4096)
    rows: int = Field(default=100_000, ge=10, le=1_000_000)


PAIRS = 6


def wide(options: WideOptions) -> Rows:
    """Return normal inputs and whether a sum of products of pairs of them is above 0.

    A linear function of the inputs says nothing about a product: only their combinations count.
    """
    draw = make_generator("wide", options.seed)
    inputs = draw.standard_normal((options.rows, options.features), dtype=np.float32)
    pairs = draw.permutation(options.features)[: 2 * min(PAIRS, options.features // 2)]
    pairs = pairs.reshape(-1, 2)
    total = (inputs[:, pairs[:, 0]] * inputs[:, pairs[:, 1]]).sum(axis=1)
    noise = options.noise * draw.standard_normal(options.rows)
    return inputs, (total + noise > 0).astype(np.int64)

"""Data from formulas: a few numbers say which rows, the same on every machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import datasets

from samenet._random import make_generator
from samenet.tasks.glyphs import GlyphOptions, glyphs
from samenet.tasks.options import (
    LadderOptions,
    LayerOptions,
    LearnableOptions,
    SyntheticOptions,
)
from samenet.tasks.sequences import (
    BracketOptions,
    SeriesOptions,
    TokenOptions,
    WideOptions,
    brackets,
    mackey_glass,
    tokens,
    wide,
)


def _two_moons(options: LearnableOptions) -> tuple[NDArray[Any], NDArray[Any]]:
    moons = datasets.make_moons(options.rows, noise=options.noise, random_state=options.seed)
    return moons[0], moons[1]


def _friedman(options: LearnableOptions) -> tuple[NDArray[Any], NDArray[Any]]:
    table = datasets.make_friedman1(options.rows, noise=options.noise, random_state=options.seed)
    return table[0], table[1]


def _spirals(options: LearnableOptions) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return three arms wound once around the origin; noise is the deviation of each point."""
    draw = make_generator("spirals", options.seed)
    arm = np.arange(options.rows) % 3
    radius = np.sqrt(draw.uniform(0.01, 1.0, options.rows))  # evenly along the area, not the arm
    angle = 2 * np.pi * (radius + arm / 3)
    points = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return points + options.noise * draw.standard_normal(points.shape), arm


def _projectile(options: LearnableOptions) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return throws (speed, angle, height of the hand) and how far, how high and how long they go.

    Without air; the noise of each target is a share of its deviation.
    """
    draw = make_generator("projectile", options.seed)
    speed, angle = draw.uniform(5, 30, options.rows), draw.uniform(0.2, 1.4, options.rows)
    hand = draw.uniform(0, 20, options.rows)
    across, up = speed * np.cos(angle), speed * np.sin(angle)
    seconds = (up + np.sqrt(up**2 + 2 * GRAVITY * hand)) / GRAVITY
    flights = np.stack([across * seconds, hand + up**2 / (2 * GRAVITY), seconds], axis=1)
    noise = options.noise * flights.std(axis=0) * draw.standard_normal(flights.shape)
    return np.stack([speed, angle, hand], axis=1), flights + noise


def _ladder(options: LadderOptions) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return normal inputs and classes in turn, shuffled: nothing to learn, a size to time."""
    draw = make_generator("ladder", options.seed)
    inputs = draw.standard_normal((options.rows, options.features), dtype=np.float32)
    return inputs, draw.permutation(np.arange(options.rows) % options.classes)


def _layers(options: LayerOptions) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return normal inputs, or tokens that are all equally frequent, and a normal target."""
    draw = make_generator("layers", options.seed)
    shape = (options.rows, options.numbers)
    targets = draw.standard_normal(options.rows)
    if options.vocabulary:
        return draw.integers(options.vocabulary, size=shape), targets
    return draw.standard_normal(shape, dtype=np.float32), targets


GRAVITY = 9.81
"""Metres per second squared."""

FORMULAS: dict[
    str, tuple[type[SyntheticOptions], Callable[[Any], tuple[NDArray[Any], NDArray[Any]]]]
] = {
    "two_moons": (LearnableOptions, _two_moons),
    "spirals": (LearnableOptions, _spirals),
    "friedman": (LearnableOptions, _friedman),
    "projectile": (LearnableOptions, _projectile),
    "ladder": (LadderOptions, _ladder),
    "layers": (LayerOptions, _layers),
    "glyphs": (GlyphOptions, glyphs),
    "series": (SeriesOptions, mackey_glass),
    "tokens": (TokenOptions, tokens),
    "brackets": (BracketOptions, brackets),
    "wide": (WideOptions, wide),
}
"""Per name: what its options are, and the formula."""

"""Whether the same seed gives the same numbers twice, and how little that is beside other seeds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samenet.certificate import limits
from samenet.certificate.oracle import network as oracle
from samenet.certificate.problem import Build, Check, Problem, ends_of, train_call

SEEDS = 5


def check_repeatability(problem: Problem, build: Build) -> list[Check]:
    """Train twice from one seed and from others, in float32.

    The limit is that of two roundings of one training; whether the numbers are the same bit for
    bit, and by how much the final loss spreads over seeds, stands in the detail.
    """
    first, loss = _outcome(problem, build)
    second, _ = _outcome(problem, build)
    losses = [loss, *(_outcome(replace(problem, repeat=n), build)[1] for n in range(1, SEEDS))]
    bitwise = all(np.array_equal(*pair) for pair in zip(first, second, strict=True))
    law = limits.STEP_ROUNDINGS * np.sqrt(ends_of(problem.whole)[-1])
    return [
        Check(
            gate="repeatable",
            quantity="same seed twice",
            dtype="float32",
            error=float(np.linalg.norm(first - second) / np.linalg.norm(first)),
            limit=float(law * limits.ROUNDOFF["float32"]),
            detail=f"{'the same' if bitwise else 'not the same'} bit for bit; {_spread(losses)}",
        )
    ]


def _outcome(problem: Problem, build: Build) -> tuple[NDArray[Any], float]:
    """Return all weights after ten epochs, and the mean loss of the last call."""
    program = build(problem, problem.training, problem.weights, "float32")
    losses = [train_call(program, call) for call in problem.whole]
    return oracle.flatten(program.weights()), float(losses[-1].mean())


def _spread(losses: list[float]) -> str:
    mean, deviation = float(np.mean(losses)), float(np.std(losses, ddof=1))
    return f"over {len(losses)} seeds the final loss spreads by {deviation / mean:.1e} of its mean"

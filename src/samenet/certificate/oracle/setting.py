"""What every operation of the oracle has in common: how it multiplies, and its two passes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from samenet.adapter.arrays import Array, Layer
from samenet.certificate.oracle.functions import SPEC
from samenet.spec.layers import Place
from samenet.spec.training import Forms

Multiply = Callable[[Array, Array], Array]
"""A matrix product, (..., m, k) times (..., k, n): NumPy's, or one that rounds as a device does."""

Arrays = dict[str, Array]
"""Arrays of one place by name."""


def add_down(rows: Array) -> Array:
    """Return the sums of rows (n, m) down their columns, (m,): in pairs, as NumPy adds a row.

    `np.sum(rows, axis=0)` adds one row after the other, and is wrong by up to n roundings (Higham
    2002, Accuracy and Stability of Numerical Algorithms, section 4.2): too many for an oracle
    where n counts all places of a batch of images.
    """
    sums: Array = np.sum(np.ascontiguousarray(rows.T), axis=-1)
    return sums


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """How the operations of a network are computed."""

    multiply: Multiply = np.matmul
    add: Callable[[Array], Array] = add_down
    """The sum of rows, (n, m) to (m,): exactly rounded, or as some device does it."""
    forms: Forms = SPEC
    training: bool = True
    """Whether batch_norm takes the statistics of the batch, and gives new ones to keep."""


class Operation(NamedTuple):
    """The two passes of one kind of layer, for B rows at a time and without the activation.

    Everything is computed in the precision of the weights. By the gradient of an array is meant
    that of the loss, a number.
    """

    forward: Callable[[Place, Layer, Array, Setting], tuple[Array, Any, Arrays]]
    """(place, weights, x (B, *inputs)) -> (B, *outputs), what `backward` needs, new state."""

    backward: Callable[[Place, Layer, Any, Array, Setting], tuple[Array | None, Arrays]]
    """(place, weights, needed, delta (B, *outputs)) -> gradient by x and by what is trained.

    delta is the gradient by what `forward` gave. There is none by token numbers.
    """

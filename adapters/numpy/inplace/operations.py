"""What a training step is made of in mode "buffers": operations on arrays that are made once.

An operation is written (function, *inputs, output). A step binds its operations once and then does
nothing but call them: no array is allocated, no attribute looked up, no argument checked twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from samenet.adapter import Array

Operation = tuple[Any, ...]
Call = Callable[[], object]


class InPlace(NamedTuple):
    """The operations of one activation: over the weighted sums, and over what flows back."""

    forward: list[Operation]
    backward: list[Operation]


def bind(operations: Iterable[Operation]) -> list[Call]:
    """Return the operations as calls without arguments."""
    return [_bound(*operation) for operation in operations]


def _bound(function: Callable[..., object], *arguments: Array) -> Call:
    """Bind the output by position: with a keyword a call takes 0.15 microseconds longer.

    That is a third of a small operation. Of maximum and minimum NumPy wants the keyword.
    """
    if function in (np.maximum, np.minimum):
        return partial(function, *arguments[:-1], out=arguments[-1])
    return partial(function, *arguments)


def number(value: float, like: Array) -> Array:
    """Return a constant as an array of the same precision, which no call has to convert."""
    return np.asarray(value, like.dtype)


def row_length(width: int, dtype: np.dtype) -> int:
    """Return how long to make the rows of a matrix: wide ones get an odd number of cache lines.

    Rows a power of two apart drive each other out of the cache: products of 1024 columns take 5 %
    longer with rows of 4096 bytes. A cache line has 64 bytes.
    """
    line = 64 // dtype.itemsize
    return width if width < 512 else line * (-(-width // line) | 1)


def units_of(values: Array, delta: Array) -> Array:
    """Return the part of rows with something beside them that belongs to the units."""
    return values[:, : delta.shape[1]]


def rows_of(rows: int, width: int, dtype: np.dtype, *, fill: float = 0) -> Array:
    """Return so many rows, each of at least this width."""
    return np.full((rows, row_length(width, dtype)), fill, dtype)


def product(one: Array, other: Array, out: Array) -> Operation:
    """Return a matrix product: np.dot calls the same BLAS as np.matmul, 0.4 microseconds earlier.

    Six of these are a fifteenth of a small step. But np.dot copies what has gaps, and fills `out`
    with zeros first, which takes longer where it is large.
    """
    gapless = all(each.flags.c_contiguous or each.flags.f_contiguous for each in (one, other))
    small = out.flags.c_contiguous and out.size <= 8192
    return (np.dot if gapless and small else np.matmul, one, other, out)


def copy(values: Array, out: Array) -> Operation:
    """Return the operation that copies; NumPy has these two the other way round."""
    return (np.copyto, out, values)


def largest_of_columns(values: Array, out: Array) -> Operation:
    """Return the operation that takes the maximum of every column: (n, columns) to (1, columns)."""
    return (np.maximum.reduce, values, 0, None, out, True)


def sum_of_products(one: Array, other: Array, out: Array) -> Operation:
    """Return the operation that adds up all products of two arrays: one call of the BLAS."""
    return (np.dot, one.reshape(-1), other.reshape(-1), out)


def fade_and_add(kept: Array, beta: float, added: Array) -> list[Operation]:
    """Return kept = beta * kept + added."""
    fade = [(np.multiply, kept, number(beta, kept), kept)] if beta != 1 else []
    return [*fade, (np.add, kept, added, kept)]

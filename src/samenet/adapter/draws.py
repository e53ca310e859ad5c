"""Every random number of the same-network track, drawn once, in NumPy, in float64.

Each draw has its own generator, seeded by the words that say what it is for, so adding a draw
never changes another. Frameworks receive the results as data and draw nothing themselves.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from samenet._random import make_generator
from samenet.adapter.arrays import Array, Dtype, Layer, Weights
from samenet.spec.network import Network


def initial_weights(network: Network, *, task: str, repeat: int) -> Weights:
    """Return kernels as samenet.spec.ModelSpec.initializer says, and zero biases.

    They are rounded to float32 and held as float64, so that every precision starts from exactly
    the same numbers.
    """
    draw = make_generator(task, repeat, "weights")
    return [_layer(draw, network.initializer, *shape) for shape in network.shapes]


def _layer(draw: np.random.Generator, initializer: str, fan_in: int, fan_out: int) -> Layer:
    scheme, _, law = initializer.partition("_")
    variance = {"glorot": 2 / (fan_in + fan_out), "he": 2 / fan_in, "lecun": 1 / fan_in}[scheme]
    if law == "uniform":
        limit = math.sqrt(3 * variance)
        kernel = draw.uniform(-limit, limit, size=(fan_in, fan_out))
    else:
        kernel = draw.normal(0.0, math.sqrt(variance), size=(fan_in, fan_out))
    return Layer(kernel.astype(np.float32).astype(np.float64), np.zeros(fan_out))


def dropout_masks(
    network: Network, shape: tuple[int, ...], *, task: str, repeat: int, first_step: int
) -> tuple[NDArray[np.float32] | None, ...]:
    """Return the masks of one call of `shape` (steps, batch_size), as adapter.arrays.Batches."""
    if not network.has_dropout:
        return ()
    return tuple(
        _mask(
            make_generator(task, repeat, "mask", place, first_step), layer.dropout, (*shape, units)
        )
        if layer.dropout
        else None
        for place, (layer, units) in enumerate(zip(network.layers, network.widths[1:], strict=True))
    )


def _mask(draw: np.random.Generator, share: float, shape: tuple[int, ...]) -> NDArray[np.float32]:
    kept = draw.random(shape, dtype=np.float32) >= share
    return kept * np.float32(1 / (1 - share))


def as_dtype(weights: Weights, dtype: Dtype) -> Weights:
    """Return copies of the weights in another precision."""
    return [Layer(layer.kernel.astype(dtype), layer.bias.astype(dtype)) for layer in weights]


def epoch_order(rows: int, *, task: str, repeat: int, epoch: int) -> NDArray[np.int32]:
    """Return the order in which one epoch visits the training rows: int32 (rows,)."""
    return make_generator(task, repeat, "order", epoch).permutation(rows).astype(np.int32)


def unseen_order(rows: int, *, task: str, repeat: int) -> NDArray[np.int32]:
    """Return an order of all rows that no epoch has: int32 (rows,)."""
    return (
        make_generator(task, repeat, "order", "after the clock").permutation(rows).astype(np.int32)
    )


def full_batches(order: NDArray[np.int32], batch_size: int) -> NDArray[np.int32]:
    """Return the whole batches of an epoch, (steps, batch_size); a short last one is left out."""
    steps = len(order) // batch_size
    return order[: steps * batch_size].reshape(steps, batch_size)


def short_batch(order: NDArray[np.int32], batch_size: int) -> NDArray[np.int32] | None:
    """Return the short last batch of an epoch, (1, rest), or None if there is none."""
    rest = len(order) % batch_size
    return order[-rest:].reshape(1, rest) if rest else None


def parity_rows(
    rows: int, features: int, outputs: int, *, loss: str, words: tuple[str | int, ...]
) -> tuple[Array, Array]:
    """Return inputs and targets of a parity problem, shaped as its loss wants them.

    Normal inputs; classes at random; a regression's targets are normal.
    """
    draw = make_generator(*words, "rows")
    inputs = draw.normal(size=(rows, features)).astype(np.float32)
    classes = draw.integers(0, max(2, outputs), rows).astype(np.int32)
    if loss == "binary_cross_entropy":
        return inputs, classes[:, None].astype(np.float32)
    if loss == "sparse_categorical_cross_entropy":
        return inputs, classes
    if loss == "categorical_cross_entropy":
        return inputs, np.eye(outputs, dtype=np.float32)[classes]
    return inputs, draw.normal(size=(rows, outputs)).astype(np.float32)

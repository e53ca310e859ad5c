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
from samenet.spec.layers import Parameter, Place
from samenet.spec.network import Network


def initial_weights(network: Network, *, task: str, repeat: int) -> Weights:
    """Return kernels as samenet.spec.ModelSpec.initializer says, and what is drawn beside them.

    Biases are 0, but 1 for the forget gate of an LSTM (Jozefowicz et al. 2015); recurrent kernels
    are orthogonal; tables are uniform on +-0.05; scales and variances are 1, means 0.

    They are rounded to float32 and held as float64, so that every precision starts from exactly
    the same numbers.
    """
    draw = make_generator(task, repeat, "weights")
    return [
        Layer(
            **{
                name: _array(draw, network.initializer, place, name).astype(np.float32)
                for name in place.parameters
            }
        ).map(lambda array: array.astype(np.float64))
        for place in network.places
    ]


def _array(draw: np.random.Generator, initializer: str, place: Place, name: str) -> Array:
    """Return one array as samenet.spec.ModelSpec.initializer says for its role."""
    found = place.parameters[name]
    if found.role == "kernel":
        return _kernel(draw, initializer, found)
    if found.role == "recurrent":
        return _orthogonal(draw, found)
    if found.role == "table":
        return draw.uniform(-TABLE_LIMIT, TABLE_LIMIT, size=found.shape)
    start = np.full(found.shape, found.start)
    if place.kind == "lstm" and name == "bias":
        units = found.shape[0] // 4
        start[units : 2 * units] = 1.0
    return start


TABLE_LIMIT = 0.05


def _kernel(draw: np.random.Generator, initializer: str, found: Parameter) -> Array:
    scheme, _, law = initializer.partition("_")
    fan_in, fan_out = found.fan_in, found.fan_out
    variance = {"glorot": 2 / (fan_in + fan_out), "he": 2 / fan_in, "lecun": 1 / fan_in}[scheme]
    if law == "uniform":
        limit = math.sqrt(3 * variance)
        return draw.uniform(-limit, limit, size=found.shape)
    return draw.normal(0.0, math.sqrt(variance), size=found.shape)


def _orthogonal(draw: np.random.Generator, found: Parameter) -> Array:
    """Return a matrix whose rows are orthonormal (Saxe et al. 2014): gradients keep their length.

    The signs are those of a QR decomposition whose R has a positive diagonal (Mezzadri 2007).
    """
    units, wide = found.shape
    basis, upper = np.linalg.qr(draw.normal(size=(wide, units)))
    return np.ascontiguousarray((basis * np.sign(np.diag(upper))).T)


def dropout_masks(
    network: Network, shape: tuple[int, ...], *, task: str, repeat: int, first_step: int
) -> tuple[NDArray[np.float32] | None, ...]:
    """Return the masks of one call of `shape` (steps, batch_size), as adapter.arrays.Batches."""
    if not network.has_dropout:
        return ()
    return tuple(
        _mask(
            make_generator(task, repeat, "mask", number, first_step),
            place.dropout,
            (*shape, *place.outputs),
        )
        if place.dropout
        else None
        for number, place in enumerate(network.places)
    )


def _mask(draw: np.random.Generator, share: float, shape: tuple[int, ...]) -> NDArray[np.float32]:
    kept = draw.random(shape, dtype=np.float32) >= share
    return kept * np.float32(1 / (1 - share))


def as_dtype(weights: Weights, dtype: Dtype) -> Weights:
    """Return copies of the weights in another precision."""
    return [layer.map(lambda array: array.astype(dtype)) for layer in weights]


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

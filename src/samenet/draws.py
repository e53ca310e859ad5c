"""Every random number of the same-network track, drawn once, in NumPy, in float64.

Each draw has its own generator, seeded by the words that say what it is for, so adding a draw
never changes another. Frameworks receive the results as data and draw nothing themselves.
"""

from __future__ import annotations

import hashlib
import math

import numpy as np
from numpy.typing import NDArray

from samenet.adapter import Dtype, Layer, Weights
from samenet.spec import Network


def seed_of(*words: str | int) -> int:
    """Return a 64-bit seed that depends on every word, equal on every machine."""
    text = "\x1f".join(str(word) for word in words)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")


def generator(*words: str | int) -> np.random.Generator:
    """Return the generator for one purpose, e.g. `generator("digits", 0, "weights")`."""
    return np.random.default_rng(seed_of(*words))


def initial_weights(network: Network, *, task: str, repeat: int) -> Weights:
    """Return Glorot uniform kernels and zero biases (Glorot & Bengio 2010, equation 16).

    kernel ~ U(-a, a) with a = sqrt(6 / (fan_in + fan_out)), rounded to float32 and held as
    float64, so that every precision starts from exactly the same numbers.
    """
    draw = generator(task, repeat, "weights")
    return [_glorot(draw, fan_in, fan_out) for fan_in, fan_out in network.shapes]


def _glorot(draw: np.random.Generator, fan_in: int, fan_out: int) -> Layer:
    limit = math.sqrt(6.0 / (fan_in + fan_out))
    kernel = draw.uniform(-limit, limit, size=(fan_in, fan_out))
    return Layer(kernel.astype(np.float32).astype(np.float64), np.zeros(fan_out))


def as_dtype(weights: Weights, dtype: Dtype) -> Weights:
    """Return copies of the weights in another precision."""
    return [Layer(layer.kernel.astype(dtype), layer.bias.astype(dtype)) for layer in weights]


def epoch_order(rows: int, *, task: str, repeat: int, epoch: int) -> NDArray[np.int32]:
    """Return the order in which one epoch visits the training rows: int32 (rows,)."""
    return generator(task, repeat, "order", epoch).permutation(rows).astype(np.int32)


def full_batches(order: NDArray[np.int32], batch_size: int) -> NDArray[np.int32]:
    """Return the whole batches of an epoch, (steps, batch_size); a short last one is left out."""
    steps = len(order) // batch_size
    return order[: steps * batch_size].reshape(steps, batch_size)


def short_batch(order: NDArray[np.int32], batch_size: int) -> NDArray[np.int32] | None:
    """Return the short last batch of an epoch, (1, rest), or None if there is none."""
    rest = len(order) % batch_size
    return order[-rest:].reshape(1, rest) if rest else None

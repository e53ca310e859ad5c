"""Products along the last axis, which dense, recurrent and attention layers have in common."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf


def product(x: tf.Tensor, kernel: tf.Variable) -> tf.Tensor:
    """Return x @ kernel; of sequences and images as one product of all places.

    `@` itself takes a product for every row of the batch there, and adds up as many gradients.
    """
    return x @ kernel if x.shape.rank == 2 else tf.tensordot(x, kernel, 1)


def biased(z: tf.Tensor, arrays: Mapping[str, tf.Variable]) -> tf.Tensor:
    """Return z + bias; a layer before a batch norm has none."""
    return z + arrays["bias"] if "bias" in arrays else z

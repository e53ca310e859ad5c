"""What each kind of layer computes, in low level TensorFlow: one table, kind to function.

x (B, *inputs) enters, channels last. Where an operator holds a constant as a float32 attribute, or
has no float64 kernel, the formula stands here; those of recurrent layers have a file of their own.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf

from samenet.adapters.tensorflow import recurrent
from samenet.adapters.tensorflow.products import biased, product
from samenet.spec.layers import Place

Arrays = Mapping[str, tf.Variable]
Forward = Callable[[Place, Arrays, tf.Tensor], tf.Tensor]


def dense(place: Place, arrays: Arrays, x: tf.Tensor) -> tf.Tensor:
    """Return x @ kernel + bias."""
    del place
    return biased(product(x, arrays["kernel"]), arrays)


def convolution(place: Place, arrays: Arrays, x: tf.Tensor) -> tf.Tensor:
    """Return the cross-correlation; TensorFlow's padding is the spec's."""
    layer, axes = place.layer, len(place.inputs) - 1
    strides, padding = layer.strides(axes), layer.padding.upper()
    return biased(tf.nn.convolution(x, arrays["kernel"], strides, padding), arrays)


def max_pool(place: Place, arrays: Arrays, x: tf.Tensor) -> tf.Tensor:
    """Return the largest number of each window."""
    del arrays
    layer, axes = place.layer, len(place.inputs) - 1
    return tf.nn.max_pool(x, layer.sizes(axes), layer.strides(axes), layer.padding.upper())


def max_pool_in_xla(place: Place, arrays: Arrays, x: tf.Tensor) -> tf.Tensor:
    """Return the same; of windows side by side as the largest along axes of their own.

    XLA's gradient of a pool visits every window one by one: a small network of convolutions takes
    0.49 of the time. Equal numbers share its gradient here, which changes no weight, as the spec
    says of a max pool.
    """
    layer, axes = place.layer, len(place.inputs) - 1
    sizes = layer.sizes(axes)
    if layer.strides(axes) != sizes or any(map(any, layer.paddings(place.inputs))):
        return max_pool(place, arrays, x)
    *counts, channels = place.outputs
    pairs = list(zip(counts, sizes, strict=True))
    whole = x[:, *(slice(count * size) for count, size in pairs)]
    cut = tf.reshape(whole, (-1, *itertools.chain(*pairs), channels))
    return tf.reduce_max(cut, list(range(2, 2 + 2 * axes, 2)))


def average_pool(place: Place, arrays: Arrays, x: tf.Tensor) -> tf.Tensor:
    """Return the mean of each window."""
    del arrays
    layer, axes = place.layer, len(place.inputs) - 1
    return tf.nn.avg_pool(x, layer.sizes(axes), layer.strides(axes), "VALID")


def global_average_pool(place: Place, arrays: Arrays, x: tf.Tensor) -> tf.Tensor:
    """Return the mean over all places."""
    del place, arrays
    return tf.reduce_mean(x, range(1, x.shape.rank - 1))


def global_max_pool(place: Place, arrays: Arrays, x: tf.Tensor) -> tf.Tensor:
    """Return the largest number over all places; equal ones share its gradient."""
    del place, arrays
    return tf.reduce_max(x, range(1, x.shape.rank - 1))


def flatten(place: Place, arrays: Arrays, x: tf.Tensor) -> tf.Tensor:
    """Return all numbers of a row in one axis."""
    del arrays
    return tf.reshape(x, (-1, *place.outputs))


def unchanged(place: Place, arrays: Arrays, x: tf.Tensor) -> tf.Tensor:
    """Return what enters: activation and dropout are those of every place."""
    del place, arrays
    return x


def embedding(place: Place, arrays: Arrays, x: tf.Tensor) -> tf.Tensor:
    """Return the table's rows; its gradient is an IndexedSlices, made dense before any update."""
    del place
    return tf.gather(arrays["table"], x)


def positions(place: Place, arrays: Arrays, x: tf.Tensor) -> tf.Tensor:
    """Return x + table."""
    del place
    return x + arrays["table"]


def layer_norm(place: Place, arrays: Arrays, x: tf.Tensor) -> tf.Tensor:
    """Return scale (x - mean) / sqrt(variance + epsilon) + offset, of every last axis its own."""
    centred = x - tf.reduce_mean(x, -1, keepdims=True)
    variance = tf.reduce_mean(tf.square(centred), -1, keepdims=True)
    root = tf.math.rsqrt(variance + place.layer.epsilon)
    return centred * (root * arrays["scale"]) + arrays["offset"]


def normalised(
    place: Place, arrays: Arrays, x: tf.Tensor, mean: tf.Tensor, variance: tf.Tensor
) -> tf.Tensor:
    """Return scale (x - mean) / sqrt(variance + epsilon) + offset."""
    root = tf.math.rsqrt(variance + place.layer.epsilon)
    return (x - mean) * (root * arrays["scale"]) + arrays["offset"]


def batch_norm(place: Place, arrays: Arrays, x: tf.Tensor) -> tf.Tensor:
    """Return x normalised by the kept statistics."""
    return normalised(place, arrays, x, arrays["mean"], arrays["variance"])


def batch_norm_in_training(place: Place, arrays: Arrays, x: tf.Tensor) -> tf.Tensor:
    """Return x normalised by the batch's own statistics, which the kept ones move towards."""
    mean, variance = tf.nn.moments(x, list(range(x.shape.rank - 1)))
    keep(place, arrays, mean, variance)
    return normalised(place, arrays, x, mean, variance)


def keep(place: Place, arrays: Arrays, mean: tf.Tensor, variance: tf.Tensor) -> None:
    """Give the batch's statistics their share in the kept ones."""
    for name, new in (("mean", mean), ("variance", variance)):
        arrays[name].assign_sub(place.layer.rate * (arrays[name] - new))


def fused_batch_norm(place: Place, arrays: Arrays, x: tf.Tensor) -> tf.Tensor:
    """Return the same by one operation, which has float32 only and images only.

    A small network of convolutions takes 0.6 of the time. XLA makes E[x^2] - E[x]^2 of its
    variance, so that nothing is left of it where the mean is large: there it is written out.
    """
    if x.dtype != tf.float32:
        return batch_norm_in_training(place, arrays, x)
    found = tf.raw_ops.FusedBatchNormV3(
        x=x if x.shape.rank == 4 else tf.reshape(x, (-1, 1, 1, x.shape[-1])),
        scale=arrays["scale"],
        offset=arrays["offset"],
        mean=[],
        variance=[],
        epsilon=place.layer.epsilon,
        is_training=True,
    )
    numbers = math.prod(x.shape[:-1])
    # the operation gives the variance over n - 1, and normalises by that over n
    keep(place, arrays, found.batch_mean, found.batch_variance * ((numbers - 1) / numbers))
    return tf.reshape(found.y, x.shape)


def attention(place: Place, arrays: Arrays, x: tf.Tensor) -> tf.Tensor:
    """Return what the heads say, side by side, times output."""
    steps, width = place.inputs
    heads = place.layer.heads

    def by_head(name: str) -> tf.Tensor:
        """Return (B, heads, steps, width / heads)."""
        found = tf.reshape(product(x, arrays[name]), (-1, steps, heads, width // heads))
        return tf.transpose(found, (0, 2, 1, 3))

    query = by_head("query") * (1 / math.sqrt(width / heads))
    scores = tf.matmul(query, by_head("key"), transpose_b=True)
    if place.layer.causal:
        later = np.triu(np.full((steps, steps), -np.inf), 1)
        scores += tf.constant(later, scores.dtype)
    said = tf.transpose(tf.nn.softmax(scores) @ by_head("value"), (0, 2, 1, 3))
    return product(tf.reshape(said, (-1, steps, width)), arrays["output"])


FORWARD: dict[str, Forward] = {
    "dense": dense,
    "conv1d": convolution,
    "conv2d": convolution,
    "max_pool": max_pool,
    "average_pool": average_pool,
    "global_average_pool": global_average_pool,
    "global_max_pool": global_max_pool,
    "flatten": flatten,
    "activation": unchanged,
    "dropout": unchanged,
    "embedding": embedding,
    "positions": positions,
    "layer_norm": layer_norm,
    "batch_norm": batch_norm,
    "attention": attention,
    "simple_rnn": recurrent.in_graph,
    "lstm": recurrent.in_graph,
    "gru": recurrent.in_graph,
}
"""In use, as operations of a graph."""


def forward_table(*, training: bool, xla: bool) -> dict[str, Forward]:
    """Return the function of every kind, in use or in training, for a graph or for XLA."""
    table = dict(FORWARD)
    if training:
        table["batch_norm"] = batch_norm_in_training if xla else fused_batch_norm
    if xla:
        table |= dict.fromkeys(recurrent.CELLS, recurrent.in_loop) | {"max_pool": max_pool_in_xla}
    return table

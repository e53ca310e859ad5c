"""What each kind of layer computes, in plain jax.numpy and lax. Formulas: samenet.spec.layers.

Arrays are channels last, which is JAX's own way: https://docs.jax.dev/en/latest/notebooks/convolutions.html
JAX differentiates everything here; a Python float takes the dtype of what it meets, exactly.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from samenet.adapters.jax.convolution import correlated
from samenet.spec import Place

Arrays = Mapping[str, jax.Array]
"""The arrays of one layer by name."""


def plus_bias(values: jax.Array, given: Arrays) -> jax.Array:
    """Return the values, with the bias where the layer has one: before a batch norm it has none."""
    return values + given["bias"] if "bias" in given else values


def dense(place: Place, given: Arrays, x: jax.Array) -> jax.Array:
    """Return the products of the last axis."""
    del place
    return plus_bias(x @ given["kernel"], given)


def convolution(place: Place, given: Arrays, x: jax.Array) -> jax.Array:
    """Return the cross-correlation along one axis or two."""
    layer: Any = place.layer
    paddings = tuple(layer.paddings(place.inputs))
    found = correlated(x, given["kernel"], layer.strides(layer.axes), paddings)
    return plus_bias(found, given)


def windows(place: Place, x: jax.Array) -> tuple[jax.Array, tuple[int, ...]] | None:
    """Return x with an axis more for each that windows go along, and which; None if they overlap.

    On a CPU, pooling over such axes takes half the time of `lax.reduce_window`, and is the same.
    """
    layer: Any = place.layer
    sizes = layer.sizes(x.ndim - 2)
    if layer.strides(x.ndim - 2) != sizes or any(map(any, layer.paddings(place.inputs))):
        return None
    counts = place.outputs[:-1]
    whole = tuple(slice(n * size) for n, size in zip(counts, sizes, strict=True))
    cut = [length for pair in zip(counts, sizes, strict=True) for length in pair]
    axes = tuple(range(2, 2 + 2 * len(sizes), 2))
    return x[:, *whole].reshape(len(x), *cut, x.shape[-1]), axes


def reduce_windows(place: Place, x: jax.Array, start: float, rule: Any) -> jax.Array:
    """Return what the rule makes of each window, padded with what it starts from."""
    layer: Any = place.layer
    axes = x.ndim - 2
    return lax.reduce_window(
        x,
        start,
        rule,
        (1, *layer.sizes(axes), 1),
        (1, *layer.strides(axes), 1),
        ((0, 0), *layer.paddings(place.inputs), (0, 0)),
    )


def max_pool(place: Place, given: Arrays, x: jax.Array) -> jax.Array:
    """Return the largest number of each window."""
    del given
    if found := windows(place, x):
        return jnp.max(found[0], axis=found[1])
    return reduce_windows(place, x, -jnp.inf, lax.max)


def average_pool(place: Place, given: Arrays, x: jax.Array) -> jax.Array:
    """Return the mean of each window."""
    del given
    if found := windows(place, x):
        return jnp.mean(found[0], axis=found[1])
    layer: Any = place.layer
    return reduce_windows(place, x, 0.0, lax.add) / math.prod(layer.sizes(x.ndim - 2))


def global_average_pool(place: Place, given: Arrays, x: jax.Array) -> jax.Array:
    """Return the mean over all places."""
    del place, given
    return jnp.mean(x, axis=tuple(range(1, x.ndim - 1)))


def global_max_pool(place: Place, given: Arrays, x: jax.Array) -> jax.Array:
    """Return the largest number over all places."""
    del place, given
    return jnp.max(x, axis=tuple(range(1, x.ndim - 1)))


def flatten(place: Place, given: Arrays, x: jax.Array) -> jax.Array:
    """Return all numbers of a row in one axis."""
    del place, given
    return x.reshape(len(x), -1)


def layer_norm(place: Place, given: Arrays, x: jax.Array) -> jax.Array:
    """Return x less its mean over its deviation, of the last axis, scaled and shifted."""
    layer: Any = place.layer
    mean, variance = moments(x, (-1,))
    return normalised(x, mean, variance, given, layer.epsilon)


def moments(x: jax.Array, axes: tuple[int, ...]) -> tuple[jax.Array, jax.Array]:
    """Return mean and variance over these axes, which stay with length 1.

    Not as the mean of squares less the square of the mean, which cancels.
    """
    mean = jnp.mean(x, axis=axes, keepdims=True)
    return mean, jnp.mean(jnp.square(x - mean), axis=axes, keepdims=True)


def normalised(
    x: jax.Array, mean: jax.Array, variance: jax.Array, given: Arrays, epsilon: float
) -> jax.Array:
    """Return scale (x - mean) / sqrt(variance + epsilon) + offset."""
    return (x - mean) / jnp.sqrt(variance + epsilon) * given["scale"] + given["offset"]


def batch_norm(place: Place, given: Arrays, x: jax.Array) -> jax.Array:
    """Return x normalised by the kept statistics, as in use."""
    layer: Any = place.layer
    return normalised(x, given["mean"], given["variance"], given, layer.epsilon)


def batch_norm_training(
    place: Place, given: Arrays, x: jax.Array
) -> tuple[jax.Array, dict[str, jax.Array]]:
    """Return x normalised by the statistics of the batch, and what is kept of those now."""
    layer: Any = place.layer
    mean, variance = moments(x, tuple(range(x.ndim - 1)))
    new = {"mean": mean.ravel(), "variance": variance.ravel()}
    kept = {name: (1 - layer.rate) * given[name] + layer.rate * new[name] for name in new}
    return normalised(x, mean, variance, given, layer.epsilon), kept


def embedding(place: Place, given: Arrays, x: jax.Array) -> jax.Array:
    """Return a row of the table for every token; the gradient of the table is dense."""
    del place
    return given["table"][x]


def positions(place: Place, given: Arrays, x: jax.Array) -> jax.Array:
    """Return x plus a row of the table for every place."""
    del place
    return x + given["table"]


def attention(place: Place, given: Arrays, x: jax.Array) -> jax.Array:
    """Return softmax(q k' / sqrt(width / heads)) v of every head, times `output`.

    Written out: `jax.nn.dot_product_attention` takes the softmax in float32 whatever the inputs.
    """
    layer: Any = place.layer
    rows, steps, width = x.shape
    q, k, v = (
        (x @ given[name]).reshape(rows, steps, layer.heads, -1)
        for name in ("query", "key", "value")
    )
    scores = jnp.einsum("bqhd,bkhd->bhqk", q, k) / math.sqrt(width // layer.heads)
    if layer.causal:
        seen = jnp.tri(steps, dtype=bool)
        scores = jnp.where(seen, scores, -jnp.inf)
    found = jnp.einsum("bhqk,bkhd->bqhd", jax.nn.softmax(scores), v)
    return found.reshape(rows, steps, width) @ given["output"]


Step = Callable[[Arrays, Any, jax.Array], tuple[Any, jax.Array]]


def simple_rnn_step(given: Arrays, h: jax.Array, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return h after one step, twice: what goes on and what is given."""
    h = jnp.tanh(x @ given["kernel"] + h @ given["recurrent"] + given["bias"])
    return h, h


def lstm_step(given: Arrays, carry: Any, x: jax.Array) -> tuple[Any, jax.Array]:
    """Return c and h after one step, and h."""
    c, h = carry
    z = x @ given["kernel"] + h @ given["recurrent"] + given["bias"]
    i, f, g, o = jnp.split(z, 4, axis=-1)
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
    h = jax.nn.sigmoid(o) * jnp.tanh(c)
    return (c, h), h


def gru_step(given: Arrays, h: jax.Array, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return h after one step, twice; the reset comes after the product."""
    of_x = jnp.split(x @ given["kernel"] + given["bias"][0], 3, axis=-1)
    of_h = jnp.split(h @ given["recurrent"] + given["bias"][1], 3, axis=-1)
    z = jax.nn.sigmoid(of_x[0] + of_h[0])
    r = jax.nn.sigmoid(of_x[1] + of_h[1])
    n = jnp.tanh(of_x[2] + r * of_h[2])
    h = z * h + (1 - z) * n
    return h, h


@partial(jax.jit, static_argnames=("step", "carried", "sequences"))
def along(step: Step, carried: int, given: Arrays, x: jax.Array, *, sequences: bool) -> jax.Array:
    """Return h of the last step, or of all, from zeros; steps are a loop on the device.

    Both products are inside the loop, as flax.linen.RNN has them: once before it, that of x is
    written to memory and read again. Jitted, so that a call outside `jit` compiles its loop once.
    """
    h = jnp.zeros((len(x), len(given["recurrent"])), x.dtype)
    start = h if carried == 1 else (h,) * carried
    last, found = lax.scan(partial(step, given), start, x.swapaxes(0, 1))
    if sequences:
        return found.swapaxes(0, 1)
    return jax.tree.leaves(last)[-1]


def recurrent(step: Step, carried: int = 1) -> Forward:
    """Return the layer of a step; `carried`: how many arrays go from one to the next."""

    def layer(place: Place, given: Arrays, x: jax.Array) -> jax.Array:
        of: Any = place.layer
        return along(step, carried, given, x, sequences=of.sequences)

    return layer


def unchanged(place: Place, given: Arrays, x: jax.Array) -> jax.Array:
    """Return x: activation and mask come after every layer."""
    del place, given
    return x


Forward = Callable[[Place, Arrays, jax.Array], jax.Array]
LAYERS: dict[str, Forward] = {
    "dense": dense,
    "conv1d": convolution,
    "conv2d": convolution,
    "max_pool": max_pool,
    "average_pool": average_pool,
    "global_average_pool": global_average_pool,
    "global_max_pool": global_max_pool,
    "flatten": flatten,
    "batch_norm": batch_norm,
    "layer_norm": layer_norm,
    "embedding": embedding,
    "positions": positions,
    "simple_rnn": recurrent(simple_rnn_step),
    "lstm": recurrent(lstm_step, carried=2),
    "gru": recurrent(gru_step),
    "attention": attention,
    "activation": unchanged,
    "dropout": unchanged,
}
"""All but "fork" and "join", which belong to the chain; batch norm as it is in use."""

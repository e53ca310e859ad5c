"""Each kind of layer of the JAX adapter beside Flax's own, with the same weights, in float64.

`python jax_own_layers.py` prints one JSON line: per case the distances of the outputs and of the
gradients of a random sum of them, by the inputs and by every weight; of batch norm, of what it
keeps. What JAX's ecosystem has no layer for stands beside the array operation it names.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from samenet.adapters.jax.functions import activate
from samenet.adapters.jax.layers import LAYERS, batch_norm_training
from samenet.spec import ModelSpec, Place
from samenet.spec.layers import walk

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_default_matmul_precision", "highest")

ROWS, TOKENS = 6, 7
F64 = {"dtype": jnp.float64, "param_dtype": jnp.float64}
Arrays = dict[str, Any]
Module = Callable[[Arrays, Any], Any]
"""A function of arrays by our names and of inputs, which Flax computes."""

EPSILON = {"epsilon": 2.0**-10}
CASES: dict[str, tuple[dict[str, Any], tuple[int, ...]]] = {
    "dense": ({"kind": "dense", "units": 4, "activation": "tanh"}, (5,)),
    "dense of a sequence": ({"kind": "dense", "units": 4}, (3, 5)),
    "conv1d": ({"kind": "conv1d", "filters": 4, "size": 3}, (7, 2)),
    "conv1d, strided": ({"kind": "conv1d", "filters": 4, "size": 2, "stride": 2}, (7, 2)),
    "conv2d": ({"kind": "conv2d", "filters": 4, "activation": "gelu"}, (6, 5, 2)),
    "conv2d, uneven same": ({"kind": "conv2d", "filters": 3, "size": 3, "stride": 2}, (8, 7, 2)),
    "conv2d, oblong": ({"kind": "conv2d", "filters": 3, "size": [2, 4]}, (6, 5, 2)),
    "conv2d, valid": ({"kind": "conv2d", "filters": 3, "size": 5, "padding": "valid"}, (8, 8, 1)),
    "max_pool": ({"kind": "max_pool"}, (7, 6, 3)),
    "max_pool, overlapping": (
        {"kind": "max_pool", "size": 3, "stride": 2, "padding": "same"},
        (8, 7, 3),
    ),
    "max_pool, padded": ({"kind": "max_pool", "size": 3, "padding": "same"}, (8, 7, 3)),
    "max_pool of a sequence": ({"kind": "max_pool", "size": 2}, (8, 3)),
    "average_pool": ({"kind": "average_pool"}, (7, 6, 3)),
    "average_pool, overlapping": ({"kind": "average_pool", "size": 3, "stride": 2}, (8, 7, 3)),
    "global_average_pool": ({"kind": "global_average_pool"}, (4, 5, 3)),
    "global_max_pool": ({"kind": "global_max_pool"}, (4, 5, 3)),
    "flatten": ({"kind": "flatten"}, (4, 5, 3)),
    "batch_norm": ({"kind": "batch_norm", "rate": 0.125, **EPSILON}, (4, 5, 3)),
    "batch_norm, in use": ({"kind": "batch_norm", "rate": 0.125, **EPSILON}, (3,)),
    "layer_norm": ({"kind": "layer_norm", **EPSILON}, (4, 6)),
    "embedding": ({"kind": "embedding", "width": 3, "vocabulary": TOKENS}, (9,)),
    "positions": ({"kind": "positions"}, (4, 3)),
    "simple_rnn": ({"kind": "simple_rnn", "units": 4}, (5, 3)),
    "lstm": ({"kind": "lstm", "units": 4}, (5, 3)),
    "lstm, sequences": ({"kind": "lstm", "units": 4, "sequences": True}, (5, 3)),
    "gru": ({"kind": "gru", "units": 4}, (5, 3)),
    "gru, one step": ({"kind": "gru", "units": 4, "sequences": True}, (1, 3)),
    "attention": ({"kind": "attention", "heads": 2}, (5, 6)),
    "attention, causal": ({"kind": "attention", "heads": 3, "causal": True}, (5, 6)),
    "attention, one head": ({"kind": "attention", "heads": 1}, (5, 6)),
    "activation": ({"kind": "activation", "activation": "silu"}, (4, 3)),
}


def flax_dense(layer: Any, place: Place) -> Module:
    module = nn.Dense(layer.units, **F64)
    return lambda given, x: of_kernel(module, given, x)


def of_kernel(module: nn.Module, given: Arrays, x: Any) -> Any:
    return module.apply({"params": given}, x)


def flax_convolution(layer: Any, place: Place) -> Module:
    module = nn.Conv(
        layer.filters,
        layer.sizes(layer.axes),
        layer.strides(layer.axes),
        layer.padding.upper(),
        **F64,
    )
    return lambda given, x: of_kernel(module, given, x)


def flax_pool(pool: Callable[..., Any]) -> Callable[[Any, Place], Module]:
    def made(layer: Any, place: Place) -> Module:
        axes = len(place.inputs) - 1
        window, strides = layer.sizes(axes), layer.strides(axes)
        return lambda given, x: pool(x, window, strides, layer.padding.upper())

    return made


def flax_global(pool: Callable[..., Any]) -> Callable[[Any, Place], Module]:
    def made(layer: Any, place: Place) -> Module:
        return lambda given, x: pool(x, x.shape[1:-1]).reshape(len(x), -1)

    return made


def flax_flatten(layer: Any, place: Place) -> Module:
    return lambda given, x: jnp.stack([row.ravel() for row in x])


def flax_layer_norm(layer: Any, place: Place) -> Module:
    module = nn.LayerNorm(layer.epsilon, use_fast_variance=False, **F64)
    return lambda given, x: of_kernel(module, {"scale": given["scale"], "bias": given["offset"]}, x)


def flax_batch_norm(layer: Any, place: Place, *, in_use: bool) -> Module:
    module = nn.BatchNorm(
        in_use, momentum=1 - layer.rate, epsilon=layer.epsilon, use_fast_variance=False, **F64
    )

    def run(given: Arrays, x: Any) -> Any:
        variables = {
            "params": {"scale": given["scale"], "bias": given["offset"]},
            "batch_stats": {"mean": given["mean"], "var": given["variance"]},
        }
        if in_use:
            return module.apply(variables, x)
        found, new = module.apply(variables, x, mutable=["batch_stats"])
        return found, {
            "mean": new["batch_stats"]["mean"],
            "variance": new["batch_stats"]["var"],
        }

    return run


def flax_embedding(layer: Any, place: Place) -> Module:
    module = nn.Embed(layer.vocabulary, layer.width, **F64)
    return lambda given, x: of_kernel(module, {"embedding": given["table"]}, x)


def flax_positions(layer: Any, place: Place) -> Module:
    return lambda given, x: jnp.add(x, given["table"][None])


def thirds(array: Any, count: int) -> list[Any]:
    return jnp.split(array, count, axis=-1)


def flax_recurrent(cell: Callable[..., Any], convert: Callable[[Arrays], Arrays]) -> Any:
    def made(layer: Any, place: Place) -> Module:
        module = nn.RNN(cell(layer.units, **F64))

        def run(given: Arrays, x: Any) -> Any:
            found = module.apply({"params": {"cell": convert(given)}}, x)
            return found if layer.sequences else found[:, -1]

        return run

    return made


def of_rnn(given: Arrays) -> Arrays:
    """Flax has the bias with the inputs."""
    return {
        "i": {"kernel": given["kernel"], "bias": given["bias"]},
        "h": {"kernel": given["recurrent"]},
    }


def of_lstm(given: Arrays) -> Arrays:
    """Flax has a kernel for each gate, i, f, g, o, and the bias with h."""
    gates, found = "ifgo", {}
    for gate, kernel, recurrent, bias in zip(
        gates, *(thirds(given[name], 4) for name in ("kernel", "recurrent", "bias")), strict=True
    ):
        found[f"i{gate}"] = {"kernel": kernel}
        found[f"h{gate}"] = {"kernel": recurrent, "bias": bias}
    return found


def of_gru(given: Arrays) -> Arrays:
    """Flax has one bias for z and one for r, which is the sum of ours."""
    found: Arrays = {}
    kernels, recurrents = thirds(given["kernel"], 3), thirds(given["recurrent"], 3)
    first, second = thirds(given["bias"][0], 3), thirds(given["bias"][1], 3)
    for place, gate in enumerate("zrn"):
        alone = gate == "n"
        bias = first[place] if alone else first[place] + second[place]
        found[f"i{gate}"] = {"kernel": kernels[place], "bias": bias}
        found[f"h{gate}"] = {"kernel": recurrents[place]}
        if alone:
            found["hn"]["bias"] = second[place]
    return found


def flax_attention(layer: Any, place: Place) -> Module:
    steps, width = place.inputs
    module = nn.MultiHeadDotProductAttention(layer.heads, use_bias=False, **F64)
    shape = (width, layer.heads, width // layer.heads)

    def run(given: Arrays, x: Any) -> Any:
        params = {
            name: {"kernel": given[name].reshape(shape)} for name in ("query", "key", "value")
        }
        params["out"] = {"kernel": given["output"].reshape(*shape[1:], width)}
        mask = nn.make_causal_mask(jnp.ones((len(x), steps))) if layer.causal else None
        return module.apply({"params": params}, x, mask=mask)

    return run


def flax_activation(layer: Any, place: Place) -> Module:
    return lambda given, x: getattr(nn, layer.activation.name)(x)


FLAX: dict[str, Callable[[Any, Place], Module]] = {
    "dense": flax_dense,
    "conv1d": flax_convolution,
    "conv2d": flax_convolution,
    "max_pool": flax_pool(nn.max_pool),
    "average_pool": flax_pool(nn.avg_pool),
    "global_average_pool": flax_global(nn.avg_pool),
    "global_max_pool": flax_global(nn.max_pool),
    "flatten": flax_flatten,
    "layer_norm": flax_layer_norm,
    "embedding": flax_embedding,
    "positions": flax_positions,
    "simple_rnn": flax_recurrent(nn.SimpleCell, of_rnn),
    "lstm": flax_recurrent(nn.LSTMCell, of_lstm),
    "gru": flax_recurrent(nn.GRUCell, of_gru),
    "attention": flax_attention,
    "activation": flax_activation,
}
AFTER = {"tanh": jnp.tanh, "gelu": lambda z: nn.gelu(z, approximate=False)}


def both(name: str) -> tuple[Module, Module, Place]:
    """Return our layer, Flax's, and the place of it."""
    given, shape = CASES[name]
    (layer,) = ModelSpec.model_validate({"layers": [given]}).layers
    (place,) = walk([layer], shape)
    if place.kind == "batch_norm":
        in_use = "in use" in name
        ours = LAYERS["batch_norm"] if in_use else batch_norm_training
        return (
            lambda arrays, x: ours(place, arrays, x),
            flax_batch_norm(layer, place, in_use=in_use),
            place,
        )
    theirs = FLAX[place.kind](layer, place)
    after = AFTER.get(place.activation.name, lambda z: z)
    return (
        lambda arrays, x: activate(place.activation, LAYERS[place.kind](place, arrays, x)),
        lambda arrays, x: after(theirs(arrays, x)),
        place,
    )


def distance(found: Any, expected: Any) -> float:
    """Return the largest difference over the largest number, over all arrays."""
    pairs = zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True)
    return max(
        float(jnp.max(jnp.abs(one - other)) / jnp.maximum(1.0, jnp.max(jnp.abs(other))))
        for one, other in pairs
        if one.size
    )


def compare(name: str) -> dict[str, float]:
    """Return the distances of a case."""
    ours, theirs, place = both(name)
    draw = np.random.default_rng(len(name))
    if place.kind == "embedding":
        x = draw.integers(0, TOKENS, (ROWS, *place.inputs)).astype(np.int32)
    else:
        x = draw.normal(size=(ROWS, *place.inputs))
    arrays = {
        key: jnp.asarray(draw.normal(size=found.shape)) for key, found in place.parameters.items()
    }
    if "variance" in arrays:
        arrays["variance"] = jnp.square(arrays["variance"]) + 0.5
    values, back = jax.vjp(ours, arrays, jnp.asarray(x))
    expected, their_back = jax.vjp(theirs, arrays, jnp.asarray(x))
    sums = jax.tree.map(lambda z: jnp.asarray(draw.normal(size=z.shape)), values)
    gradients, their_gradients = (
        [leaf for leaf in jax.tree.leaves(way(sums)) if leaf.dtype == jnp.float64]
        for way in (back, their_back)
    )
    return {
        "forward": distance(values, expected),
        "gradient": distance(gradients, their_gradients),
        "size": float(max(jnp.max(jnp.abs(g)) for g in gradients)),
    }


if __name__ == "__main__":
    print(json.dumps({name: compare(name) for name in CASES}))

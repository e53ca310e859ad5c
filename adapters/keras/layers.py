"""The kinds of layers in Keras, on any backend: how each is made, and how it is called.

Keras' own layers, as their users write them, but where float64 shows that one computes something
else: `Attention`, `BatchNormalization`, and the gradient of an embedding in `training.class_of`.
Arrays are those of samenet.spec.layers in the same order; the kernels of attention have one axis
for the heads, which is the same memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import keras
import numpy as np

from samenet.adapter import Layer, Weights
from samenet.adapters.keras.functions import activation_of
from samenet.spec import Network, Place

Penalty = Any
"""A regularizer of Keras, or None."""
Apply = Callable[[Any], Any]
"""What a place makes of what enters it: a tensor, or Keras' symbol for one."""


def dense(place: Place, penalty: Penalty) -> keras.layers.Layer:
    """Return x K + b."""
    return keras.layers.Dense(
        place.outputs[-1],
        activation=activation_of(place.activation),
        use_bias="bias" in place.parameters,
        kernel_regularizer=penalty,
    )


def convolution(place: Place, penalty: Penalty) -> keras.layers.Layer:
    """Return Keras' layer for so many axes; its zeros stand as the spec has them."""
    layer: Any = place.layer
    made = keras.layers.Conv1D if layer.axes == 1 else keras.layers.Conv2D
    return made(
        layer.filters,
        layer.sizes(layer.axes),
        strides=layer.strides(layer.axes),
        padding=layer.padding,
        data_format="channels_last",
        activation=activation_of(place.activation),
        use_bias="bias" in place.parameters,
        kernel_regularizer=penalty,
    )


def pool(place: Place, penalty: Penalty, *, name: str) -> keras.layers.Layer:
    """Return a pool over windows, for so many axes as the shape has before its channels."""
    del penalty
    layer: Any = place.layer
    axes = len(place.inputs) - 1
    return getattr(keras.layers, f"{name}{axes}D")(
        layer.sizes(axes),
        strides=layer.strides(axes),
        padding=layer.padding,
        data_format="channels_last",
    )


def global_pool(place: Place, penalty: Penalty, *, name: str) -> keras.layers.Layer:
    """Return a pool over all places."""
    del penalty
    made = getattr(keras.layers, f"{name}{len(place.inputs) - 1}D")
    return made(data_format="channels_last")


def flatten(place: Place, penalty: Penalty) -> keras.layers.Layer:
    """Return all numbers of a row in the order height, width, channels."""
    del place, penalty
    return keras.layers.Flatten(data_format="channels_last")


def activation(place: Place, penalty: Penalty) -> keras.layers.Layer:
    """Return a function as a layer of its own."""
    del penalty
    return keras.layers.Activation(activation_of(place.activation))


def recurrent(place: Place, penalty: Penalty, *, name: str) -> keras.layers.Layer:
    """Return Keras' layer: its own gates, their order, and a GRU that resets after the product."""
    layer: Any = place.layer
    return getattr(keras.layers, name)(
        layer.units,
        return_sequences=layer.sequences,
        kernel_regularizer=penalty,
        recurrent_regularizer=penalty,
    )


def embedding(place: Place, penalty: Penalty) -> keras.layers.Layer:
    """Return a row of numbers for every token; a penalty does not act on it."""
    del penalty
    return keras.layers.Embedding(*place.parameters["table"].shape)


class Positions(keras.layers.Layer):
    """x + table, as keras.io's Transformer examples add it; Keras itself has no such layer."""

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Hold a row of numbers for every place of a sequence."""
        self.table = self.add_weight(name="table", shape=input_shape[1:])

    def call(self, inputs: Any) -> Any:
        """Add it to every sequence."""
        return inputs + self.table


def positions(place: Place, penalty: Penalty) -> keras.layers.Layer:
    """Return trained positions; a penalty does not act on them."""
    del place, penalty
    return Positions()


def layer_norm(place: Place, penalty: Penalty) -> keras.layers.Layer:
    """Return the normalisation over the last axis."""
    del penalty
    layer: Any = place.layer
    return keras.layers.LayerNormalization(epsilon=layer.epsilon)


class BatchNormalization(keras.layers.BatchNormalization):
    """Keras' layer; on PyTorch with the variance of numbers less their mean.

    Keras takes E[x^2] - E[x]^2 there, which gives 8.0 for 0.83 where the mean is 10,000.
    """

    def _moments(self, inputs: Any, mask: Any) -> Any:
        if keras.config.backend() != "torch":
            return super()._moments(inputs, mask)
        import torch

        variance, mean = torch.var_mean(inputs, self._reduction_axes, correction=0)
        return mean, variance


def batch_norm(place: Place, penalty: Penalty) -> keras.layers.Layer:
    """Return the normalisation over the batch; Keras' momentum is the share of what is kept."""
    del penalty
    layer: Any = place.layer
    return BatchNormalization(momentum=1 - layer.rate, epsilon=layer.epsilon)


class Attention(keras.layers.MultiHeadAttention):
    """Keras' layer, of one input with itself, and exact in float64.

    Its factor 1 / sqrt(width / heads) is a NumPy number, because TensorFlow's `cast` rounds a
    Python number to float32. On JAX the scores are asked for, which Keras then computes by itself:
    jax.nn.dot_product_attention takes its softmax in float32 whatever comes in
    (jax/_src/nn/functions.py).
    """

    def __init__(self, heads: int, width: int, *, causal: bool, penalty: Penalty) -> None:
        """Have four kernels and no bias."""
        super().__init__(heads, width, use_bias=False, kernel_regularizer=penalty)
        self.causal = causal
        self._inverse_sqrt_key_dim = np.float64(width) ** -0.5
        self.fused = keras.config.backend() != "jax"

    def of(self, values: Any) -> Any:
        """Return what the layer makes of a sequence that looks at itself."""
        if self.fused:
            return self(values, values, use_causal_mask=self.causal)
        return self(values, values, use_causal_mask=self.causal, return_attention_scores=True)[0]


def attention(place: Place, penalty: Penalty) -> keras.layers.Layer:
    """Return attention of a sequence to itself."""
    layer: Any = place.layer
    width = place.inputs[-1] // layer.heads
    return Attention(layer.heads, width, causal=layer.causal, penalty=penalty)


MAKERS: dict[str, Callable[[Place, Penalty], keras.layers.Layer]] = {
    "dense": dense,
    "conv1d": convolution,
    "conv2d": convolution,
    "max_pool": partial(pool, name="MaxPooling"),
    "average_pool": partial(pool, name="AveragePooling"),
    "global_average_pool": partial(global_pool, name="GlobalAveragePooling"),
    "global_max_pool": partial(global_pool, name="GlobalMaxPooling"),
    "flatten": flatten,
    "activation": activation,
    "simple_rnn": partial(recurrent, name="SimpleRNN"),
    "lstm": partial(recurrent, name="LSTM"),
    "gru": partial(recurrent, name="GRU"),
    "embedding": embedding,
    "positions": positions,
    "layer_norm": layer_norm,
    "batch_norm": batch_norm,
    "attention": attention,
}
"""How each kind is made; `fork`, `join` and `dropout` hold nothing, and are no layers here."""

OFFERED = (*MAKERS, "dropout", "residual")
BRANCHES = frozenset({"fork", "join", "attention"})
"""What a stack of layers cannot hold: two ways, or a layer with two inputs."""


def layers_of(network: Network, l2: float) -> list[keras.layers.Layer | None]:
    """Return the layer of each place; a penalty of l2/2 * |w|^2 adds l2 * w to a gradient."""
    penalty = keras.regularizers.L2(l2 / 2) if l2 else None
    return [
        MAKERS[place.kind](place, penalty) if place.kind in MAKERS else None
        for place in network.places
    ]


def calls(
    network: Network, layers: Sequence[keras.layers.Layer | None], *, training: bool
) -> list[Apply]:
    """Return what each place does; a fork keeps what enters it for its join.

    `training` is for those who call them outside a model, which tells its layers itself.
    """
    kept: list[Any] = []

    def fork(values: Any) -> Any:
        kept.append(values)
        return values

    def join(values: Any) -> Any:
        return values + kept.pop()

    def call_of(place: Place, layer: keras.layers.Layer | None) -> Apply:
        if isinstance(layer, Attention):
            return layer.of
        if training and layer is not None and place.kind == "batch_norm":
            return partial(layer, training=True)
        return layer or {"fork": fork, "join": join}.get(place.kind, unchanged)

    return list(map(call_of, network.places, layers))


def unchanged(values: Any) -> Any:
    """Return what enters."""
    return values


def set_weights(
    network: Network, layers: Sequence[keras.layers.Layer | None], weights: Weights
) -> None:
    """Replace all numbers of the built layers."""
    for place, layer, given in zip(network.places, layers, weights, strict=True):
        if layer is not None and place.parameters:
            pairs = zip(place.parameters, layer.weights, strict=True)
            layer.set_weights([given[name].reshape(held.shape) for name, held in pairs])


def read_weights(
    network: Network,
    layers: Sequence[keras.layers.Layer | None],
    value_of: Callable[[keras.Variable], Any],
) -> Weights:
    """Return copies of all numbers, each variable's as the caller finds it."""
    return [
        Layer(
            **{
                name: np.array(value_of(held)).reshape(parameter.shape)
                for (name, parameter), held in zip(
                    place.parameters.items(), layer.weights if layer else (), strict=True
                )
            }
        )
        for place, layer in zip(network.places, layers, strict=True)
    ]


def undecayed(
    network: Network, layers: Sequence[keras.layers.Layer | None]
) -> list[keras.Variable]:
    """Return the variables that no weight decay acts on, as their roles in the spec say."""
    return [
        held
        for place, layer in zip(network.places, layers, strict=True)
        for parameter, held in zip(
            place.parameters.values(), layer.weights if layer else (), strict=True
        )
        if not parameter.is_decayed
    ]

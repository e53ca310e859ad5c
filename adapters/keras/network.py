"""The parts of a Keras model on any backend: activations and layers.

What a backend needs alone it imports where it needs it: the others are never loaded.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import keras
import numpy as np

from samenet.adapter import Weights
from samenet.spec import Activation, Network

IDENTITY_FROM = 40.0
"""Above it softplus(z) and z are one number; PyTorch's own threshold, 20, shows in float64."""


def leaky_relu(z: Any, slope: float) -> Any:
    """Return z if z > 0 else slope * z; Keras' own rounds the slope to float32."""
    return keras.ops.where(z > 0, z, slope * z)


def gelu(z: Any) -> Any:
    """Return z * Phi(z); on TensorFlow, Keras' own rounds the square root of 1/2 to float32.

    erfc, because XLA's float32 erf does not quite reach -1: z * (1 + erf) fails in the tail.
    """
    if keras.config.backend() != "tensorflow":
        return keras.activations.gelu(z)
    import tensorflow as tf

    return 0.5 * z * tf.math.erfc(-math.sqrt(0.5) * z)


def softplus(z: Any) -> Any:
    """Return log(1 + exp(z)), exact in float64 on every backend."""
    if keras.config.backend() != "torch":
        return keras.activations.softplus(z)
    from torch.nn import functional

    return functional.softplus(z, threshold=IDENTITY_FROM)


def selu(z: Any) -> Any:
    """Return SELU with the slope of the left side at exactly 0, which TensorFlow's own has not.

    The outputs less the smallest normal number tell its gradient that 0 is not positive.
    """
    if keras.config.backend() != "tensorflow":
        return keras.activations.selu(z)
    import tensorflow as tf

    @tf.custom_gradient
    def left_at_0(z: Any) -> Any:
        outputs = tf.nn.selu(z)
        less = outputs - z.dtype.as_numpy_dtype(np.finfo(z.dtype.as_numpy_dtype).tiny)
        return outputs, lambda g: tf.raw_ops.SeluGrad(gradients=g, outputs=less)

    return left_at_0(z)


ACTIVATIONS = {
    "sigmoid": keras.activations.sigmoid,
    "tanh": keras.activations.tanh,
    "relu": keras.activations.relu,
    "leaky_relu": leaky_relu,
    "elu": keras.activations.elu,
    "selu": selu,
    "gelu": gelu,
    "silu": keras.activations.silu,
    "softplus": softplus,
    "identity": keras.activations.linear,
}


def activation_of(spec: Activation) -> Callable[[Any], Any]:
    """Return the function that a layer takes as its activation."""
    if spec.name == "leaky_relu":
        return partial(leaky_relu, slope=spec.slope)
    return ACTIVATIONS[spec.name]


def dense_layers(network: Network, l2: float) -> list[keras.layers.Dense]:
    """Return the layers; a penalty of l2/2 * |w|^2 adds l2 * w to the gradient of a kernel."""
    penalty = keras.regularizers.L2(l2 / 2) if l2 else None
    return [
        keras.layers.Dense(
            layer.units, activation=activation_of(layer.activation), kernel_regularizer=penalty
        )
        for layer in network.layers
    ]


def sequential(
    network: Network, layers: Sequence[keras.layers.Dense], weights: Weights
) -> keras.Sequential:
    """Return the model as Keras users write it, with exactly these weights; it gives logits."""
    model = keras.Sequential([keras.Input((network.inputs,)), *layers])
    model.set_weights([array for layer in weights for array in layer])
    return model


def with_masks(network: Network, layers: Sequence[keras.layers.Dense]) -> keras.Model:
    """Return the model of the same layers for training with dropout: its masks are more inputs."""
    inputs = [keras.Input((network.inputs,))]
    values = inputs[0]
    for spec, layer in zip(network.layers, layers, strict=True):
        values = layer(values)
        if spec.dropout:
            inputs.append(keras.Input((spec.units,)))
            values = keras.layers.multiply([values, inputs[-1]])
    return keras.Model(inputs, values)

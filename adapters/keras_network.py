"""The parts of a Keras model: activations, layers, where they are placed, batches for fit."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import keras
import tensorflow as tf

from samenet.adapter import Array, Target, Weights
from samenet.spec import Activation, Network


def leaky_relu(z: tf.Tensor, slope: float) -> tf.Tensor:
    """Return z if z > 0 else slope * z; Keras' own rounds the slope to float32."""
    return keras.ops.where(z > 0, z, slope * z)


def gelu(z: tf.Tensor) -> tf.Tensor:
    """Return z * Phi(z); Keras' own rounds the square root of 1/2 to float32.

    erfc, because XLA's float32 erf does not quite reach -1: z * (1 + erf) fails in the tail.
    """
    return 0.5 * z * tf.math.erfc(-math.sqrt(0.5) * z)


ACTIVATIONS = {
    "sigmoid": keras.activations.sigmoid,
    "tanh": keras.activations.tanh,
    "relu": keras.activations.relu,
    "leaky_relu": leaky_relu,
    "elu": keras.activations.elu,
    "selu": keras.activations.selu,
    "gelu": gelu,
    "silu": keras.activations.silu,
    "softplus": keras.activations.softplus,
    "identity": keras.activations.linear,
}


def device(target: Target) -> tf.device:
    """Return the context in which TensorFlow places variables and operations."""
    return tf.device(f"/GPU:{target.index}" if target.device == "cuda" else "/CPU:0")


def set_precision(target: Target) -> None:
    """Set the precision of losses and that of layers, which keeps its first value otherwise."""
    keras.config.set_floatx(target.dtype)
    keras.config.set_dtype_policy(target.dtype)


def activation_of(spec: Activation) -> Callable[[tf.Tensor], tf.Tensor]:
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


def batched(inputs: Array | tuple[Array, ...], targets: Array) -> tf.data.Dataset:
    """Return the batches as a dataset; they are ready, so one thread and no tuning suffice."""
    options = tf.data.Options()
    options.threading.private_threadpool_size = 1
    options.autotune.enabled = False
    options.experimental_optimization.apply_default_optimizations = False
    return tf.data.Dataset.from_tensor_slices((inputs, targets)).with_options(options)

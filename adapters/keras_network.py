"""The parts of a Keras model: activations, losses, optimisers, and the batches for fit."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import keras
import numpy as np
import tensorflow as tf
from keras.losses import BinaryCrossentropy, MeanSquaredError, SparseCategoricalCrossentropy
from numpy.typing import NDArray

from samenet.adapter import Array, Target, Weights
from samenet.spec import SGD, Activation, Network, Optimizer


def leaky_relu(z: tf.Tensor, slope: float) -> tf.Tensor:
    """Return z if z > 0 else slope * z; Keras' own rounds the slope to float32."""
    return keras.ops.where(z > 0, z, slope * z)


def gelu(z: tf.Tensor) -> tf.Tensor:
    """Return z * Phi(z); Keras' own rounds the square root of 1/2 to float32."""
    return 0.5 * z * (1 + keras.ops.erf(math.sqrt(0.5) * z))


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
LOSSES = {  # made together with the model: a loss keeps the precision set at that moment
    "binary_cross_entropy": partial(BinaryCrossentropy, from_logits=True),
    "sparse_categorical_cross_entropy": partial(SparseCategoricalCrossentropy, from_logits=True),
    "mean_squared_error": MeanSquaredError,
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


def sequential(network: Network, weights: Weights) -> keras.Sequential:
    """Return the model as Keras users write it, with exactly these weights; it gives logits."""
    model = keras.Sequential([keras.Input((network.inputs,))])
    for layer in network.layers:
        model.add(keras.layers.Dense(layer.units, activation=activation_of(layer.activation)))
    model.set_weights([array for layer in weights for array in layer])
    return model


def optimizer(spec: Optimizer) -> keras.optimizers.Optimizer:
    """Return Keras' optimiser with every constant taken from the spec."""
    if isinstance(spec, SGD):
        return keras.optimizers.SGD(spec.learning_rate, spec.momentum, spec.nesterov)
    return keras.optimizers.Adam(spec.learning_rate, spec.beta1, spec.beta2, spec.epsilon)


def batched(inputs: Array, targets: Array, order: NDArray[np.int32]) -> tf.data.Dataset:
    """Return the batches as a dataset; they are ready, so one thread and no tuning suffice."""
    options = tf.data.Options()
    options.threading.private_threadpool_size = 1
    options.autotune.enabled = False
    options.experimental_optimization.apply_default_optimizations = False
    return tf.data.Dataset.from_tensor_slices((inputs[order], targets[order])).with_options(options)

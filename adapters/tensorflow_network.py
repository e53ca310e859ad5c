"""The parts of a network in low level TensorFlow: layers, losses, optimiser steps.

A Python float takes the other operand's dtype, exactly; `tf.cast` of one, or an attribute of an
operator, goes through float32. Where TensorFlow's own operators do that, the formula stands here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from samenet.adapter import Array, Batches, Target, Weights
from samenet.spec import SGD, Activation, Adam, Network, Optimizer


def place(target: Target) -> str:
    """Return TensorFlow's name of the device."""
    return f"/GPU:{target.index}" if target.device == "cuda" else "/CPU:0"


def leaky_relu(z: tf.Tensor, slope: float) -> tf.Tensor:
    """Return z if z > 0 else slope * z; the slope of tf.nn.leaky_relu is a float32 attribute."""
    return tf.where(z > 0, z, slope * z)


def gelu(z: tf.Tensor) -> tf.Tensor:
    """Return z * Phi(z); tf.nn.gelu rounds the square root of 1/2 to float32."""
    return 0.5 * z * tf.math.erfc(-math.sqrt(0.5) * z)


ACTIVATIONS = {
    "sigmoid": tf.sigmoid,
    "tanh": tf.tanh,
    "relu": tf.nn.relu,
    "leaky_relu": leaky_relu,
    "elu": tf.nn.elu,
    "selu": tf.nn.selu,
    "gelu": gelu,
    "silu": tf.nn.silu,
    "softplus": tf.nn.softplus,
    "identity": tf.identity,
}
LOSSES = {  # of targets and logits, for every row; the mean is taken by the caller
    "binary_cross_entropy": tf.nn.sigmoid_cross_entropy_with_logits,
    "sparse_categorical_cross_entropy": tf.nn.sparse_softmax_cross_entropy_with_logits,
    "mean_squared_error": tf.math.squared_difference,
}


def activate(activation: Activation, z: tf.Tensor) -> tf.Tensor:
    """Return the activation of the weighted sums."""
    if activation.name == "leaky_relu":
        return leaky_relu(z, activation.slope)
    return ACTIVATIONS[activation.name](z)


class DenseLayers(tf.Module):
    """A chain of dense layers that starts from exactly the given weights."""

    def __init__(self, network: Network, weights: Weights, dtype: tf.DType) -> None:
        """Make a kernel (fan_in, fan_out) and a bias (fan_out,) for every layer."""
        super().__init__()
        self.activations = [layer.activation for layer in network.layers]
        self.kernels = [tf.Variable(layer.kernel, dtype=dtype) for layer in weights]
        self.biases = [tf.Variable(layer.bias, dtype=dtype) for layer in weights]

    def __call__(self, values: tf.Tensor) -> tf.Tensor:
        """Return the outputs of the linear head."""
        for kernel, bias, activation in zip(
            self.kernels, self.biases, self.activations, strict=True
        ):
            values = activate(activation, values @ kernel + bias)
        return values

    @tf.function(reduce_retracing=True)
    def of_rows(self, inputs: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
        """Return the outputs of these rows; a graph takes any number, XLA compiles for each."""
        return self(tf.gather(inputs, rows))


class Updates:
    """An optimiser written out with `assign`: what it remembers, and one step of it."""

    def __init__(self, spec: Optimizer, variables: Sequence[tf.Variable]) -> None:
        """Start both moments of every variable at zero, on its device."""
        self.spec, self.variables = spec, variables
        self.first = [tf.Variable(tf.zeros_like(v)) for v in variables]
        self.second = [tf.Variable(tf.zeros_like(v)) for v in variables]

    def factors(self, batches: Batches) -> Array:
        """Return rate / (1 - beta1^t) and sqrt(1 - beta2^t) of Adam for each step: (steps, 2)."""
        steps = batches.first_step + 1 + np.arange(len(batches.order))
        if isinstance(self.spec, SGD):
            return np.zeros((len(steps), 2))
        rates = self.spec.learning_rate / (1 - self.spec.beta1**steps)
        return np.stack([rates, np.sqrt(1 - self.spec.beta2**steps)], axis=1)

    def apply(self, gradients: Sequence[tf.Tensor], factors: tf.Tensor) -> None:
        """Take one step against the gradients."""
        for slots in zip(self.variables, gradients, self.first, self.second, strict=True):
            if isinstance(self.spec, SGD):
                sgd(self.spec, *slots[:3])
            else:
                adam(self.spec, *slots, factors)


def sgd(spec: SGD, variable: tf.Variable, gradient: tf.Tensor, buffer: tf.Variable) -> None:
    """Apply samenet.spec.SGD in place."""
    if spec.momentum:
        buffer.assign(spec.momentum * buffer + gradient)
        gradient = gradient + spec.momentum * buffer if spec.nesterov else buffer
    variable.assign_sub(spec.learning_rate * gradient)


def adam(
    spec: Adam,
    variable: tf.Variable,
    gradient: tf.Tensor,
    m: tf.Variable,
    v: tf.Variable,
    factors: tf.Tensor,
) -> None:
    """Apply samenet.spec.Adam, standard form, in place."""
    m.assign_add((1 - spec.beta1) * (gradient - m))
    v.assign_add((1 - spec.beta2) * (tf.square(gradient) - v))
    variable.assign_sub(factors[0] * m / (tf.sqrt(v) / factors[1] + spec.epsilon))

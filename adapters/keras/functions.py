"""The activations of a Keras model, on any backend.

What a backend needs alone it imports where it needs it: the others are never loaded.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import numpy as np

from samenet.spec import Activation

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

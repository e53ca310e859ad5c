"""The network in low level TensorFlow, and what a program does beside training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from samenet.adapter import DataSource, Layer, Target, Weights
from samenet.adapters.tensorflow.functions import activate
from samenet.spec import Network

Masks = Sequence[tf.Tensor | None]


def device_name(target: Target) -> str:
    """Return TensorFlow's name of the device."""
    return f"/GPU:{target.index}" if target.device == "cuda" else "/CPU:0"


class DenseLayers(tf.Module):
    """A chain of dense layers that starts from exactly the given weights."""

    def __init__(self, network: Network, weights: Weights, dtype: tf.DType) -> None:
        """Make a kernel (fan_in, fan_out) and a bias (fan_out,) for every layer."""
        super().__init__()
        self.activations = [layer.activation for layer in network.layers]
        self.kernels = [tf.Variable(layer.kernel, dtype=dtype) for layer in weights]
        self.biases = [tf.Variable(layer.bias, dtype=dtype) for layer in weights]

    def __call__(self, values: tf.Tensor, masks: Masks = ()) -> tf.Tensor:
        """Return the outputs of the linear head; masks (B, units) are those of dropout."""
        for layer, activation in enumerate(self.activations):
            values = activate(activation, values @ self.kernels[layer] + self.biases[layer])
            if masks and masks[layer] is not None:
                values = values * masks[layer]
        return values

    @tf.function(reduce_retracing=True)
    def of_rows(self, inputs: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
        """Return the outputs of these rows; a graph takes any number, XLA compiles for each."""
        return self(tf.gather(inputs, rows))


class TensorFlowProgram:
    """A network on a device and the rows it works on."""

    def __init__(self, network: Network, weights: Weights, target: Target) -> None:
        """Make the variables of the network."""
        self.device = device_name(target)
        self.dtype = tf.as_dtype(target.dtype)
        with tf.device(self.device):
            self.model = DenseLayers(network, weights, self.dtype)

    def load(self, source: DataSource) -> None:
        """Keep all rows on the device."""
        inputs, targets = source.arrays()
        kind = tf.int32 if targets.dtype.kind == "i" else self.dtype
        with tf.device(self.device):
            self.data = tf.constant(inputs, self.dtype), tf.constant(targets, kind)

    def predict(self, rows: NDArray[np.int32]) -> tf.Tensor:
        """Return the outputs of the linear head."""
        with tf.device(self.device):
            return self.model.of_rows(self.data[0], tf.constant(rows))

    def weights(self) -> Weights:
        """Return copies: `numpy()` makes one."""
        pairs = zip(self.model.kernels, self.model.biases, strict=True)
        return [Layer(kernel.numpy(), bias.numpy()) for kernel, bias in pairs]

    def sync(self) -> None:
        """Wait for the device; on the CPU a function has finished when it returns."""
        if self.device != "/CPU:0":
            tf.test.experimental.sync_devices()

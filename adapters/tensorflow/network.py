"""The network in low level TensorFlow, and what a program does beside training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from samenet.adapter import DataSource, Layer, Target, Weights
from samenet.adapters.tensorflow.functions import activate
from samenet.adapters.tensorflow.layers import forward_table
from samenet.spec import Network

CONVOLUTIONS = frozenset({"conv1d", "conv2d"})
Masks = Sequence[tf.Tensor | None]


def device_name(target: Target) -> str:
    """Return TensorFlow's name of the device."""
    return f"/GPU:{target.index}" if target.device == "cuda" else "/CPU:0"


class Chain(tf.Module):
    """The layers of a network, starting from exactly the given weights."""

    def __init__(self, network: Network, weights: Weights, dtype: tf.DType) -> None:
        """Make a variable of every named array."""
        super().__init__()
        self.places = network.places
        self.arrays = [
            {
                name: tf.Variable(
                    layer[name], dtype=dtype, trainable=parameter.is_trained, name=name
                )
                for name, parameter in place.parameters.items()
            }
            for place, layer in zip(network.places, weights, strict=True)
        ]

    def __call__(
        self, values: tf.Tensor, masks: Masks = (), *, training: bool = False, xla: bool = False
    ) -> tf.Tensor:
        """Return the outputs of the linear head; masks (B, *outputs) are those of dropout.

        In training a batch norm uses the batch's statistics and moves the kept ones.
        """
        table = forward_table(training=training, xla=xla)
        before_forks = []
        for i, (place, arrays) in enumerate(zip(self.places, self.arrays, strict=True)):
            if place.kind == "fork":
                before_forks.append(values)
            elif place.kind == "join":
                values = before_forks.pop() + values
            else:
                values = activate(place.activation, table[place.kind](place, arrays, values))
            if masks and masks[i] is not None:
                values = values * masks[i]
        return values

    def of_role(self, *, decayed: bool) -> list[tf.Variable]:
        """Return what is trained and has, or has not, a role that penalties and decay act on."""
        return [
            arrays[name]
            for place, arrays in zip(self.places, self.arrays, strict=True)
            for name, parameter in place.parameters.items()
            if parameter.is_trained and parameter.is_decayed == decayed
        ]

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
        self.has_convolutions = not CONVOLUTIONS.isdisjoint(p.kind for p in network.places)
        self.inputs_dtype = tf.int32 if network.vocabulary else self.dtype
        with tf.device(self.device):
            self.model = Chain(network, weights, self.dtype)

    def load(self, source: DataSource) -> None:
        """Keep all rows on the device."""
        inputs, targets = source.arrays()
        kind = tf.int32 if targets.dtype.kind == "i" else self.dtype
        with tf.device(self.device):
            self.data = tf.constant(inputs, self.inputs_dtype), tf.constant(targets, kind)

    def predict(self, rows: NDArray[np.int32]) -> tf.Tensor:
        """Return the outputs of the linear head."""
        with tf.device(self.device):
            return self.model.of_rows(self.data[0], tf.constant(rows))

    def weights(self) -> Weights:
        """Return copies: `numpy()` makes one."""
        return [
            Layer(**{name: variable.numpy() for name, variable in arrays.items()})
            for arrays in self.model.arrays
        ]

    def sync(self) -> None:
        """Wait for the device; on the CPU a function has finished when it returns."""
        if self.device != "/CPU:0":
            tf.test.experimental.sync_devices()

"""A Keras model on TensorFlow in a loop of one's own, as Keras' guide for TensorFlow has it.

https://keras.io/guides/writing_a_custom_training_loop_in_tensorflow/ compiles a step; here the loop
over the steps is inside too, on resident tensors. XLA, because it is faster: 52 against 86 µs a
step with SGD, 59 against 143 with Adam (64-64-32-10, batch 32, one core). At 64-256-128-10, batch
128, it is 488 against 485 and 525 against 610. Not for convolutions on a CPU: in a loop, XLA makes
a plain nest of loops of their gradients, https://github.com/jax-ml/jax/issues/12868.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from samenet.adapter import Array, Batches, DataSource, Target, Weights
from samenet.adapters.keras.precision import scope
from samenet.adapters.keras.program import LoopProgram
from samenet.spec import Network, TrainSpec


def suits_xla(network: Network, target: Target) -> bool:
    """Return whether XLA's code for a loop of steps is the faster."""
    return network.family != "convolution" or target.device == "cuda"


class GraphProgram(LoopProgram):
    """Keras' model, loss and optimiser; TensorFlow's tape and graph."""

    def __init__(
        self, network: Network, training: TrainSpec, weights: Weights, target: Target
    ) -> None:
        """Nothing is traced yet."""
        super().__init__(network, training, weights, target)
        self.run = tf.function(self.steps, jit_compile=suits_xla(network, target))
        self.outputs_of = tf.function(self.of_rows)

    def load(self, source: DataSource) -> None:
        """Keep all rows on the device."""
        with scope(self.target):
            inputs, targets = self.host_arrays(source)
            self.data = (tf.identity(inputs), tf.identity(targets))

    def train(self, batches: Batches) -> None:
        """Run all steps in one call."""
        with scope(self.target):
            self.arguments = self.data, tf.constant(batches.order), tuple(self.masks(batches))
            self.step_losses = self.run(*self.arguments)

    def steps(
        self, data: tuple[tf.Tensor, ...], order: tf.Tensor, masks: tuple[tf.Tensor, ...]
    ) -> tf.Tensor:
        """Return the loss before each update; AutoGraph turns `for` into a loop of the graph."""
        losses = tf.TensorArray(self.target.dtype, size=order.shape[0])
        variables = self.model.trainable_variables
        for i in tf.range(order.shape[0]):
            inputs, targets = [tf.gather(rows, order[i]) for rows in data]
            given = [inputs, *[mask[i] for mask in masks]] if masks else inputs
            with tf.GradientTape() as tape:
                loss = self.loss(targets, self.model(given, training=True))
                total = tf.add_n([loss, *self.model.losses])
            self.optimizer.apply(tape.gradient(total, variables), variables)
            losses = losses.write(i, loss)
        return losses.stack()

    def losses(self) -> Array:
        """Return the loss before each update of the latest call."""
        return self.step_losses.numpy()

    def predict(self, rows: NDArray[np.int32]) -> Any:
        """Return the outputs of the linear head; traced once for every number of rows."""
        with scope(self.target):
            return self.outputs_of(self.data, tf.constant(rows))

    def of_rows(self, data: tuple[tf.Tensor, ...], rows: tf.Tensor) -> tf.Tensor:
        """Return the outputs of these rows, as in use."""
        return self.predictor(tf.gather(data[0], rows), training=False)

    def compiler(self) -> str:
        """Return what the latest call ran with: a graph that must be compiled fails otherwise."""
        with scope(self.target):
            attributes = self.run.get_concrete_function(*self.arguments).function_def.attr
        name = "_XlaMustCompile"
        return "xla" if name in attributes and attributes[name].b else "none"

    def compilations(self) -> dict[str, int]:
        """Return how often the steps were traced: each trace is compiled once."""
        return {"compilations": self.run.experimental_get_tracing_count()}

    def sync(self) -> None:
        """Wait for the device; on the CPU, a call returns when it is done."""
        if self.target.device == "cuda":
            tf.test.experimental.sync_devices()

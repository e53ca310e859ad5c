"""TensorFlow without Keras: variables, a gradient tape, and one tf.function for all steps."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from samenet.adapter import Array, Batches, Capabilities, DataSource, Layer, Target, Weights
from samenet.adapters import tensorflow_network as parts
from samenet.spec import Network, TrainSpec

ADAPTER = {
    "name": "tensorflow",
    "title": "TensorFlow",
    "modes": {
        "graph": {
            "default": True,
            "why": "one call runs all steps inside the graph, on resident tensors",
            "source": "https://www.tensorflow.org/guide/function#loops",
        },
        "xla": {
            "why": "the same function compiled by XLA: operations fuse, nothing is dispatched",
            "source": "https://openxla.org/xla/tf2xla/tutorials/jit_compile",
        },
    },
    "imports": ["tensorflow"],
    "distributions": ["tensorflow"],
    "extra": "tensorflow",
    "environment": {"TF_CPP_MIN_LOG_LEVEL": "3"},
    "quickstart": "tensorflow_quickstart.py",
    "color": "#cc9200",
}


def capabilities() -> Capabilities:
    """Everything, on the CPU and, where there is one, on a GPU."""
    return Capabilities(
        devices=("cpu", "cuda") if tf.config.list_physical_devices("GPU") else ("cpu",),
        dtypes=("float32", "float64"),
        activations=tuple(parts.ACTIVATIONS),
        losses=tuple(parts.LOSSES),
        optimizers=("sgd", "adam"),
    )


def wake(target: Target) -> None:
    """Fix threads and full float32 products before the first operation, then multiply once."""
    tf.config.threading.set_intra_op_parallelism_threads(target.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_tensor_float_32_execution(False)
    with tf.device(parts.place(target)):
        small = tf.ones((8, 8), target.dtype)
        tf.reduce_sum(small @ small).numpy()


def read_back(target: Target) -> dict[str, str | int | float]:
    """Return what TensorFlow says is in force."""
    with tf.device(parts.place(target)):
        return {
            "threads": tf.config.threading.get_intra_op_parallelism_threads(),
            "device": tf.ones(1).device,
            "TF32": str(tf.config.experimental.tensor_float_32_execution_enabled()),
        }


def build(
    network: Network, training: TrainSpec, weights: Weights, *, target: Target, mode: str
) -> TensorFlowProgram:
    """Return the program that starts from exactly these weights."""
    return TensorFlowProgram(network, training, weights, target, mode)


class TensorFlowProgram:
    """Data and order are arguments of one traced function: calls of one shape never retrace."""

    def __init__(
        self, network: Network, training: TrainSpec, weights: Weights, target: Target, mode: str
    ) -> None:
        """Make the variables; nothing is traced yet."""
        self.device, self.dtype = parts.place(target), tf.as_dtype(target.dtype)
        self.loss = parts.LOSSES[training.loss]
        with tf.device(self.device):
            self.model = parts.DenseLayers(network, weights, self.dtype)
            self.updates = parts.Updates(training.optimizer, self.model.variables)
        self.run = tf.function(self.steps, jit_compile=mode == "xla")

    def load(self, source: DataSource) -> None:
        """Keep all rows on the device."""
        inputs, targets = source.arrays()
        kind = tf.int32 if targets.dtype.kind == "i" else self.dtype
        with tf.device(self.device):
            self.data = tf.constant(inputs, self.dtype), tf.constant(targets, kind)

    def train(self, batches: Batches) -> None:
        """Run all steps in one call; what depends on the step number goes in as a tensor."""
        with tf.device(self.device):
            factors = tf.constant(self.updates.factors(batches), self.dtype)
            self.step_losses = self.run(self.data, tf.constant(batches.order), factors)

    def steps(self, data: tuple[tf.Tensor, ...], order: tf.Tensor, factors: tf.Tensor) -> tf.Tensor:
        """Return the loss before each update; AutoGraph turns `for` into a loop of the graph."""
        losses = tf.TensorArray(self.dtype, size=order.shape[0])
        for i in tf.range(order.shape[0]):
            inputs, targets = [tf.gather(rows, order[i]) for rows in data]
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(self.loss(targets, self.model(inputs)))
            self.updates.apply(tape.gradient(loss, self.model.variables), factors[i])
            losses = losses.write(i, loss)
        return losses.stack()

    def losses(self) -> Array:
        """Return the loss before each update of the latest call."""
        return self.step_losses.numpy()

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

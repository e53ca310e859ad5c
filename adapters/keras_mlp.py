"""Keras 3 on TensorFlow: a Sequential model, compile and fit.

Each call gathers its batches in the imposed order and hands them to fit as a dataset. fit on
arrays builds its own input pipeline every time: 1.1 to 1.6 ms per step of the digits task
(44 steps, one core) against 0.25 ms here; one gather per step inside a kept dataset: 0.5 ms.
"""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from samenet.adapter import Array, Batches, Capabilities, DataSource, Layer, Target, Weights
from samenet.adapters import keras_network as parts
from samenet.spec import Network, TrainSpec

ADAPTER = {
    "name": "keras",
    "title": "Keras",
    "modes": {
        "fit": {
            "default": True,
            "why": "fit on ready batches, all steps in one execution; one fit per epoch",
            "source": "https://keras.io/api/models/model_training_apis/#compile-method",
        }
    },
    "imports": ["keras"],
    "distributions": ["keras", "tensorflow"],
    "extra": "keras",
    "environment": {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"},
    "quickstart": "keras_quickstart.py",
    "color": "#d92a80",
}
ROUNDING = (
    "in float64 its optimisers round their constants to float32; powers of 2 stay exact: "
    "https://github.com/keras-team/keras/blob/master/keras/src/optimizers/adam.py"
)
STEPS_MAX = 256  # of one execution; it ends with the dataset, so shorter calls share the graph


def capabilities() -> Capabilities:
    """Everything, with Keras' own form of Adam; fit reports the mean loss of a call."""
    return Capabilities(
        devices=("cpu", "cuda") if tf.config.list_physical_devices("GPU") else ("cpu",),
        dtypes=("float32", "float64"),
        activations=tuple(parts.ACTIVATIONS),
        losses=tuple(parts.LOSSES),
        optimizers=("sgd", "adam"),
        adam_form="epsilon_hat",
        losses_per="call",
        deviations=(ROUNDING,),
    )


def wake(target: Target) -> None:
    """Fix threads and full float32 products before the first operation, then multiply once."""
    tf.config.threading.set_intra_op_parallelism_threads(target.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_tensor_float_32_execution(False)
    with parts.device(target):
        keras.ops.matmul(tf.ones((8, 8)), tf.ones((8, 8))).numpy()


def read_back(target: Target) -> dict[str, str | int | float]:
    """Return what Keras and TensorFlow say is in force."""
    with parts.device(target):
        return {
            "threads": tf.config.threading.get_intra_op_parallelism_threads(),
            "device": keras.ops.ones(1).device,
            "dtype": keras.config.floatx(),
            "backend": keras.config.backend(),
            "TF32": str(tf.config.experimental.tensor_float_32_execution_enabled()),
        }


def build(
    network: Network, training: TrainSpec, weights: Weights, *, target: Target, mode: str
) -> KerasProgram:
    """Return the program that starts from exactly these weights."""
    del mode  # there is one
    parts.set_precision(target)
    with parts.device(target):
        return KerasProgram(network, training, weights, target)


class KerasProgram:
    """A compiled model and the rows it is fitted to."""

    def __init__(
        self, network: Network, training: TrainSpec, weights: Weights, target: Target
    ) -> None:
        """Compile the model and replace its initial weights."""
        self.target = target
        self.model = parts.sequential(network, weights)
        optimizer, loss = parts.optimizer(training.optimizer), parts.LOSSES[training.loss]()
        self.model.compile(optimizer=optimizer, loss=loss, steps_per_execution=STEPS_MAX)

    def load(self, source: DataSource) -> None:
        """Keep all rows on the host, where tf.data works; a GPU receives each batch."""
        inputs, targets = source.arrays()
        self.inputs = inputs.astype(self.target.dtype)
        self.targets = targets if targets.dtype.kind == "i" else targets.astype(self.inputs.dtype)

    def train(self, batches: Batches) -> None:
        """Fit one epoch of exactly these batches."""
        with parts.device(self.target):
            dataset = parts.batched(self.inputs, self.targets, batches.order)
            history = self.model.fit(dataset, shuffle=False, verbose=0)
        self.call_loss = history.history["loss"]

    def losses(self) -> Array:
        """Return the mean loss of the latest call: (1,)."""
        return np.array(self.call_loss)

    def predict(self, rows: NDArray[np.int32]) -> Array:
        """Return the outputs of the linear head; predict itself sets up a pipeline per call."""
        with parts.device(self.target):
            return self.model.predict_on_batch(self.inputs[rows])

    def weights(self) -> Weights:
        """Return copies."""
        arrays = self.model.get_weights()
        return [Layer(*pair) for pair in zip(arrays[::2], arrays[1::2], strict=True)]

    def sync(self) -> None:
        """Wait for the last update; `fit` itself waits for no more than the losses."""
        if self.target.device == "cuda":
            tf.test.experimental.sync_devices()

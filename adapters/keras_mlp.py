"""Keras 3 on TensorFlow: a Sequential model, compile and fit.

Each call hands fit ready batches as a dataset: 0.25 ms per step of digits; from arrays 1.1 to 1.6.
"""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from samenet.adapter import Array, Batches, Capabilities, DataSource, Layer, Target, Weights
from samenet.adapters import keras_network as parts
from samenet.adapters import keras_training as rules
from samenet.spec import Network
from samenet.training import TrainSpec

ADAPTER = {
    "name": "keras",
    "title": "Keras",
    "modes": {
        "fit": {
            "default": True,
            "compiler": "",  # its own choice: XLA on a GPU, none on a CPU
            "why": "fit on ready batches, all steps in one execution; one fit per epoch",
            "source": "https://keras.io/api/models/model_training_apis/#compile-method",
        }
    },
    "imports": ["keras"],
    "distributions": ["keras", "tensorflow"],
    "extra": "keras",
    "environment": {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"},
    "quickstart": "keras_quickstart.py",
    "predictors": "keras_predict.py",
    "color": "#d92a80",
}


def capabilities() -> Capabilities:
    """Everything, in Keras' own forms; fit reports the mean loss of a call."""
    return Capabilities(
        devices=("cpu", "cuda") if tf.config.list_physical_devices("GPU") else ("cpu",),
        dtypes=("float32", "float64"),
        activations=tuple(parts.ACTIVATIONS),
        losses=tuple(rules.LOSSES),
        optimizers=rules.OPTIMIZERS,
        forms=rules.FORMS,
        losses_per="call",
        deviations=(rules.rounding(),),
    )


def wake(target: Target) -> None:
    """Fix threads and full float32 products before the first operation, then multiply once."""
    tf.config.threading.set_intra_op_parallelism_threads(target.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_tensor_float_32_execution(False)
    with parts.device(target):
        keras.ops.matmul(tf.ones((8, 8)), tf.ones((8, 8))).numpy()


def read_back(program: KerasProgram, target: Target) -> dict[str, str | int | float]:
    """Return what Keras and TensorFlow say is in force."""
    with parts.device(target):
        return {
            "threads": tf.config.threading.get_intra_op_parallelism_threads(),
            "device": keras.ops.ones(1).device,
            "dtype": keras.config.floatx(),
            "backend": keras.config.backend(),
            "TF32": str(tf.config.experimental.tensor_float_32_execution_enabled()),
            "compiler": "xla" if program.model.jit_compile else "none",
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
        self.target, self.loss = target, training.loss
        layers = parts.dense_layers(network, training.optimizer.l2)
        self.predictor = parts.sequential(network, layers, weights)
        self.model = parts.with_masks(network, layers) if network.has_dropout else self.predictor
        rules.compile_model(self.model, training)

    def load(self, source: DataSource) -> None:
        """Keep all rows on the host, where tf.data works; a GPU receives each batch."""
        inputs, given = source.arrays()
        targets = rules.prepared(given, self.loss, self.predictor.output_shape[1])
        self.inputs = inputs.astype(self.target.dtype)
        self.targets = targets if targets.dtype.kind == "i" else targets.astype(self.inputs.dtype)

    def train(self, batches: Batches) -> None:
        """Fit one epoch of exactly these batches."""
        inputs, targets = self.inputs[batches.order], self.targets[batches.order]
        masks = [mask.astype(inputs.dtype) for mask in batches.masks if mask is not None]
        with parts.device(self.target):
            dataset = parts.batched((inputs, *masks) if masks else inputs, targets)
            self.history = self.model.fit(dataset, shuffle=False, verbose=0).history

    def losses(self) -> Array:
        """Return the mean loss of the latest call: (1,)."""
        return np.array(self.history.get(rules.WITHOUT_PENALTY, self.history["loss"]))

    def predict(self, rows: NDArray[np.int32]) -> Array:
        """Return the outputs of the linear head; predict itself sets up a pipeline per call."""
        with parts.device(self.target):
            return self.predictor.predict_on_batch(self.inputs[rows])

    def weights(self) -> Weights:
        """Return copies."""
        return [Layer(*layer.get_weights()) for layer in self.predictor.layers]

    def sync(self) -> None:
        """Wait for the last update; `fit` itself waits for no more than the losses."""
        if self.target.device == "cuda":
            tf.test.experimental.sync_devices()

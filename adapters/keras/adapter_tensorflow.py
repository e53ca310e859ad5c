"""Keras 3 on TensorFlow: a model, compile and fit; or the same model in an own loop.

Each call hands fit ready batches as a dataset: 0.25 ms per step of digits; from arrays 1.1 to 1.6.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from samenet.adapter import Batches, Capabilities, DataSource, Target
from samenet.adapters.keras import precision
from samenet.adapters.keras.loop_tensorflow import GraphProgram
from samenet.adapters.keras.precision import scope
from samenet.adapters.keras.program import (
    FitProgram,
    KerasProgram,
    build_from,
    offered_capabilities,
)

ADAPTER = {
    "name": "keras",
    "title": "Keras",
    "modes": {
        "fit": {
            "default": True,
            "compiler": "",  # its own choice: XLA on a GPU, none on a CPU
            "why": "fit on ready batches, all steps in one execution; one fit per epoch",
            "source": "https://keras.io/api/models/model_training_apis/#compile-method",
        },
        "native": {
            "losses_per": "step",
            "compiler": "",  # XLA, but for convolutions on a CPU
            "counts_compilations": True,
            "why": "the guide's own loop, all its steps in one tf.function on resident tensors",
            "source": "https://keras.io/guides/writing_a_custom_training_loop_in_tensorflow/",
        },
    },
    "imports": ["keras"],
    "distributions": ["keras", "tensorflow"],
    "extra": "keras",
    "environment": {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"},
    "keeps_out": ["jax"],  # loaded where it is installed, and not needed
    # there for samenet, or for others, and loaded if it is there
    "import_without": ["sklearn", "pandas", "matplotlib", "PIL", "scipy", "psutil", "IPython"],
    "quickstart": "quickstart.py",
    "predictors": "predict.py",
    "offers": ["gpu", "autodiff", "sklearn-api", "export"],
    "order": 40,
    "color": "#e43087",
}


def capabilities() -> Capabilities:
    """Everything, in Keras' own forms; fit reports the mean loss of a call."""
    return offered_capabilities(
        precision.rounded_constants(), cuda=bool(tf.config.list_physical_devices("GPU"))
    )


def wake(target: Target) -> None:
    """Fix threads and full float32 products before the first operation, then multiply once."""
    tf.config.threading.set_intra_op_parallelism_threads(target.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_tensor_float_32_execution(target.precision == "tf32")
    with precision.scope(target):
        keras.ops.matmul(tf.ones((8, 8)), tf.ones((8, 8))).numpy()


def read_back(program: KerasProgram, target: Target) -> dict[str, str | int | float]:
    """Return what Keras and TensorFlow say is in force."""
    with precision.scope(target):
        return {
            **program.compilations(),
            "threads": tf.config.threading.get_intra_op_parallelism_threads(),
            "device": program.model.variables[0].value.device,
            "dtype": keras.config.floatx(),
            "backend": keras.config.backend(),
            "TF32": str(tf.config.experimental.tensor_float_32_execution_enabled()),
            "compiler": program.compiler(),
        }


HOST = "/CPU:0"


class DatasetProgram(FitProgram):
    """Each call is a dataset of its batches, gathered by TensorFlow: of arrays it makes a copy."""

    def load(self, source: DataSource) -> None:
        """Keep all rows on the host, where a dataset hands them over from, as tensors."""
        super().load(source)
        with tf.device(HOST):
            self.inputs, self.targets = tf.constant(self.inputs), tf.constant(self.targets)

    def fit(self, batches: Batches) -> keras.callbacks.History:
        """Fit the batches; a GPU receives each of them."""
        masks = self.masks(batches)
        with tf.device(HOST):
            rows = tf.constant(batches.order)
            inputs, targets = (tf.gather(values, rows) for values in (self.inputs, self.targets))
            dataset = as_dataset((inputs, *masks) if masks else inputs, targets)
        return self.model.fit(dataset, shuffle=False, verbose=0)

    def predict(self, rows: NDArray[np.int32]) -> Any:
        """Return the outputs of the linear head; predict itself sets up a pipeline per call."""
        with scope(self.target):
            return self.predictor.predict_on_batch(tf.gather(self.inputs, rows))

    def sync(self) -> None:
        """Wait for the last update; `fit` itself waits for no more than the losses."""
        if self.target.device == "cuda":
            tf.test.experimental.sync_devices()


def as_dataset(inputs: Any, targets: tf.Tensor) -> tf.data.Dataset:
    """Return the batches as a dataset; they are ready, so one thread and no tuning suffice."""
    options = tf.data.Options()
    options.threading.private_threadpool_size = 1
    options.autotune.enabled = False
    options.experimental_optimization.apply_default_optimizations = False
    return tf.data.Dataset.from_tensor_slices((inputs, targets)).with_options(options)


build = partial(build_from, {"fit": DatasetProgram, "native": GraphProgram})
own_fit = FitProgram.own_fit

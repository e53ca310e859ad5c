"""Keras 3 on JAX: a Sequential model, compile and fit; or the same model in one lax.scan."""

from __future__ import annotations

from typing import Any

import jax
import keras

from samenet.adapter import Batches, Capabilities, Target, Weights
from samenet.adapters import keras_jax_readings
from samenet.adapters import keras_precision as precision
from samenet.adapters import keras_training as rules
from samenet.adapters.keras_network import ACTIVATIONS
from samenet.adapters.keras_program import FitProgram, KerasProgram
from samenet.spec import Network
from samenet.training import TrainSpec

ADAPTER = {
    "name": "keras-jax",
    "title": "Keras on JAX",
    "default": False,
    "modes": {
        "fit": {
            "default": True,
            "compiler": "",  # its own choice, which is XLA
            "counts_compilations": True,
            "why": "fit on arrays, many steps in one execution: no callback between them",
            "source": "https://keras.io/api/models/model_training_apis/#compile-method",
        },
        "native": {
            "compiler": "xla",
            "counts_compilations": True,
            "why": "the guide's stateless step; one lax.scan runs all of them, state donated",
            "source": "https://keras.io/guides/writing_a_custom_training_loop_in_jax/",
        },
    },
    "imports": ["keras"],
    "distributions": ["keras", "jax", "jaxlib"],
    "extra": "keras-jax",
    "environment": {"KERAS_BACKEND": "jax"},
    "quickstart": "keras_quickstart.py",
    "predictors": "keras_predict.py",
    "offers": ["gpu", "autodiff", "sklearn-api", "export"],
    "order": 60,
    "color": "#0e6f00",
}


def capabilities() -> Capabilities:
    """Everything, in Keras' own forms; fit reports the mean loss of a call."""
    return Capabilities(
        devices=("cpu", "cuda") if has_cuda() else ("cpu",),
        dtypes=precision.offered(),
        activations=tuple(ACTIVATIONS),
        losses=tuple(rules.LOSSES),
        optimizers=rules.OPTIMIZERS,
        forms=rules.FORMS,
        losses_per="call",
        deviations=(precision.rounded_results(),),
    )


def has_cuda() -> bool:
    """Return whether JAX sees a CUDA device."""
    try:
        return bool(jax.devices("cuda"))
    except RuntimeError:
        return False


def wake(target: Target) -> None:
    """Ask for full float32 products, then multiply once; threads were fixed before the import."""
    tf32 = target.precision == "tf32"
    jax.config.update("jax_default_matmul_precision", "tensorfloat32" if tf32 else "highest")
    with precision.scope(target):
        small = keras.ops.ones((8, 8))
        jax.block_until_ready(keras.ops.matmul(small, small))


read_back = keras_jax_readings.read_back


def build(
    network: Network, training: TrainSpec, weights: Weights, *, target: Target, mode: str
) -> KerasProgram:
    """Return the program that starts from exactly these weights."""
    if mode == "native":
        from samenet.adapters.keras_jax_loop import ScanProgram

        return ScanProgram(network, training, weights, target)
    return ArraysProgram(network, training, weights, target)


own_fit = FitProgram.own_fit


class ArraysProgram(FitProgram):
    """Each call is arrays in the order of its batches.

    One step per execution takes 2.2 times as long, arrays of JAX 1.08 times; ready batches of a
    generator or PyDataset 0.98 and 0.95, which is within the noise.
    """

    def fit(self, batches: Batches) -> keras.callbacks.History:
        """Fit the rows one after the other."""
        size, rows = batches.order.shape[1], batches.order.ravel()
        masks = [mask.reshape(len(rows), -1) for mask in self.masks(batches)]
        inputs: Any = [self.inputs[rows], *masks] if masks else self.inputs[rows]
        return self.model.fit(inputs, self.targets[rows], batch_size=size, shuffle=False, verbose=0)

    def state(self) -> list[Any]:
        """Return the arrays of the model and of its optimiser."""
        return [v.value for v in (*self.model.variables, *self.model.optimizer.variables)]

    def compiler(self) -> str:
        """Return what Keras has chosen for the model."""
        return "xla" if self.model.jit_compile else "none"

    def sync(self) -> None:
        """Wait for the last update; `fit` itself waits for no more than the losses."""
        jax.block_until_ready(self.state())

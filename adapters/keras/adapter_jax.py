"""Keras 3 on JAX: a Sequential model, compile and fit; or the same model in one lax.scan."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any

import jax
import keras
from jax import monitoring

from samenet.adapter import NOT_READABLE, Batches, Capabilities, Target, threads_named
from samenet.adapters.keras import precision
from samenet.adapters.keras.loop_jax import ScanProgram
from samenet.adapters.keras.program import FitProgram, build_from, offered_capabilities

ADAPTER = {
    "name": "keras-jax",
    "title": "Keras on JAX",
    "default": False,
    "modes": {
        "fit": {
            "compiler": "",  # its own choice, which is XLA
            "counts_compilations": True,
            "why": "fit on arrays, many steps in one execution: no callback between them",
            "source": "https://keras.io/api/models/model_training_apis/#compile-method",
        },
        "native": {
            "losses_per": "step",
            "default": True,
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
    # there for samenet, or for others, and loaded if it is there
    "import_without": ["sklearn", "pandas", "matplotlib", "PIL", "psutil", "IPython", "requests"],
    "quickstart": "quickstart.py",
    "predictors": "predict.py",
    "offers": ["gpu", "autodiff", "sklearn-api", "export"],
    "order": 60,
    "color": "#0e6f00",
}


def capabilities() -> Capabilities:
    """Everything, in Keras' own forms; fit reports the mean loss of a call."""
    return offered_capabilities(
        precision.rounded_results(), precision.kinked_error(), cuda=has_cuda()
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


COMPILED = "/jax/core/compile/backend_compile_duration"
"""What JAX reports after every compilation, whoever asked for it: jax/_src/dispatch.py."""

reported: Counter[str] = Counter()
"""How often JAX has reported each event in this process.

JAX's own adapter counts in the same way; frameworks share no files, so that each stands alone.
"""


def count_event(event: str, duration_secs: float, **details: Any) -> None:
    """Count an event; JAX calls this: https://docs.jax.dev/en/latest/jax.monitoring.html."""
    del duration_secs, details
    reported[event] += 1


monitoring.register_event_duration_secs_listener(count_event)


def read_back(program: ArraysProgram | ScanProgram, target: Target) -> dict[str, str | int | float]:
    """Return what Keras and JAX say is in force, and what the program's own arrays and code say."""
    del target
    kernel = program.state()[0]
    (device,) = kernel.devices()
    return {
        "compilations": reported[COMPILED],
        "threads": threads_named("tf_XLAEigen") or NOT_READABLE,
        "device": f"{device.platform}:{device.id}",
        "dtype": str(kernel.dtype),
        "backend": keras.config.backend(),
        "matmul precision": str(jax.config.values["jax_default_matmul_precision"]),
        "compiler": program.compiler(),
    }


class ArraysProgram(FitProgram):
    """Each call is arrays in the order of its batches.

    One step per execution takes 2.2 times as long, arrays of JAX 1.08 times; ready batches of a
    generator or PyDataset 0.98 and 0.95, which is within the noise.
    """

    def fit(self, batches: Batches) -> keras.callbacks.History:
        """Fit the rows one after the other."""
        rows = batches.order.ravel()
        masks = [mask.reshape(len(rows), *mask.shape[2:]) for mask in self.masks(batches)]
        inputs: Any = [self.inputs[rows], *masks] if masks else self.inputs[rows]
        return self.model.fit(
            inputs,
            self.targets[rows],
            batch_size=batches.order.shape[1],
            shuffle=False,
            verbose=0,
        )

    def state(self) -> list[Any]:
        """Return the arrays of the model and of its optimiser."""
        return [v.value for v in (*self.model.variables, *self.model.optimizer.variables)]

    def sync(self) -> None:
        """Wait for the last update; `fit` itself waits for no more than the losses."""
        jax.block_until_ready(self.state())


build = partial(build_from, {"fit": ArraysProgram, "native": ScanProgram})
own_fit = FitProgram.own_fit

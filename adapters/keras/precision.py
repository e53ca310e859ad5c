"""Where Keras computes and how precisely, on any backend, and what it does otherwise there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras

from samenet.adapter import Deviation, Dtype, Target
from samenet.spec import Forms


def place_of(target: Target) -> str:
    """Return what Keras calls the target's device."""
    return f"gpu:{target.index}" if target.device == "cuda" else "cpu"


@contextmanager
def scope(target: Target) -> Iterator[None]:
    """Place variables and operations on the target's device, and compute in its precision."""
    set_precision(target.dtype)
    with keras.device(place_of(target)):
        yield


def set_precision(dtype: Dtype) -> None:
    """Set the precision of losses and that of layers, which keeps its first value otherwise."""
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)
    if keras.config.backend() != "tensorflow":
        promotions()["float64"] = dtype
    if keras.config.backend() == "jax":
        import jax

        jax.config.update("jax_enable_x64", dtype == "float64")


def promotions() -> dict[str, str]:
    """Return Keras' table of what replaces a 64-bit dtype; an empty one where it has gone.

    On PyTorch and JAX, Keras makes float32 of every float64 that an operation gives. For the proofs
    in float64, and only while they run, that entry is another one: nothing that is timed is.
    """
    try:
        from keras.src.backend.common.dtypes import BIT64_TO_BIT32_DTYPE
    except ImportError:
        return {}
    return BIT64_TO_BIT32_DTYPE


def offered_precisions() -> tuple[Dtype, ...]:
    """Return the precisions that all of a training can be computed in."""
    whole = keras.config.backend() == "tensorflow" or "float64" in promotions()
    return ("float32", "float64") if whole else ("float32",)


def forms(deviations: Sequence[Deviation]) -> Forms:
    """Return Keras' forms here: its own everywhere, and what this backend was found to do."""
    declared = {name: DECLARED[name] for each in deviations if each.present for name in each.forms}
    return FORMS.model_copy(update=declared)


FORMS = Forms(
    adam="epsilon_hat",
    momentum="rate_inside",
    rmsprop="epsilon_inside",
    adagrad="epsilon_inside",
    clipping="exact",
)
DECLARED: dict[str, Any] = {
    "rounded": ("bias_correction", "momentum", "weight_decay", "l2", "initial_accumulator"),
    "absolute_error_at_0": "left",
}
"""Every constant that goes through `ops.cast`; the others meet a tensor, whose dtype they take."""


def rounded_results() -> Deviation:
    """Return what Keras does on PyTorch and JAX, probed before anything changes it."""
    return Deviation(
        what="its operations give float32 for float64; only the proofs in float64 change that",
        link="https://github.com/keras-team/keras/blob/master/keras/src/backend/common/dtypes.py",
        present=keras.backend.result_type("float64") == "float32",
    )


def kinked_error() -> Deviation:
    """Return what Keras' absolute error does on JAX, probed at an exact hit."""
    import jax

    slope = jax.grad(lambda z: keras.ops.abs(0.0 - z))(0.0)
    return Deviation(
        what="at an exact hit its absolute error has the slope -1, not 0",
        link="https://github.com/keras-team/keras/blob/master/keras/src/losses/losses.py",
        present=float(slope) == -1.0,
        forms=("absolute_error_at_0",),
    )


def rounded_constants() -> Deviation:
    """Return what Keras does on TensorFlow, probed on a graph that is never run."""
    import tensorflow as tf

    with tf.Graph().as_default():
        found = tf.get_static_value(keras.ops.cast(0.999, "float64"))
    return Deviation(
        what="in float64 its optimisers round their constants to float32; powers of 2 stay exact",
        link="https://github.com/keras-team/keras/blob/master/keras/src/optimizers/adam.py",
        present=found != 0.999,
        forms=("rounded",),
    )

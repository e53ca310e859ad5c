"""TensorFlow: the module called operation by operation, and as one function per shape.

That is compiled by XLA, but with convolutions: those of TensorFlow's own graph take half the time
(0.41 to 0.44 for 32 and 512 images 28 x 28, two convolutions).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import tensorflow as tf

from samenet.adapter import Array, Target
from samenet.adapters.tensorflow.network import TensorFlowProgram

PREDICT = {
    "usual": {
        "why": "a tf.Module called on a tensor, as in the guide",
        "source": "https://www.tensorflow.org/guide/intro_to_modules",
    },
    "fast": {
        "why": "one concrete function per number of rows, compiled by XLA unless it convolves",
        "source": "https://www.tensorflow.org/guide/function#obtaining_concrete_functions",
    },
}


def predictors(program: TensorFlowProgram, target: Target) -> dict[str, Callable[[Array], Array]]:
    """Return both ways."""
    del target
    model = program.model
    xla = not program.has_convolutions
    # a lambda: to bind a method, and its default masks, costs 0.3 ms in every call
    compiled = tf.function(lambda rows: model(rows, xla=xla), jit_compile=xla)

    @cache
    def of_shape(shape: tuple[int, ...]) -> Callable[[tf.Tensor], tf.Tensor]:
        return compiled.get_concrete_function(tf.TensorSpec(shape, program.inputs_dtype))

    def usual(inputs: Array) -> Array:
        with tf.device(program.device):
            return model(tf.constant(inputs)).numpy()

    def fast(inputs: Array) -> Array:
        with tf.device(program.device):
            return of_shape(inputs.shape)(tf.constant(inputs)).numpy()

    return {"usual": usual, "fast": fast}

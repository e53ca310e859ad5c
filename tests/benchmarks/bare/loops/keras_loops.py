"""Bare Keras on TensorFlow: fit on ready batches, and the guide's loop inside one tf.function."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf
from case import Array, Bare, Case, nothing
from keras_model import compiled, loss, sequential

LOOPS = {"keras:fit": "fit", "keras:native": "native"}
WHOLE_FITS = {"keras:fit": "whole_fit"}


def fit(case: Case) -> Bare:
    """One fit per pass; the batches are ready, so the pipeline needs no threads and no tuning."""
    model = compiled(case, steps=256)
    options = tf.data.Options()
    options.threading.private_threadpool_size = 1
    options.autotune.enabled = False
    options.experimental_optimization.apply_default_optimizations = False
    losses = [np.nan]

    def train(order: Array) -> None:
        batches = tf.data.Dataset.from_tensor_slices((case.inputs[order], case.targets[order]))
        ran = model.fit(batches.with_options(options), shuffle=False, verbose=0)
        losses[:] = ran.history["loss"]

    return Bare(train, nothing, lambda: losses, model.get_weights)


def native(case: Case) -> Bare:
    """All steps of a call in one graph, compiled by XLA."""
    model, loss_of = sequential(case), loss()
    optimizer, variables = keras.optimizers.SGD(case.rate), model.trainable_variables
    optimizer.build(variables)
    inputs, targets = tf.constant(case.inputs), tf.constant(case.targets)
    results = [tf.zeros(0)]

    @tf.function(jit_compile=True)
    def steps(inputs: tf.Tensor, targets: tf.Tensor, order: tf.Tensor) -> tf.Tensor:
        losses = tf.TensorArray(tf.float32, size=order.shape[0])
        for i in tf.range(order.shape[0]):
            x, y = tf.gather(inputs, order[i]), tf.gather(targets, order[i])
            with tf.GradientTape() as tape:
                value = loss_of(y, model(x, training=True))
            optimizer.apply(tape.gradient(value, variables), variables)
            losses = losses.write(i, value)
        return losses.stack()

    def train(order: Array) -> None:
        results[0] = steps(inputs, targets, tf.constant(order))

    return Bare(train, nothing, lambda: np.array(results[0]), model.get_weights)


def whole_fit(case: Case) -> Callable[[int], object]:
    """Return what does as many passes in one fit of its own on arrays, shuffled by itself."""
    model = compiled(case, steps=len(case.inputs) // case.batch_size)
    given = {"batch_size": case.batch_size, "verbose": 0}
    return lambda passes: model.fit(case.inputs, case.targets, epochs=passes, **given)

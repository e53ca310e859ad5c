"""Bare Keras on TensorFlow: fit on a dataset of ready batches, all steps in one execution."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf
from case import Array, Bare, Case, nothing

LOOPS = {"keras:fit": "fit"}
WHOLE_FITS = {"keras:fit": "whole_fit"}


def compiled(case: Case, steps: int) -> keras.Model:
    """Return the model as Keras users write it, with the weights given."""
    widths = [len(bias) for _, bias in case.weights]
    model = keras.Sequential([keras.Input((case.inputs.shape[1],))])
    for width in widths[:-1]:
        model.add(keras.layers.Dense(width, activation="relu"))
    model.add(keras.layers.Dense(widths[-1]))
    model.set_weights([part for pair in case.weights for part in pair])
    model.compile(
        optimizer=keras.optimizers.SGD(case.rate),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        steps_per_execution=steps,
    )
    return model


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


def whole_fit(case: Case) -> Callable[[int], object]:
    """Return what does as many passes in one fit of its own on arrays, shuffled by itself."""
    model = compiled(case, steps=len(case.inputs) // case.batch_size)
    given = {"batch_size": case.batch_size, "verbose": 0}
    return lambda passes: model.fit(case.inputs, case.targets, epochs=passes, **given)

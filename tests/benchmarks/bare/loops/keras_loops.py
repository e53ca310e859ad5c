"""Bare Keras on TensorFlow: fit on ready batches, and the guide's loop inside one tf.function.

Tried for fit and not faster; shares of the best form's time, S / M: a generator of the same batches
4.5 / 3.3, batches cut by the dataset 1.2 / 1.2, the guide's own train_step 1.0 / 1.0, arrays
instead of tensors 1.07 / 1.09, 32 steps in an execution 1.15 / 1.0. Tried for native: batches
gathered first, layers called in turn and the loss's `call`: all 1.0 / 1.0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from case import Array, Bare, Case, nothing
from keras_model import compiled, loss, optimizer, sequential

LOOPS = {
    "keras:fit": {
        "ready batches": {},
        "ready batches, tensors": {"tensors": True},
    },
    "keras:native": {
        "model(x), XLA": {},
        "layers in turn, loss.call, XLA": {"layers": True, "call": True},
        "tf.while_loop, XLA": {"while_loop": True},
    },
}
BESIDE = {
    "keras:fit": {
        "ready batches, tensors, jit_compile=True": {"tensors": True, "jit_compile": True}
    },
    "keras:native": {"model(x), no XLA": {"jit_compile": False}},
}
"""Measured, not compared: whether XLA compiles makes two modes of TensorFlow's, too. Keras' own
choice for fit on a CPU is without; XLA pays in the steps of small networks, not in a training."""

SLOWER = {
    "keras:fit": {
        "ready batches, own train_step": {"own_step": True},
        "ready batches, 32 steps an execution": {"steps": 32},
        "batches cut by the dataset": {"cut": True},
    },
    "keras:native": {
        "layers in turn, XLA": {"layers": True},
        "batches gathered first, XLA": {"gathered": True},
    },
}
"""Tried, never the fastest: measured with --all-forms."""
WHOLE_FITS = {"keras:fit": "whole_fit"}


class OwnStep(keras.Sequential):
    """The guide's train_step: https://keras.io/guides/custom_train_step_in_tensorflow/."""

    def train_step(self, data: Any) -> dict[str, Any]:
        """Take one step."""
        x, y = data
        with tf.GradientTape() as tape:
            value = self.compute_loss(y=y, y_pred=self(x, training=True))
        variables = self.trainable_variables
        self.optimizer.apply(tape.gradient(value, variables), variables)
        for metric in self.metrics:
            metric.update_state(value)
        return {metric.name: metric.result() for metric in self.metrics}


def fit(
    case: Case,
    *,
    own_step: bool = False,
    jit_compile: bool | str = "auto",
    steps: int = 256,
    cut: bool = False,
    tensors: bool = False,
) -> Bare:
    """One fit per pass; the batches are ready, so the pipeline needs no threads and no tuning."""
    kind = OwnStep if own_step else keras.Sequential
    model = compiled(case, kind, steps_per_execution=steps, jit_compile=jit_compile)
    options = tf.data.Options()
    options.threading.private_threadpool_size = 1
    options.autotune.enabled = False
    options.experimental_optimization.apply_default_optimizations = False
    losses = [np.nan]
    data = case.inputs, case.targets
    resident = tuple(map(tf.constant, data))

    def batches(order: Array) -> tf.data.Dataset:
        if cut:
            rows = order.ravel()
            whole = tf.data.Dataset.from_tensor_slices(tuple(values[rows] for values in data))
            return whole.batch(order.shape[1], drop_remainder=True)
        if tensors:
            rows = tf.constant(order)
            return tf.data.Dataset.from_tensor_slices(
                tuple(tf.gather(values, rows) for values in resident)
            )
        return tf.data.Dataset.from_tensor_slices(tuple(values[order] for values in data))

    def train(order: Array) -> None:
        given = batches(order).with_options(options)
        losses[:] = model.fit(given, shuffle=False, verbose=0).history["loss"]

    return Bare(train, nothing, lambda: losses, model.get_weights)


def native(
    case: Case,
    *,
    jit_compile: bool = True,
    layers: bool = False,
    call: bool = False,
    gathered: bool = False,
    while_loop: bool = False,
) -> Bare:
    """All steps of a call in one graph, compiled by XLA unless a form says otherwise."""
    model, loss_of, rule = sequential(case), loss(), optimizer(case)
    variables = model.trainable_variables
    rule.build(variables)
    data = tf.constant(case.inputs), tf.constant(case.targets)
    results = [tf.zeros(0)]

    def outputs(x: tf.Tensor) -> tf.Tensor:
        if not layers:
            return model(x, training=True)
        for layer in model.layers:
            x = layer(x)
        return x

    def step(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            z = outputs(x)
            value = tf.reduce_mean(loss_of.call(y, z)) if call else loss_of(y, z)
        rule.apply(tape.gradient(value, variables), variables)
        return value

    def over_range(inputs: tf.Tensor, targets: tf.Tensor, order: tf.Tensor) -> tf.Tensor:
        losses = tf.TensorArray(tf.float32, size=order.shape[0])
        if gathered:
            inputs, targets = tf.gather(inputs, order), tf.gather(targets, order)
        for i in tf.range(order.shape[0]):
            if gathered:
                value = step(inputs[i], targets[i])
            else:
                value = step(tf.gather(inputs, order[i]), tf.gather(targets, order[i]))
            losses = losses.write(i, value)
        return losses.stack()

    def in_while_loop(inputs: tf.Tensor, targets: tf.Tensor, order: tf.Tensor) -> tf.Tensor:
        def body(i: Any, losses: Any) -> Any:
            value = step(tf.gather(inputs, order[i]), tf.gather(targets, order[i]))
            return i + 1, losses.write(i, value)

        steps = order.shape[0]
        start = tf.constant(0), tf.TensorArray(tf.float32, size=steps)
        return tf.while_loop(lambda i, _: i < steps, body, start, maximum_iterations=steps)[
            1
        ].stack()

    steps = tf.function(in_while_loop if while_loop else over_range, jit_compile=jit_compile)

    def train(order: Array) -> None:
        results[0] = steps(*data, tf.constant(order))

    return Bare(train, nothing, lambda: np.array(results[0]), model.get_weights)


def whole_fit(case: Case) -> Callable[[int], object]:
    """Return what does as many passes in one fit of its own on arrays, shuffled by itself."""
    model = compiled(case, steps_per_execution=len(case.inputs) // case.batch_size)
    given = {"batch_size": case.batch_size, "verbose": 0}
    return lambda passes: model.fit(case.inputs, case.targets, epochs=passes, **given)

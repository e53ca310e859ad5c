"""How a Keras model is trained: its loss, its optimiser, the rate of every step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from samenet.adapter import Array
from samenet.adapter.schedules import learning_rates
from samenet.spec import SGD, Adagrad, AdamConstants, Loss, RMSprop, TrainSpec

LOSSES = {
    "binary_cross_entropy": keras.losses.BinaryCrossentropy,
    "categorical_cross_entropy": keras.losses.CategoricalCrossentropy,
    "sparse_categorical_cross_entropy": keras.losses.SparseCategoricalCrossentropy,
    "mean_squared_error": keras.losses.MeanSquaredError,
    "mean_absolute_error": keras.losses.MeanAbsoluteError,
    "huber": keras.losses.Huber,
}
WITHOUT_PENALTY = "loss_without_penalty"
STEPS_MAX = 256  # of one execution; it ends with the batches, so shorter calls share the graph


def compile_model(
    model: keras.Model, training: TrainSpec, undecayed: Sequence[keras.Variable]
) -> None:
    """Choose loss and optimiser; with a penalty, a metric reports the loss without it.

    PyTorch's fit knows no execution of several steps: Keras refuses more than one.
    """
    loss = loss_of(training.loss)
    without = keras.metrics.MeanMetricWrapper
    model.compile(
        optimizer=optimizer_of(training, undecayed),
        loss=loss,
        metrics=[without(loss, name=WITHOUT_PENALTY)] if training.optimizer.l2 else None,
        steps_per_execution=1 if keras.config.backend() == "torch" else STEPS_MAX,
    )


def prepare_targets(targets: Array, spec: Loss, outputs: int) -> Array:
    """Return what Keras' loss takes: its sparse one smooths no labels, so numbers become rows."""
    if spec.name == "sparse_categorical_cross_entropy" and spec.label_smoothing:
        return keras.utils.to_categorical(targets, outputs)
    return targets


def loss_of(spec: Loss) -> keras.losses.Loss:
    """Return Keras' loss; it keeps the precision that is set when it is made."""
    if spec.name == "huber":
        return keras.losses.Huber(delta=spec.delta)
    if not spec.name.endswith("cross_entropy"):
        return LOSSES[spec.name]()
    if not spec.label_smoothing:
        return LOSSES[spec.name](from_logits=True)
    kind = LOSSES[spec.name.removeprefix("sparse_")]
    return kind(from_logits=True, label_smoothing=spec.label_smoothing)


class RateTable(keras.optimizers.schedules.LearningRateSchedule):
    """The learning rate of every step; after the last one it holds its value."""

    def __init__(self, rates: NDArray[np.float64]) -> None:
        """Keep the table as one tensor, to which graphs refer."""
        self.rates = keras.ops.convert_to_tensor(rates, keras.config.floatx())

    def __call__(self, step: Any) -> Any:
        """Return the rate of the step, counted from 0."""
        return keras.ops.take(self.rates, keras.ops.minimum(step, len(self.rates) - 1))


def class_of(name: str) -> type[keras.optimizers.Optimizer]:
    """Return Keras' class; on TensorFlow, with the gradient of an embedding added up first.

    There it holds one row for each time a token occurs. Adam, RMSprop and Adagrad square these rows
    before they are added, and clipping takes their squares for the norm: other formulas than Keras'
    own on PyTorch and JAX, and a first step of Adam that is sqrt(n) times too long for n times.
    """
    usual: type[keras.optimizers.Optimizer] = getattr(keras.optimizers, name)
    if keras.config.backend() != "tensorflow":
        return usual
    import tensorflow as tf

    class Whole(usual):
        """Keras' optimiser; all gradients are tensors."""

        def apply(self, grads: Any, trainable_variables: Any = None) -> None:
            """Add up what belongs to one row, and apply."""
            super().apply([tf.convert_to_tensor(g) for g in grads], trainable_variables)

    return Whole


def sgd(spec: SGD, **shared: Any) -> keras.optimizers.Optimizer:
    """Return Keras' SGD."""
    return class_of("SGD")(momentum=spec.momentum, nesterov=spec.nesterov, **shared)


def adam(spec: AdamConstants, **shared: Any) -> keras.optimizers.Optimizer:
    """Return Keras' Adam."""
    return class_of("Adam")(beta_1=spec.beta1, beta_2=spec.beta2, epsilon=spec.epsilon, **shared)


def adamw(spec: AdamConstants, **shared: Any) -> keras.optimizers.Optimizer:
    """Return Keras' AdamW."""
    return class_of("AdamW")(beta_1=spec.beta1, beta_2=spec.beta2, epsilon=spec.epsilon, **shared)


def rmsprop(spec: RMSprop, **shared: Any) -> keras.optimizers.Optimizer:
    """Return Keras' RMSprop."""
    return class_of("RMSprop")(rho=spec.rho, epsilon=spec.epsilon, **shared)


def adagrad(spec: Adagrad, **shared: Any) -> keras.optimizers.Optimizer:
    """Return Keras' Adagrad."""
    return class_of("Adagrad")(
        initial_accumulator_value=spec.initial_accumulator, epsilon=spec.epsilon, **shared
    )


OPTIMIZERS: dict[str, Callable[..., keras.optimizers.Optimizer]] = {
    "sgd": sgd,
    "adam": adam,
    "adamw": adamw,
    "rmsprop": rmsprop,
    "adagrad": adagrad,
}


def optimizer_of(
    training: TrainSpec, undecayed: Sequence[keras.Variable]
) -> keras.optimizers.Optimizer:
    """Return Keras' optimiser with every constant from the spec; some variables do not decay."""
    spec = training.optimizer
    rates = learning_rates(training)
    made = OPTIMIZERS[spec.name](
        spec,
        learning_rate=RateTable(rates) if len(rates) > 1 else float(rates[0]),
        weight_decay=spec.weight_decay or None,
        global_clipnorm=spec.clip_norm,
    )
    made.exclude_from_weight_decay(var_list=undecayed)
    return made

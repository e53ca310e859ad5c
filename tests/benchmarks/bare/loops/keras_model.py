"""The bare loops' Keras model, the same on every backend."""

from __future__ import annotations

from typing import Any

import keras
from case import Case


def sequential(case: Case, kind: type[keras.Sequential] = keras.Sequential) -> keras.Sequential:
    """Return it with the weights given."""
    widths = [len(bias) for _, bias in case.weights]
    layers = [keras.layers.Dense(width, activation="relu") for width in widths[:-1]]
    head = keras.layers.Dense(widths[-1])
    model = kind([keras.Input((case.inputs.shape[1],)), *layers, head])
    model.set_weights([part for pair in case.weights for part in pair])
    return model


def loss() -> keras.losses.Loss:
    """Return softmax cross entropy of class numbers."""
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def optimizer(case: Case) -> keras.optimizers.Optimizer:
    """Return SGD or Adam."""
    if case.adam is None:
        return keras.optimizers.SGD(case.rate)
    beta1, beta2, epsilon = case.adam
    return keras.optimizers.Adam(case.rate, beta_1=beta1, beta_2=beta2, epsilon=epsilon)


def compiled(
    case: Case, kind: type[keras.Sequential] = keras.Sequential, **given: Any
) -> keras.Sequential:
    """Return the model ready to fit."""
    model = sequential(case, kind)
    model.compile(optimizer=optimizer(case), loss=loss(), **given)
    return model

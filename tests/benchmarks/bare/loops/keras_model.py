"""The model as Keras users write it, for any backend."""

from __future__ import annotations

import keras
from case import Case


def sequential(case: Case) -> keras.Sequential:
    """Return it with the weights given."""
    widths = [len(bias) for _, bias in case.weights]
    model = keras.Sequential([keras.Input((case.inputs.shape[1],))])
    for width in widths[:-1]:
        model.add(keras.layers.Dense(width, activation="relu"))
    model.add(keras.layers.Dense(widths[-1]))
    model.set_weights([part for pair in case.weights for part in pair])
    return model


def loss() -> keras.losses.Loss:
    """Return softmax cross entropy of class numbers."""
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def compiled(case: Case, steps: int) -> keras.Sequential:
    """Return the model ready to fit, with so many steps in one execution."""
    model = sequential(case)
    optimizer = keras.optimizers.SGD(case.rate)
    model.compile(optimizer=optimizer, loss=loss(), steps_per_execution=steps)
    return model

"""Keras' first documented example: "Introduction to Keras for engineers", on any backend.

keras.io's "Getting started" sends engineers there. The page classifies images; it is followed for
every kind of task, with the loss that keras.io's API pages name for it. Not the page's own: our
data (already standardised) and layers. Its checkpoints of every epoch are left out.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import keras
import numpy as np

from samenet.adapter import Array, QuickStartData
from samenet.spec import Network, TrainSpec

PAGES = {
    "multiclass": {
        "page": "https://keras.io/getting_started/intro_to_keras_for_engineers/",
        "read": "2026-11-30",
        "batch_size": 128,
        "updates": 7980,
        "training": "20 epochs of 51,000 rows, batches of 128; fewer if the loss of 15 % of the "
        "rows, held back, has not improved for 2 epochs",
        "optimizer": "Adam: rate 0.001, betas 0.9 and 0.999, epsilon 1e-7 (epsilon-hat form)",
        "initializer": "Dense's own: Glorot uniform kernels, zero biases",
        "shuffling": "fit's default: all rows, anew in every epoch",
        "loss": "sparse categorical cross entropy of softmax outputs",
    },
    "binary": {
        "page": "https://keras.io/getting_started/intro_to_keras_for_engineers/",
        "loss page": "https://keras.io/api/losses/probabilistic_losses/#binarycrossentropy-class",
        "read": "2026-11-30",
        "batch_size": 128,
        "updates": 7980,
        "training": "20 epochs of 51,000 rows, batches of 128; fewer if the loss of 15 % of the "
        "rows, held back, has not improved for 2 epochs",
        "optimizer": "Adam: rate 0.001, betas 0.9 and 0.999, epsilon 1e-7 (epsilon-hat form)",
        "initializer": "Dense's own: Glorot uniform kernels, zero biases",
        "shuffling": "fit's default: all rows, anew in every epoch",
        "loss": "binary cross entropy of a sigmoid output",
    },
    "regression": {
        "page": "https://keras.io/getting_started/intro_to_keras_for_engineers/",
        "loss page": "https://keras.io/api/losses/regression_losses/#meansquarederror-class",
        "read": "2026-11-30",
        "batch_size": 128,
        "updates": 7980,
        "training": "20 epochs of 51,000 rows, batches of 128; fewer if the loss of 15 % of the "
        "rows, held back, has not improved for 2 epochs",
        "optimizer": "Adam: rate 0.001, betas 0.9 and 0.999, epsilon 1e-7 (epsilon-hat form)",
        "initializer": "Dense's own: Glorot uniform kernels, zero biases",
        "shuffling": "fit's default: all rows, anew in every epoch",
        "loss": "mean squared error",
    },
}


def quickstart(
    network: Network, training: TrainSpec, data: QuickStartData, *, seed: int
) -> KerasQuickStart:
    """Return the example with its own random weights and order."""
    set_seed(seed)
    return KerasQuickStart(network, training.batch_size, data)


def set_seed(seed: int) -> None:
    """Fix what initial weights and order are drawn from.

    Keras' own set_random_seed imports TensorFlow wherever that is installed: seconds that would be
    counted as training on PyTorch or JAX.
    """
    if keras.config.backend() == "tensorflow":
        keras.utils.set_random_seed(seed)
        return
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - what Keras draws from
    if keras.config.backend() == "torch":
        import torch

        torch.manual_seed(seed)


class KerasQuickStart:
    """The page's model, compile and fit."""

    def __init__(self, network: Network, batch_size: int, data: QuickStartData) -> None:
        """Stack the layers and compile them."""
        self.data = data
        self.batch_size = batch_size
        links = {"multiclass": "softmax", "binary": "sigmoid", "regression": "linear"}
        names = [place.activation.name for place in network.places[:-1]]
        self.model = keras.Sequential([keras.layers.Input(shape=network.input_shape)])
        for place, name in zip(network.places, [*names, links[data.kind]], strict=True):
            activation = name.replace("identity", "linear")
            self.model.add(keras.layers.Dense(place.outputs[-1], activation=activation))
            if place.dropout:
                self.model.add(keras.layers.Dropout(place.dropout))
        adam = keras.optimizers.Adam(learning_rate=1e-3)
        if data.kind == "multiclass":
            accuracy = keras.metrics.SparseCategoricalAccuracy(name="acc")
            loss = keras.losses.SparseCategoricalCrossentropy()
            self.model.compile(loss=loss, optimizer=adam, metrics=[accuracy])
        elif data.kind == "binary":
            accuracy = keras.metrics.BinaryAccuracy(name="acc")
            loss = keras.losses.BinaryCrossentropy()
            self.model.compile(loss=loss, optimizer=adam, metrics=[accuracy])
        else:
            self.model.compile(loss=keras.losses.MeanSquaredError(), optimizer=adam)

    def fit(self, epochs: int) -> Sequence[float]:
        """Train and return the loss that fit reports for every epoch it took."""
        history = self.model.fit(
            self.data.inputs,
            self.data.targets,
            batch_size=self.batch_size,
            epochs=epochs,
            validation_split=0.15,
            callbacks=[keras.callbacks.EarlyStopping(monitor="val_loss", patience=2)],
            verbose=0,
        )
        return history.history["loss"]

    def predict(self, inputs: Array) -> Array:
        """Return probabilities, or values of a regression."""
        return self.model.predict(inputs, verbose=0)

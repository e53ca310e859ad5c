"""Keras' first documented examples: Sequential, compile, fit.

On any backend the code is that of the pages. Not the pages' own: our data (already standardised),
layers, batch size and number of epochs; rows held back for validation are left out, as the test
rows of a task are elsewhere.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import keras
import numpy as np

from samenet.adapter import Array, QuickStartData
from samenet.adapters.keras.network import activation_of
from samenet.spec import Network, TrainSpec

PAGES = {
    "multiclass": {
        "page": "https://keras.io/getting_started/about/#first-contact-with-keras",
        "read": "2026-11-23",
        "optimizer": "'sgd': rate 0.01, no momentum",
        "initializer": "Dense's own: Glorot uniform kernels, zero biases",
        "shuffling": "fit's default: all rows, anew in every epoch",
        "loss": "categorical cross entropy of softmax outputs, one-hot targets",
    },
    "binary": {
        "page": "https://www.tensorflow.org/tutorials/load_data/pandas_dataframe",
        "read": "2026-11-23",
        "optimizer": "'adam': rate 0.001, betas 0.9 and 0.999, epsilon 1e-7 (epsilon-hat form)",
        "initializer": "Dense's own: Glorot uniform kernels, zero biases",
        "shuffling": "fit's default: all rows, anew in every epoch",
        "loss": "binary cross entropy, from logits",
    },
    "regression": {
        "page": "https://www.tensorflow.org/tutorials/keras/regression",
        "read": "2026-11-23",
        "optimizer": "Adam, rate 0.001 (without hidden layers 0.1), else as 'adam'",
        "initializer": "Dense's own: Glorot uniform kernels, zero biases",
        "shuffling": "fit's default: all rows, anew in every epoch",
        "loss": "mean absolute error",
    },
}


def quickstart(
    network: Network, training: TrainSpec, data: QuickStartData, *, seed: int
) -> KerasQuickStart:
    """Return the example with its own random weights and order."""
    seeded(seed)
    examples = {"multiclass": FirstContact, "binary": DataFrame, "regression": Regression}
    return examples[data.kind](network, training, data)


def seeded(seed: int) -> None:
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
    """What the examples share: a model, one fit, one predict."""

    output_activation: str | None = None

    def __init__(self, network: Network, training: TrainSpec, data: QuickStartData) -> None:
        """Stack the layers and compile them as the page does."""
        self.inputs = data.inputs
        self.targets = data.targets
        self.batch_size = training.batch_size
        self.model = keras.Sequential()
        for layer in network.layers[:-1]:
            activation = activation_of(layer.activation)
            self.model.add(keras.layers.Dense(units=layer.units, activation=activation))
            if layer.dropout:
                self.model.add(keras.layers.Dropout(layer.dropout))
        head = keras.layers.Dense(units=network.layers[-1].units, activation=self.output_activation)
        self.model.add(head)
        self.compile()

    def compile(self) -> None:
        """Choose loss and optimiser."""
        raise NotImplementedError

    def fit(self, epochs: int) -> Sequence[float]:
        """Train and return the loss that fit reports for every epoch."""
        history = self.model.fit(
            self.inputs, self.targets, epochs=epochs, batch_size=self.batch_size, verbose=0
        )
        return history.history["loss"]

    def predict(self, inputs: Array) -> Array:
        """Return what the model gives."""
        return self.model.predict(inputs, verbose=0)


class FirstContact(KerasQuickStart):
    """keras.io, "About Keras 3"."""

    output_activation = "softmax"

    def compile(self) -> None:
        """Choose the page's loss, which wants one-hot targets, and optimiser."""
        self.targets = keras.utils.to_categorical(self.targets, self.model.layers[-1].units)
        self.model.compile(loss="categorical_crossentropy", optimizer="sgd", metrics=["accuracy"])


class DataFrame(KerasQuickStart):
    """tensorflow.org, "Load a pandas DataFrame"."""

    def compile(self) -> None:
        """Choose the page's loss and optimiser."""
        loss = keras.losses.BinaryCrossentropy(from_logits=True)
        self.model.compile(optimizer="adam", loss=loss, metrics=["accuracy"])

    def predict(self, inputs: Array) -> Array:
        """Return probabilities."""
        return keras.ops.convert_to_numpy(keras.ops.sigmoid(super().predict(inputs)))


class Regression(KerasQuickStart):
    """tensorflow.org, "Basic regression: Predict fuel efficiency"."""

    def compile(self) -> None:
        """Choose the page's loss and the optimiser of its linear or its deep model."""
        rate = 0.001 if len(self.model.layers) > 1 else 0.1
        self.model.compile(
            loss="mean_absolute_error", optimizer=keras.optimizers.Adam(learning_rate=rate)
        )

"""TensorFlow's first documented example: "TensorFlow 2 quickstart for beginners", which is Keras.

It classifies; a regression follows the first regression of the same tutorials. Not the pages' own:
our data (already standardised) and layers; of a single neuron the rate is that of the regression
page's linear model. Whether rows are held back for validation is left to the task.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from samenet.adapter import Array, QuickStartData
from samenet.spec import Network, TrainSpec

PAGES = {
    "multiclass": {
        "page": "https://www.tensorflow.org/tutorials/quickstart/beginner",
        "read": "2026-11-30",
        "batch_size": 32,
        "updates": 9375,
        "training": "5 epochs of 60,000 rows, fit's default batches of 32",
        "optimizer": "'adam': rate 0.001, betas 0.9 and 0.999, epsilon 1e-7 (epsilon-hat form)",
        "initializer": "Dense's own: Glorot uniform kernels, zero biases",
        "shuffling": "fit's default: all rows, anew in every epoch",
        "loss": "sparse categorical cross entropy, from logits",
    },
    "binary": {
        "page": "https://www.tensorflow.org/tutorials/quickstart/beginner",
        "loss page": "https://www.tensorflow.org/api_docs/python/tf/keras/losses/BinaryCrossentropy",
        "read": "2026-11-30",
        "batch_size": 32,
        "updates": 9375,
        "training": "5 epochs of 60,000 rows, fit's default batches of 32",
        "optimizer": "'adam': rate 0.001, betas 0.9 and 0.999, epsilon 1e-7 (epsilon-hat form)",
        "initializer": "Dense's own: Glorot uniform kernels, zero biases",
        "shuffling": "fit's default: all rows, anew in every epoch",
        "loss": "binary cross entropy, from logits",
    },
    "regression": {
        "page": "https://www.tensorflow.org/tutorials/keras/regression",
        "read": "2026-11-23",
        "batch_size": 32,
        "updates": 800,
        "training": "100 epochs of 251 rows, fit's default batches of 32",
        "optimizer": "Adam, rate 0.001 (without hidden layers 0.1), else as 'adam'",
        "initializer": "Dense's own: Glorot uniform kernels, zero biases",
        "shuffling": "fit's default: all rows, anew in every epoch",
        "loss": "mean absolute error",
    },
}


def quickstart(
    network: Network, training: TrainSpec, data: QuickStartData, *, seed: int
) -> TensorFlowQuickStart:
    """Return the example with its own random weights and order."""
    tf.keras.utils.set_random_seed(seed)
    return TensorFlowQuickStart(network, training.batch_size, data)


class TensorFlowQuickStart:
    """The pages' model, compile and fit."""

    def __init__(self, network: Network, batch_size: int, data: QuickStartData) -> None:
        """Stack the layers and compile them."""
        self.data = data
        self.batch_size = batch_size
        layers = []
        for layer in network.places:
            name = layer.activation.name.replace("identity", "linear")
            layers.append(tf.keras.layers.Dense(layer.outputs[-1], activation=name))
            if layer.dropout:
                layers.append(tf.keras.layers.Dropout(layer.dropout))
        self.model = tf.keras.models.Sequential(layers)
        if data.kind == "regression":
            rate = 0.001 if len(network.layers) > 1 else 0.1
            adam = tf.keras.optimizers.Adam(learning_rate=rate)
            self.model.compile(loss="mean_absolute_error", optimizer=adam)
            return
        loss_fn = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        if data.kind == "binary":
            loss_fn = tf.keras.losses.BinaryCrossentropy(from_logits=True)
        self.model.compile(optimizer="adam", loss=loss_fn, metrics=["accuracy"])

    def fit(self, epochs: int) -> Sequence[float]:
        """Train and return the loss that fit reports for every epoch."""
        x, y = self.data.inputs, self.data.targets
        history = self.model.fit(x, y, batch_size=self.batch_size, epochs=epochs, verbose=0)
        return history.history["loss"]

    def predict(self, inputs: Array) -> Array:
        """Return probabilities, or values of a regression."""
        link = {"multiclass": tf.nn.softmax, "binary": tf.sigmoid, "regression": tf.identity}
        return link[self.data.kind](self.model.predict(inputs, verbose=0)).numpy()

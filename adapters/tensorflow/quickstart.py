"""TensorFlow's first documented examples without Keras: the "TensorFlow Core" guides.

Not the guides' own: our data (already standardised), layers, batch size and number of epochs.
Hidden layers of a binary or regression task are those of the guide to multilayer perceptrons.
"""

from __future__ import annotations

import tensorflow as tf

from samenet.adapter import Array, QuickStartData
from samenet.adapters.tensorflow.quickstart_model import MLP, Adam, descend
from samenet.spec import Network, TrainSpec

PAGES = {
    "multiclass": {
        "page": "https://www.tensorflow.org/guide/core/mlp_core",
        "read": "2026-11-23",
        "optimizer": "Adam written out: rate 0.001, betas 0.9 and 0.999, epsilon 1e-7",
        "initializer": "Xavier uniform kernels, zero biases",
        "shuffling": "none",
        "loss": "mean of tf.nn.sparse_softmax_cross_entropy_with_logits",
    },
    "binary": {
        "page": "https://www.tensorflow.org/guide/core/logistic_regression_core",
        "read": "2026-11-23",
        "optimizer": "gradient descent, rate 0.01",
        "initializer": "Xavier uniform, zero biases; without hidden layers all uniform on [0, 1)",
        "shuffling": "tf.data, all rows, anew in every epoch",
        "loss": "mean of tf.nn.sigmoid_cross_entropy_with_logits",
    },
    "regression": {
        "page": "https://www.tensorflow.org/guide/core/quickstart_core",
        "read": "2026-11-23",
        "optimizer": "gradient descent, rate 0.01",
        "initializer": "Xavier uniform, zero biases; without hidden layers all uniform on [0, 1)",
        "shuffling": "tf.data, all rows, anew in every epoch",
        "loss": "mean squared error",
    },
}
LOSSES = {
    "multiclass": tf.nn.sparse_softmax_cross_entropy_with_logits,
    "binary": tf.nn.sigmoid_cross_entropy_with_logits,
    "regression": tf.math.squared_difference,
}
LINKS = {"multiclass": tf.nn.softmax, "binary": tf.sigmoid, "regression": tf.identity}


def quickstart(
    network: Network, training: TrainSpec, data: QuickStartData, *, seed: int
) -> TensorFlowQuickStart:
    """Return the example with its own random weights and order."""
    tf.random.set_seed(seed)
    return TensorFlowQuickStart(network, training, data)


class TensorFlowQuickStart:
    """The guides' dataset, model and training loop."""

    def __init__(self, network: Network, training: TrainSpec, data: QuickStartData) -> None:
        """Make the batches, the model, the loss and the update rule."""
        rows = tf.data.Dataset.from_tensor_slices((data.inputs, data.targets))
        self.model = MLP(network, data.kind)
        self.update = descend
        if data.kind == "multiclass":
            self.update = Adam(self.model.variables).apply_gradients
        else:
            rows = rows.shuffle(buffer_size=len(data.inputs))
        self.dataset = rows.batch(training.batch_size)
        self.loss = LOSSES[data.kind]
        self.link = LINKS[data.kind]

    def fit(self, epochs: int) -> list[tf.Tensor]:
        """Train and return the mean of the batch losses of every epoch."""
        return [self.train() for _ in range(epochs)]

    def train(self) -> tf.Tensor:
        """Run the guides' loop once over the data."""
        batch_losses = []
        for x_batch, y_batch in self.dataset:
            with tf.GradientTape() as tape:
                batch_loss = tf.reduce_mean(self.loss(y_batch, self.model(x_batch, training=True)))
            self.update(tape.gradient(batch_loss, self.model.variables), self.model.variables)
            batch_losses.append(batch_loss)
        return tf.reduce_mean(batch_losses)

    def predict(self, inputs: Array) -> Array:
        """Return probabilities, or values of a regression."""
        return self.link(self.model(tf.constant(inputs))).numpy()

"""scikit-learn's first documented example of each estimator: its defaults, fit, predict.

They are on the reference pages: the user guide begins with the solver lbfgs, which has neither
batches nor an epoch. Not the pages' own: our data (already standardised) and layers. MLPRegressor's
page stops by tol=0.1, in the unit of its own targets; here its default holds. Hidden layers with
another activation than scikit-learn has get its default, ReLU; dropout it has not.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor

from samenet.adapter import Array, QuickStartData
from samenet.spec import Network, TrainSpec

PAGES = {
    "multiclass": {
        "page": "https://scikit-learn.org/stable/modules/generated/sklearn.neural_network.MLPClassifier.html",
        "read": "2026-11-30",
        "batch_size": 200,
        "updates": 300,
        "training": "at most 300 epochs, all 75 rows in one batch (at most 200 by default)",
        "optimizer": "Adam: rate 0.001, betas 0.9 and 0.999, epsilon 1e-8 (epsilon-hat form); "
        "stops after 10 epochs that improve the loss by less than 0.0001",
        "initializer": "Glorot uniform (narrower if sigmoid), biases drawn like kernels",
        "shuffling": "all rows, anew in every epoch",
        "loss": "log loss of softmax outputs, L2 penalty of alpha 0.0001 over the batch size",
        "reported": "mean of the epoch before each update, penalty included",
    },
    "binary": {
        "page": "https://scikit-learn.org/stable/modules/generated/sklearn.neural_network.MLPClassifier.html",
        "read": "2026-11-30",
        "batch_size": 200,
        "updates": 300,
        "training": "at most 300 epochs, all 75 rows in one batch (at most 200 by default)",
        "optimizer": "Adam: rate 0.001, betas 0.9 and 0.999, epsilon 1e-8 (epsilon-hat form); "
        "stops after 10 epochs that improve the loss by less than 0.0001",
        "initializer": "Glorot uniform (narrower if sigmoid), biases drawn like kernels",
        "shuffling": "all rows, anew in every epoch",
        "loss": "log loss of a logistic output, L2 penalty of alpha 0.0001 over the batch size",
        "reported": "mean of the epoch before each update, penalty included",
    },
    "regression": {
        "page": "https://scikit-learn.org/stable/modules/generated/sklearn.neural_network.MLPRegressor.html",
        "read": "2026-11-30",
        "batch_size": 200,
        "updates": 2000,
        "training": "at most 2,000 epochs, all 150 rows in one batch (at most 200 by default)",
        "optimizer": "Adam: rate 0.001, betas 0.9 and 0.999, epsilon 1e-8 (epsilon-hat form); "
        "stops after 10 epochs that improve the loss by less than 0.0001",
        "initializer": "Glorot uniform (narrower if sigmoid), biases drawn like kernels",
        "shuffling": "all rows, anew in every epoch",
        "loss": "half the squared error, L2 penalty of alpha 0.0001 over the batch size",
        "reported": "mean of the epoch before each update, penalty included",
    },
}

ACTIVATIONS = {"identity": "identity", "sigmoid": "logistic", "tanh": "tanh", "relu": "relu"}


def quickstart(
    network: Network, training: TrainSpec, data: QuickStartData, *, seed: int
) -> SklearnQuickStart:
    """Return the example with its own random weights and order."""
    return SklearnQuickStart(network, training.batch_size, data, seed)


class SklearnQuickStart:
    """The pages' one line: an estimator and its fit."""

    def __init__(
        self, network: Network, batch_size: int, data: QuickStartData, random_state: int
    ) -> None:
        """Make the estimator; everything that is not given is its default."""
        self.inputs = data.inputs
        one = data.targets.ndim == 2 and data.targets.shape[1] == 1
        self.targets = data.targets.ravel() if one else data.targets
        if data.kind != "regression":
            self.targets = self.targets.astype(np.int64)
        self.binary = data.kind == "binary"
        estimator = MLPRegressor if data.kind == "regression" else MLPClassifier
        self.model = estimator(
            hidden_layer_sizes=list(network.widths[1:-1]),
            activation=activation_of(network),
            batch_size=batch_size,
            random_state=random_state,
        )

    def fit(self, epochs: int) -> Sequence[float]:
        """Train and return the loss that the estimator reports for every epoch it took."""
        self.model.max_iter = epochs
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # as many epochs as all others
            return self.model.fit(self.inputs, self.targets).loss_curve_

    def predict(self, inputs: Array) -> Array:
        """Return probabilities, or values of a regression."""
        if isinstance(self.model, MLPRegressor):
            return self.model.predict(inputs).reshape(len(inputs), -1)
        found = self.model.predict_proba(inputs)
        return found[:, 1:] if self.binary else found


def activation_of(network: Network) -> str:
    """Return the activation of the hidden layers, or the default if they have none of its own."""
    names = {layer.activation.name for layer in network.places[:-1]}
    return ACTIVATIONS.get(names.pop(), "relu") if len(names) == 1 else "relu"

"""scikit-learn: MLPClassifier and MLPRegressor, one partial_fit per call.

What a user pays for is in the time: rows and labels are checked in every call (1.3 to 1.9 ms for a
classifier, 0.5 ms for a regressor), and Adam works in float64 on float32 weights.
"""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_info

from samenet.adapter import (
    NOT_READABLE,
    Array,
    Batches,
    Capabilities,
    DataSource,
    Layer,
    Target,
    Weights,
)
from samenet.adapters.sklearn import network as parts
from samenet.spec import Forms, Network, TrainSpec

ADAPTER = {
    "name": "scikit-learn",
    "title": "scikit-learn",
    "modes": {
        "fit": {
            "default": True,
            "why": "one partial_fit per call: all steps inside, the optimiser kept between calls",
            "source": "https://scikit-learn.org/stable/computing/scaling_strategies.html",
        }
    },
    "imports": ["sklearn.neural_network"],
    "distributions": ["scikit-learn", "numpy", "scipy"],
    "import_without": ["pandas", "psutil", "rich"],  # there for samenet: 0.2 s of the import
    "quickstart": "quickstart.py",
    "predictors": "predict.py",
    "offers": ["sklearn-api", "export"],
    "order": 20,
    "color": "#b165f5",
}


def capabilities() -> Capabilities:
    """What the two estimators have, on the CPU; loss_curve_ has the mean loss of a call."""
    return Capabilities(
        devices=("cpu",),
        dtypes=("float32", "float64"),
        activations=tuple(parts.ACTIVATIONS),
        losses=tuple(parts.ESTIMATORS),
        optimizers=("sgd", "adam"),
        forms=Forms(adam="epsilon_hat", momentum="rate_inside"),
        losses_per="call",
        losses_from="probabilities" if parts.clips() else "logits",
        parts=(),  # a penalty would be part of the loss it reports
        mixed_activations=False,
        classes_min=3,
        dropout=False,
        deviations=parts.deviations(),
    )


def wake(target: Target) -> None:
    """Load the matrix library with one small product; its threads were set before the import."""
    small = np.ones((8, 8), target.dtype)
    small @ small


def read_back(program: SklearnProgram, target: Target) -> dict[str, str | int | float]:
    """Return the thread count that the matrix library reports, and the estimator's precision."""
    del target
    counts = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
    return {
        "threads": max(counts, default=NOT_READABLE),
        "device": "cpu",
        "dtype": str(program.model.coefs_[0].dtype),
        "compiler": "none",
    }


def build(
    network: Network, training: TrainSpec, weights: Weights, *, target: Target, mode: str
) -> SklearnProgram:
    """Return the program that starts from exactly these weights."""
    del mode  # there is one
    return SklearnProgram(network, training, weights, np.dtype(target.dtype))


def own_fit(program: SklearnProgram, epochs: int) -> None:
    """Fit the training rows as scikit-learn's users do, in another estimator."""
    rows = slice(program.train_rows)
    whole_fit(
        program.model, program.inputs[rows], program.targets[rows], program.batch_size, epochs
    )


def whole_fit(
    like: parts.Estimator, inputs: Array, targets: Array, batch_size: int, epochs: int
) -> parts.Estimator:
    """Return a new estimator like another one after one `fit`, which shuffles the rows itself."""
    model = clone(like).set_params(
        batch_size=batch_size,
        shuffle=True,
        max_iter=epochs,
        n_iter_no_change=epochs + 1,  # it never stops early
        tol=0.0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # as many epochs as asked for
        return model.fit(inputs, targets)


class SklearnProgram:
    """An estimator and the rows it is fitted to."""

    def __init__(
        self, network: Network, training: TrainSpec, weights: Weights, dtype: np.dtype
    ) -> None:
        """Make the estimator and replace its initial weights."""
        squared = training.loss.name == "mean_squared_error"
        self.loss_factor, factor = parts.factors(network.outputs) if squared else (1.0, 1.0)
        self.model = parts.start_at(parts.make_estimator(network, training, factor), weights)
        self.linear = parts.linear_predictor(self.model, weights)
        self.dtype = dtype
        self.classes = not squared
        self.batch_size = training.batch_size

    def load(self, source: DataSource) -> None:
        """Keep inputs, and values of a regression, in the precision of the computation."""
        inputs, targets = source.arrays()
        self.train_rows = source.train_rows
        self.inputs = inputs.astype(self.dtype)
        self.targets = parts.squeeze_column(targets).astype(
            np.int64 if self.classes else self.dtype
        )

    def train(self, batches: Batches) -> None:
        """Fit the rows once, in this order, cut into these batches."""
        rows = batches.order.ravel()
        self.model.batch_size = batches.order.shape[1]
        self.model.partial_fit(self.inputs[rows], self.targets[rows])

    def losses(self) -> Array:
        """Return the mean loss of the latest call: (1,)."""
        return np.array(self.model.loss_curve_[-1:]) * self.loss_factor

    def predict(self, rows: NDArray[np.int32]) -> Array:
        """Return the outputs of the linear head, by `predict`; predict_proba adds the link."""
        return self.linear.predict(self.inputs[rows]).reshape(len(rows), -1)

    def weights(self) -> Weights:
        """Return copies."""
        pairs = zip(self.model.coefs_, self.model.intercepts_, strict=True)
        return [Layer(kernel.copy(), bias.copy()) for kernel, bias in pairs]

    def sync(self) -> None:
        """scikit-learn has finished when it returns."""

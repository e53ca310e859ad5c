"""The network as a scikit-learn estimator: made, given our weights, asked what its loss means."""

from __future__ import annotations

from functools import cache
from typing import Any, TypeAlias

import numpy as np
from sklearn.neural_network import MLPClassifier, MLPRegressor

from samenet.adapter import Array, Deviation, Layer, Weights
from samenet.spec import SGD, Adam, Network, Optimizer, TrainSpec

ACTIVATIONS = {"identity": "identity", "sigmoid": "logistic", "tanh": "tanh", "relu": "relu"}
ESTIMATORS = {
    "binary_cross_entropy": MLPClassifier,
    "sparse_categorical_cross_entropy": MLPClassifier,
    "mean_squared_error": MLPRegressor,
}
Estimator: TypeAlias = MLPClassifier | MLPRegressor


def make_estimator(network: Network, training: TrainSpec, factor: float) -> Estimator:
    """Return the estimator with every constant from the spec; `factor`: its gradient over ours."""
    hidden = network.places[:-1]
    return ESTIMATORS[training.loss.name](
        hidden_layer_sizes=[layer.outputs[-1] for layer in hidden],
        activation=ACTIVATIONS[hidden[0].activation.name] if hidden else "identity",
        alpha=0.0,  # its own default penalises
        shuffle=False,  # rows arrive in our order
        **_solver(training.optimizer, factor),
    )


def _solver(rule: Optimizer, factor: float) -> dict[str, Any]:
    """Return what makes up for a gradient of so many times ours: SGD's rate, Adam's epsilon."""
    match rule:
        case SGD():
            return {
                "solver": "sgd",
                "learning_rate_init": rule.learning_rate / factor,
                "momentum": rule.momentum,
                "nesterovs_momentum": rule.nesterov,
            }
        case Adam():
            return {
                "solver": "adam",
                "learning_rate_init": rule.learning_rate,
                "beta_1": rule.beta1,
                "beta_2": rule.beta2,
                "epsilon": rule.epsilon * factor,
            }
    raise ValueError(f"{rule.name} is not offered")


def start_at(model: Estimator, weights: Weights) -> Estimator:
    """Return the estimator at exactly these weights, as if it had not been trained yet.

    It has weights only after a first step; what else that step left behind is removed.
    """
    first = weights[0].kernel
    outputs = len(weights[-1].bias)
    row = np.zeros((1, len(first)), first.dtype)
    model.batch_size = 1
    if isinstance(model, MLPClassifier):
        model.partial_fit(row, [0], classes=range(max(2, outputs)))
    else:
        model.partial_fit(row, squeeze_column(np.zeros((1, outputs), row.dtype)))
    for kernel, bias, layer in zip(model.coefs_, model.intercepts_, weights, strict=True):
        kernel[...], bias[...] = layer.kernel, layer.bias
    del model._optimizer  # noqa: SLF001 - its moments and step count; partial_fit makes a new one
    model.t_ = 0
    model.loss_curve_ = []
    return model


def squeeze_column(targets: Array) -> Array:
    """Return one column as scikit-learn wants it, without its second axis; others as they are."""
    return targets[:, 0] if targets.ndim == 2 and targets.shape[1] == 1 else targets


def linear_predictor(model: Estimator, weights: Weights) -> MLPRegressor:
    """Return what predicts the linear outputs: of a classifier, a regressor with its weights.

    A classifier's own methods give probabilities, in which large logits are lost.
    """
    if isinstance(model, MLPRegressor):
        return model
    regressor = MLPRegressor(
        hidden_layer_sizes=model.hidden_layer_sizes, activation=model.activation
    )
    found = start_at(regressor, weights)
    found.coefs_ = model.coefs_  # the same arrays, which training changes in place
    found.intercepts_ = model.intercepts_
    return found


@cache
def factors(outputs: int) -> tuple[float, float]:
    """Return our mean squared error over the one reported, and the gradient applied over ours.

    Read off one step from zero weights to targets of 1: our loss is 1, our gradient -2 / outputs.
    """
    model = MLPRegressor(
        hidden_layer_sizes=[],
        solver="sgd",
        learning_rate_init=1.0,
        momentum=0.0,
        nesterovs_momentum=False,
        alpha=0.0,
    )
    start_at(model, [Layer(np.zeros((1, outputs)), np.zeros(outputs))])
    model.partial_fit(np.zeros((1, 1)), squeeze_column(np.ones((1, outputs))))
    return 1 / float(model.loss_curve_[-1]), float(model.intercepts_[0][0]) * outputs / 2


def clips() -> bool:
    """Return whether the reported cross entropy of a logit of 100 with target 0 is not 100."""
    weights = [Layer(np.zeros((1, 1)), np.full(1, 100.0))]
    model = start_at(MLPClassifier(hidden_layer_sizes=[]), weights)
    model.partial_fit(np.zeros((1, 1)), [0])
    return abs(model.loss_curve_[-1] - 100) > 1


def deviations() -> tuple[Deviation, ...]:
    """Return what scikit-learn does otherwise, each probed by one step."""
    loss, gradient = factors(2)
    return (
        Deviation(
            what="its regression follows the gradient of half the sum over the targets, though it "
            "reports half the mean; its rate or epsilon, and that loss, are scaled to ours",
            link="https://github.com/scikit-learn/scikit-learn/issues/8349",
            present=loss * gradient != 1,
        ),
        Deviation(
            what="it reports the cross entropy of rounded, clipped probabilities: no row counts "
            "more than 16 in float32, or 36 in float64; its gradient is exact",
            link="https://github.com/scikit-learn/scikit-learn/pull/16117",
            present=clips(),
        ),
    )

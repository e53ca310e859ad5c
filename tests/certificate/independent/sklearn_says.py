"""scikit-learn's own answers, in float64, to the questions on standard input: no samenet here."""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
import sklearn
from sklearn.neural_network import MLPClassifier, MLPRegressor


def network(question: dict[str, Any]) -> MLPClassifier | MLPRegressor:
    """Return a network with the given weights and an optimiser that has seen nothing."""
    kind = MLPClassifier if question["classifier"] else MLPRegressor
    model = kind(
        hidden_layer_sizes=[len(bias) for _, bias in question["weights"][:-1]],
        batch_size=question["batch_size"],
        shuffle=False,
        random_state=0,
        **question["options"],
    )
    visit(model, question)  # creates what is overwritten now
    for place, (kernel, bias) in enumerate(question["weights"]):
        model.coefs_[place][...] = kernel
        model.intercepts_[place][...] = bias
    del model._optimizer
    model.t_, model.loss_curve_ = 0, []
    return model


def visit(model: MLPClassifier | MLPRegressor, question: dict[str, Any]) -> None:
    """Train for one epoch."""
    inputs, targets = np.array(question["inputs"]), np.array(question["targets"])
    more = {"classes": np.unique(targets)} if question["classifier"] else {}
    model.partial_fit(inputs, targets, **more)


def weights_of(model: MLPClassifier | MLPRegressor) -> list[Any]:
    pairs = zip(model.coefs_, model.intercepts_, strict=True)
    return [[kernel.tolist(), bias.tolist()] for kernel, bias in pairs]


def training(question: dict[str, Any]) -> dict[str, Any]:
    """Return the weights after every epoch, and the losses of the epochs."""
    model, path = network(question), []
    for _ in range(question["epochs"]):
        visit(model, question)
        path.append(weights_of(model))
    return {"path": path, "losses": model.loss_curve_}


def reported(question: dict[str, Any], moved: float, output: int) -> float:
    """Return the loss it reports before its first update, one output bias moved a little."""
    weights = [[kernel, list(bias)] for kernel, bias in question["weights"]]
    weights[-1][1][output] += moved
    model = network(question | {"weights": weights})
    visit(model, question)
    return model.loss_curve_[0]


def applied(question: dict[str, Any]) -> dict[str, Any]:
    """Return the gradient by the output biases: as applied, and of the loss that it reports.

    One step of plain SGD with rate 1 applies the gradient itself; the loss is quadratic in these
    biases, so central differences of any width are exact.
    """
    model = network(question)
    before = model.intercepts_[-1].copy()
    visit(model, question)
    own = [
        (reported(question, 0.5, place) - reported(question, -0.5, place))
        for place in range(len(before))
    ]
    return {"applied": (before - model.intercepts_[-1]).tolist(), "own": own}


def main() -> None:
    asked = json.load(sys.stdin)
    answers = {
        "version": sklearn.__version__,
        "trainings": {name: training(question) for name, question in asked["trainings"].items()},
        "applied": {name: applied(question) for name, question in asked["applied"].items()},
    }
    json.dump(answers, sys.stdout)


main()

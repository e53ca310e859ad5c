"""scikit-learn: the estimator's own method, and without a search for NaN in every call."""

from __future__ import annotations

from collections.abc import Callable

import sklearn

from samenet.adapter import Array, Target
from samenet.adapters.sklearn.adapter import SklearnProgram

PREDICT = {
    "usual": {
        "why": "predict_proba of a classifier, predict of a regressor",
        "source": "https://scikit-learn.org/stable/modules/neural_networks_supervised.html",
        "returns": "probabilities",
    },
    "fast": {
        "why": "the same with assume_finite: rows are not searched for NaN and infinity",
        "source": "https://scikit-learn.org/stable/computing/computational_performance.html",
        "returns": "probabilities",
    },
}


def predictors(program: SklearnProgram, target: Target) -> dict[str, Callable[[Array], Array]]:
    """Return both ways."""
    del target
    usual = program.model.predict_proba if program.classes else program.model.predict

    def fast(inputs: Array) -> Array:
        with sklearn.config_context(assume_finite=True, skip_parameter_validation=True):
            return usual(inputs)

    return {"usual": usual, "fast": fast}

"""Bare scikit-learn: partial_fit, once per pass, with the rows in the order asked for."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import nullcontext

import numpy as np
import sklearn
from case import Array, Bare, Case, nothing
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

LOOPS = {
    "scikit-learn:fit": {
        "partial_fit": {},
        "partial_fit, assume_finite, no parameter checks": {
            "assume_finite": True,
            "skip_parameter_validation": True,
        },
    }
}
SLOWER = {"scikit-learn:fit": {"partial_fit, assume_finite": {"assume_finite": True}}}
"""Tried, never the fastest: measured with --all-forms."""
WHOLE_FITS = {"scikit-learn:fit": "whole_fit"}


def classifier(case: Case, **more: object) -> MLPClassifier:
    """Return the estimator with all off that the others do not do."""
    if case.adam is None:
        rule: dict[str, object] = {"solver": "sgd", "momentum": 0.0, "nesterovs_momentum": False}
    else:
        names = ("beta_1", "beta_2", "epsilon")
        rule = {"solver": "adam", **dict(zip(names, case.adam, strict=True))}
    return MLPClassifier(
        [len(bias) for _, bias in case.weights[:-1]],
        alpha=0.0,
        batch_size=case.batch_size,
        learning_rate_init=case.rate,
        **rule,
        **more,
    )


def fit(case: Case, **config: bool) -> Bare:
    """Start from the weights given: they are overwritten after a first step of which nothing stays.

    The configuration is that of sklearn.set_config:
    https://scikit-learn.org/stable/computing/computational_performance.html
    """
    model = classifier(case, shuffle=False, warm_start=False)
    inputs, targets = case.inputs, case.targets.astype(np.int64)
    model.partial_fit(inputs[:32], targets[:32], classes=range(len(case.weights[-1][1])))
    for kernel, bias, given in zip(model.coefs_, model.intercepts_, case.weights, strict=True):
        kernel[...], bias[...] = given
    if case.adam is not None:  # a public way to a new one is not known
        del model._optimizer
        model.t_ = 0

    def train(order: Array) -> None:
        rows = order.ravel()
        with sklearn.config_context(**config) if config else nullcontext():
            model.partial_fit(inputs[rows], targets[rows])

    pairs = zip(model.coefs_, model.intercepts_, strict=True)
    parts = [part for pair in pairs for part in pair]
    return Bare(train, nothing, lambda: model.loss_curve_[-1:], lambda: parts)


def whole_fit(case: Case) -> Callable[[int], None]:
    """Return what does as many passes in one fit of its own, which shuffles by itself."""

    def passes(count: int) -> None:
        model = classifier(case, max_iter=count, tol=0.0, n_iter_no_change=count + 1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(case.inputs, case.targets)

    return passes

"""scikit-learn as its users train it: all epochs in one `fit`, the rows shuffled by itself."""

from __future__ import annotations

import warnings

from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from samenet.adapter import Array
from samenet.adapters.sklearn_network import Estimator


def whole_fit(
    like: Estimator, inputs: Array, targets: Array, batch_size: int, epochs: int
) -> Estimator:
    """Return a new estimator like another one, fitted; it never stops early."""
    own = {"max_iter": epochs, "n_iter_no_change": epochs + 1, "tol": 0.0}
    model = clone(like).set_params(batch_size=batch_size, shuffle=True, **own)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # as many epochs as asked for
        return model.fit(inputs, targets)

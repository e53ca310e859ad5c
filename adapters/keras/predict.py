"""Keras on any backend: `predict` as users call it, and one batch without its input pipeline."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from samenet.adapter import Array, Target
from samenet.adapters.keras.precision import place_of

PREDICT = {
    "usual": {
        "why": "model.predict, which sets up an input pipeline in every call",
        "source": "https://keras.io/api/models/model_training_apis/#predict-method",
    },
    "fast": {
        "why": "predict_on_batch: the same compiled function, called on the rows themselves",
        "source": "https://keras.io/api/models/model_training_apis/#predictonbatch-method",
    },
}


def predictors(program: Any, target: Target) -> dict[str, Callable[[Array], Array]]:
    """Return both ways of a program that holds its model as `predictor`."""
    model = program.predictor
    place = place_of(target)

    def usual(inputs: Array) -> Array:
        with keras.device(place):
            return np.asarray(model.predict(inputs, verbose=0))

    def fast(inputs: Array) -> Array:
        with keras.device(place):
            return np.asarray(model.predict_on_batch(inputs))

    return {"usual": usual, "fast": fast}

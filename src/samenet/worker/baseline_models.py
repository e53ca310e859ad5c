"""Do you need a network here? A linear model and boosted trees from scikit-learn, for comparison.

Each is a plain scikit-learn pipeline on the raw table and the task's own split, so its scores are
those that anyone gets who writes the same five lines.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import Pipeline, make_pipeline

from samenet.machine.clock import time_call
from samenet.spec.baselines import BASELINES, BOOSTED_TREES, LINEAR
from samenet.spec.network import TaskKind
from samenet.spec.task import Task
from samenet.spec.training import Loss
from samenet.tasks.preparation import preprocessor
from samenet.tasks.sources import RawTable, load, target_scaler
from samenet.worker.metrics import class_metrics, value_loss, value_metrics

FITS = 3
"""Fits that are timed; the scores are those of the last, all being equal."""
SECONDS_MAX = 10.0
"""After so many seconds there is no further fit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceLine:
    """One model that is not a network: how long its fits took and how well it does."""

    name: str
    fit_seconds: tuple[float, ...]
    train: dict[str, float]
    test: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A scikit-learn estimator for each sort of target."""

    classifier: Callable[[], Any]
    regressor: Callable[[int], Any]
    """Takes the number of outputs."""


def _boosted_trees(outputs: int) -> Any:
    trees = HistGradientBoostingRegressor(early_stopping=False, random_state=0)
    return trees if outputs == 1 else MultiOutputRegressor(trees)  # one model per output


# Early stopping would hold back rows that the networks learn from, and cannot split rare classes.
MODELS = {
    LINEAR.name: Model(
        classifier=lambda: LogisticRegression(max_iter=1000),
        regressor=lambda outputs: Ridge(),
    ),
    BOOSTED_TREES.name: Model(
        classifier=lambda: HistGradientBoostingClassifier(early_stopping=False, random_state=0),
        regressor=_boosted_trees,
    ),
}


def fit_reference_models(task: Task) -> list[ReferenceLine]:
    """Return the line of every model, fitted on the training part of the raw table.

    Of a table on which a model takes minutes it has none; the notes of the data say so.
    """
    raw = load(task)
    size = {"rows": len(raw.train), "features": raw.features.shape[1], "outputs": raw.outputs}
    return [
        _line(name, model, raw, task.training.loss)
        for name, model in MODELS.items()
        if BASELINES[name].fits(**size)
    ]


def _line(name: str, model: Model, raw: RawTable, loss: Loss) -> ReferenceLine:
    values = raw.kind is TaskKind.REGRESSION
    estimator = model.regressor(raw.outputs) if values else model.classifier()
    pipeline = make_pipeline(preprocessor(raw.features), estimator)
    frame, target = raw.features.iloc[raw.train], raw.target[raw.train]
    seconds: list[float] = []
    while len(seconds) < FITS and sum(seconds) < SECONDS_MAX:
        seconds.append(time_call(lambda: pipeline.fit(frame, target)))
    return ReferenceLine(
        name=name,
        fit_seconds=tuple(seconds),
        train=_scores(pipeline, raw, raw.train, loss),
        test=_scores(pipeline, raw, raw.test, loss),
    )


def _scores(
    pipeline: Pipeline, raw: RawTable, rows: NDArray[np.int64], loss: Loss
) -> dict[str, float]:
    frame, target = raw.features.iloc[rows], raw.target[rows]
    if raw.kind is not TaskKind.REGRESSION:
        return class_metrics(raw.kind, target, _probabilities(pipeline, raw, frame), loss)
    values = pipeline.predict(frame)
    scaled = [target_scaler(raw).transform(v.reshape(len(v), -1)) for v in (target, values)]
    return {"loss": value_loss(loss, *scaled), **value_metrics(target, values)}


def _probabilities(pipeline: Pipeline, raw: RawTable, frame: Any) -> NDArray[np.float64]:
    """Return a column for every class; one that the training part lacks gets zeros."""
    probabilities = np.zeros((len(frame), len(raw.class_names)))
    probabilities[:, pipeline.classes_] = pipeline.predict_proba(frame)
    return probabilities

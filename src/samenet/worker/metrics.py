"""Scores of raw outputs, computed once and by scikit-learn, whatever framework they come from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, huber, log_expit, log_softmax
from sklearn.metrics import (
    accuracy_score,
    f1_score,
    log_loss,
    mean_absolute_error,
    mean_squared_error,
    r2_score,
    roc_auc_score,
    root_mean_squared_error,
)

from samenet.adapter.arrays import Array
from samenet.adapter.dataset import Dataset
from samenet.spec.network import TaskKind
from samenet.spec.training import Loss

Link = Literal["logits", "probabilities", "values"]
Floats = NDArray[np.float64]

SUM_TOLERANCE = 1e-3
"""How far a row of probabilities may be from 1: float32 softmax stays below 1e-5, half above."""


def scores(
    dataset: Dataset, rows: slice, outputs: Array, *, loss: Loss, link: Link, complete: bool = True
) -> dict[str, float]:
    """Return the metrics of the task's kind and the mean training loss on these rows.

    `outputs` are (rows, outputs): logits; probabilities, one column if binary; or the scaled
    values of a regression, whose metrics are scikit-learn's plain average over several outputs.
    A metric that these rows do not define is left out; so are F1 and ROC AUC, which take most of
    the time, unless the scores are to be complete.
    Raises ValueError, in a plain sentence, if the outputs are not what `link` says.
    """
    kind, truth = dataset.card.kind, dataset.targets[rows]
    if outputs.shape != (len(truth), dataset.card.outputs):
        expected = (len(truth), dataset.card.outputs)
        raise ValueError(f"The outputs have the shape {outputs.shape} instead of {expected}.")
    if not np.isfinite(outputs).all():
        raise ValueError("Some outputs are infinite or not numbers: the training has diverged.")
    if (kind is TaskKind.REGRESSION) != (link == "values"):
        raise ValueError(f"A {kind} task has no outputs called {link}.")
    if kind is TaskKind.REGRESSION:
        return _value_scores(dataset, truth.astype(np.float64), outputs.astype(np.float64), loss)
    classes = truth.reshape(-1).astype(np.int64)
    if link == "logits":
        return _logit_scores(kind, classes, outputs.astype(np.float64), loss, complete=complete)
    return class_metrics(kind, classes, _both_columns(kind, outputs), loss, complete=complete)


def _value_scores(dataset: Dataset, truth: Floats, outputs: Floats, loss: Loss) -> dict[str, float]:
    metrics = value_metrics(dataset.original_units(truth), dataset.original_units(outputs))
    return {"loss": value_loss(loss, truth, outputs), **metrics}


def value_loss(loss: Loss, truth: Array, values: Array) -> float:
    """Return the mean training loss of a regression from the scaled values it is trained on."""
    if loss.name == "huber":
        return float(huber(loss.delta, values - truth).mean())
    if loss.name == "mean_absolute_error":
        return float(mean_absolute_error(truth, values))
    return float(mean_squared_error(truth, values))


def class_loss(loss: Loss, classes: NDArray[np.int64], logs: Floats) -> float:
    """Return the mean training loss from the logarithms of the probabilities (rows, classes)."""
    own, share = logs[np.arange(len(classes)), classes], loss.label_smoothing
    return -float(((1 - share) * own + share * logs.mean(axis=1)).mean())


def value_metrics(truth: Array, values: Array) -> dict[str, float]:
    """Return RMSE, MAE and R² (which needs two rows) in the units of the arguments.

    Of several outputs, (rows, outputs), each is the plain average: "uniform_average".
    """
    defined = [name for name in VALUE_SCORES if name != "r2" or len(truth) >= 2]
    return {name: float(VALUE_SCORES[name](truth, values)) for name in defined}


def _logit_scores(
    kind: TaskKind, classes: NDArray[np.int64], logits: Floats, loss: Loss, *, complete: bool
) -> dict[str, float]:
    """Return the scores with the loss from logits: no digit is lost to a saturated link."""
    if kind is TaskKind.BINARY:
        logs = log_expit(np.hstack([-logits, logits]))
        probabilities = np.hstack([expit(-logits), expit(logits)])
    else:
        logs = log_softmax(logits, axis=1)
        probabilities = np.exp(logs)
    ranks = logs[:, 1] - logs[:, 0] if logs.shape[1] == 2 else None  # probabilities of 1.0 tie
    metrics = class_metrics(kind, classes, probabilities, loss, complete=complete, ranks=ranks)
    return {**metrics, "loss": class_loss(loss, classes, logs)}


def _both_columns(kind: TaskKind, outputs: Array) -> Floats:
    """Return probabilities of every class; raise ValueError if they are none.

    They are kept as far from 0 and 1 as their own precision can tell, as scikit-learn does:
    a saturated float32 sigmoid is not taken for certainty.
    """
    columns = np.hstack([1 - outputs, outputs]) if kind is TaskKind.BINARY else outputs
    sums = columns.sum(axis=1, dtype=np.float64)
    if columns.min() < 0 or np.abs(sums - 1).max() > SUM_TOLERANCE:
        raise ValueError("The outputs are not probabilities: a row does not sum to 1.")
    smallest = np.finfo(columns.dtype).eps
    kept = np.clip(columns.astype(np.float64), smallest, 1 - smallest)
    return np.asarray(kept / kept.sum(axis=1, keepdims=True))


def class_metrics(
    kind: TaskKind,
    classes: NDArray[np.int64],
    probabilities: Floats,
    loss: Loss,
    *,
    complete: bool = True,
    ranks: Floats | None = None,
) -> dict[str, float]:
    """Return loss, accuracy, log loss, F1 and ROC AUC from (rows, classes) probabilities.

    F1 is that of class 1 if binary, else the macro average; ROC AUC is one against the rest,
    macro averaged, and left out if the rows do not show every class. `ranks` order the rows by how
    likely class 1 of two is; without them its probability does.
    """
    above_zero = np.clip(probabilities, np.finfo(np.float64).eps, 1)  # as log_loss does
    answers = ClassPredictions(
        kind=kind,
        classes=classes,
        guesses=probabilities.argmax(axis=1),
        probabilities=probabilities,
        ranks=probabilities[:, -1] if ranks is None else ranks,
    )
    every_class = len(np.unique(classes)) == probabilities.shape[1]
    wanted = [name for name in CLASS_SCORES if complete or name not in COSTLY]
    wanted = [name for name in wanted if every_class or name != "roc_auc"]
    return {
        "loss": class_loss(loss, classes, np.log(above_zero)),
        **{name: CLASS_SCORES[name](answers) for name in wanted},
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassPredictions:
    """What was said about rows whose classes are known."""

    kind: TaskKind
    classes: NDArray[np.int64]
    """The truth."""
    guesses: NDArray[np.int64]
    probabilities: Floats
    """(rows, classes)"""
    ranks: Floats
    """Of two classes: the larger, the more likely is class 1."""


def _log_loss(answers: ClassPredictions) -> float:
    labels = list(range(answers.probabilities.shape[1]))
    return float(log_loss(answers.classes, answers.probabilities, labels=labels))


def _f1(answers: ClassPredictions) -> float:
    average = "binary" if answers.kind is TaskKind.BINARY else "macro"
    return float(f1_score(answers.classes, answers.guesses, average=average, zero_division=0.0))


def _roc_auc(answers: ClassPredictions) -> float:
    two = answers.probabilities.shape[1] == 2
    ranks = answers.ranks if two else answers.probabilities
    return float(roc_auc_score(answers.classes, ranks, multi_class="ovr"))


def accuracy(classes: NDArray[np.int64], guesses: NDArray[np.int64]) -> float:
    """Return the share of the rows whose class was guessed."""
    return float(accuracy_score(classes, guesses))


CLASS_SCORES: dict[str, Callable[[ClassPredictions], float]] = {
    "accuracy": lambda answers: accuracy(answers.classes, answers.guesses),
    "log_loss": _log_loss,
    "f1": _f1,
    "roc_auc": _roc_auc,
}
VALUE_SCORES: dict[str, Callable[[Array, Array], float]] = {
    "rmse": root_mean_squared_error,
    "mae": mean_absolute_error,
    "r2": r2_score,
}
"""How each of samenet.spec.metrics is computed."""

COSTLY = {"f1", "roc_auc"}
"""They take most of the time."""

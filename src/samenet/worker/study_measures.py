"""What a study sees in a network: loss, scores, gradient norms, dead units, by the oracle.

Everything is computed in float64 from the weights alone, which every framework gives back through
`Program.weights`; so it means the same for all of them.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from samenet.adapter import draws
from samenet.adapter.arrays import Array, Weights
from samenet.adapter.dataset import Dataset, network_for
from samenet.certificate.oracle import network as oracle
from samenet.certificate.oracle.functions import mean_loss
from samenet.certificate.problem import Problem
from samenet.spec.network import TaskKind
from samenet.spec.study import STUDY_SCORES, VALUE_LOSSES, Study, Variant, specs_of_variant
from samenet.spec.task import Task
from samenet.spec.training import needs_one_hot
from samenet.worker.metrics import VALUE_SCORES, accuracy

ROWS_MAX = 4096
"""Gradients and dead units are looked for on so many training rows at most: the first ones."""

DEAD_SLOPE = 1e-6
"""A unit is dead if, on every row, it passes back less than this part of the gradient it gets."""

ERROR_MAX = 1e-3
"""How far a framework's own numbers may be from the oracle's; float32 rounds to 1e-7 a step."""


def problem_of(task: Task, study: Study, variant: Variant, dataset: Dataset, seed: int) -> Problem:
    """Return one training of a study.

    Its draws are named after the task alone: every choice starts from the same weights (in one
    scene) and sees the same batches.
    """
    model, training = specs_of_variant(task, study, variant)
    one_hot = needs_one_hot(training) or _takes_classes_for_values(task, training.loss.name)
    network = network_for(task, model, dataset)
    return Problem(
        name=task.name,
        network=network,
        training=training,
        source=dataset.source(network, one_hot=one_hot),
        repeat=seed,
    )


def _takes_classes_for_values(task: Task, loss: str) -> bool:
    """Return whether class numbers become rows of 0 and 1, to be met by a loss for values."""
    return task.kind is TaskKind.MULTICLASS and loss in VALUE_LOSSES


def measure_weights(problem: Problem, dataset: Dataset, weights: Weights) -> dict[str, Any]:
    """Return what the weights do, as plain data; None stands for a number that is not finite.

    gradient   the norm of the kernel's gradient of each layer, first to last, over training rows
    dead       how many units of each hidden layer are dead on these rows
    train, test   the loss, and accuracy, or RMSE and MAE in the units of the data
    """
    exact = draws.as_dtype(weights, "float64")
    with np.errstate(all="ignore"):  # a training that diverges is a finding
        found = {
            "gradient": gradient_norms(problem, exact),
            "dead": dead_units(problem, exact),
            "train": _scored(problem, dataset, exact, slice(0, problem.source.train_rows)),
            "test": _scored(problem, dataset, exact, slice(problem.source.train_rows, None)),
        }
    plain: dict[str, Any] = _finite(found)
    return plain


def gradient_norms(problem: Problem, weights: Weights) -> list[float]:
    """Return the Euclidean norm of each kernel's gradient of the mean loss."""
    found = oracle.gradient(problem.network, problem.training.loss, weights, _batch(problem))
    return [float(np.linalg.norm(layer.kernel)) for layer in found.gradient]


def dead_units(problem: Problem, weights: Weights) -> list[float]:
    """Return the number of dead units of each hidden layer; NaN where a training has diverged.

    Of weights that are no numbers, slopes may be: an infinite sum has a slope of 0.
    """
    passed = oracle.forward(problem.network, weights, _batch(problem).inputs)
    if not all(np.isfinite(part).all() for layer in weights for part in layer.values()):
        return [math.nan for _ in passed.slopes]
    return [
        float((np.abs(slopes).max(axis=0) < DEAD_SLOPE).sum())
        if np.isfinite(slopes).all()
        else math.nan
        for slopes in passed.slopes
    ]


def _batch(problem: Problem) -> oracle.Batch:
    rows = slice(0, min(problem.source.train_rows, ROWS_MAX))
    _, targets = problem.source.arrays()
    return oracle.Batch(problem.rows()[rows], targets[rows])


def _scored(problem: Problem, dataset: Dataset, weights: Weights, rows: slice) -> dict[str, float]:
    _, targets = problem.source.arrays()
    outputs = oracle.outputs(problem.network, weights, problem.rows()[rows])
    loss = mean_loss(problem.training.loss, outputs, targets[rows])
    return {"loss": loss, **scores(dataset, problem.training.loss.name, outputs, rows)}


def scores(dataset: Dataset, loss: str, outputs: Array, rows: slice) -> dict[str, float]:
    """Return the scores that a study looks at, from linear outputs (rows, outputs).

    A binary loss for values aims at 0 and 1, so its threshold is 1/2; that of a logit is 0. Of
    several classes the largest output counts either way. A training that has diverged has none.
    """
    kind, truth = dataset.card.kind, dataset.targets[rows]
    if not np.isfinite(outputs).all():
        return dict.fromkeys(STUDY_SCORES[kind], math.nan)
    if kind is TaskKind.REGRESSION:
        pair = dataset.original_units(truth), dataset.original_units(outputs)
        return {name: float(VALUE_SCORES[name](*pair)) for name in STUDY_SCORES[kind]}
    if kind is TaskKind.MULTICLASS:
        guesses = outputs.argmax(axis=1)
    else:
        guesses = outputs[:, 0] > (0.5 if loss in VALUE_LOSSES else 0.0)
    return {"accuracy": accuracy(truth.reshape(-1).astype(np.int64), guesses.astype(np.int64))}


def disagreement(problem: Problem, weights: Weights, own: Array, rows: Array) -> float:
    """Return how far a framework's own outputs are from the oracle's, relative to the largest.

    Of a training that has diverged there is nothing to compare: 0.
    """
    exact = draws.as_dtype(weights, "float64")
    truth = oracle.outputs(problem.network, exact, problem.rows()[rows])
    if not np.isfinite(truth).all():
        return 0.0
    return float(np.abs(np.asarray(own) - truth).max() / np.abs(truth).max())


def first_loss_error(problem: Problem, own: float) -> float:
    """Return how far a framework's loss of the first batch is from the oracle's, relative."""
    batch = problem.steps([problem.epoch(0)[0].first(1)])[0]
    truth = oracle.gradient(problem.network, problem.training.loss, problem.weights, batch).loss
    return abs(own - truth) / abs(truth)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_finite(each) for each in value]
    return value if math.isfinite(value) else None

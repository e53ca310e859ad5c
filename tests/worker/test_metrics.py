"""Scores: scikit-learn's numbers, from logits, probabilities or values, and never a NaN."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, softmax
from sklearn import metrics

from samenet.adapter.dataset import DataCard, Dataset
from samenet.certificate.oracle.functions import mean_loss
from samenet.spec import LOSSES_OF_KIND, Dense, Loss, Network, TaskKind, parse_call
from samenet.spec.metrics import METRICS, Metric, main_metric, metric_names
from samenet.spec.study import STUDY_SCORES
from samenet.worker import metrics as worker_metrics
from samenet.worker.metrics import Link

ALL = slice(0, None)


LOSS_OF_KIND = {kind: Loss(name=losses[0]) for kind, losses in LOSSES_OF_KIND.items()}


def scores(data: Dataset, rows: slice, outputs: Any, *, link: Link, loss: str = "") -> Any:
    """Return the scores for a loss as it is written; without one, that of the kind."""
    found = Loss.model_validate(parse_call(loss)) if loss else LOSS_OF_KIND[data.card.kind]
    return worker_metrics.scores(data, rows, outputs, loss=found, link=link)


def dataset(kind: TaskKind, targets: Any, *, outputs: int = 1) -> Dataset:
    dtype = np.int32 if kind is TaskKind.MULTICLASS else np.float32
    array = np.array(targets, dtype)
    regression = kind is TaskKind.REGRESSION
    card = DataCard(
        kind=kind,
        train_rows=len(array),
        test_rows=0,
        features=1,
        outputs=outputs,
        feature_names=("x",),
        target_mean=(100.0, -5.0, 0.0)[:outputs] if regression else (),
        target_scale=(10.0, 0.25, 1.0)[:outputs] if regression else (),
    )
    column = array if kind is TaskKind.MULTICLASS else array.reshape(-1, outputs)
    return Dataset(card=card, inputs=np.zeros((len(array), 1), np.float32), targets=column)


BINARY = dataset(TaskKind.BINARY, [0, 1, 1, 0, 1])
THREE = dataset(TaskKind.MULTICLASS, [0, 1, 2, 2, 1, 0], outputs=3)
VALUES = dataset(TaskKind.REGRESSION, [-1.0, 0.0, 2.0])
LOGITS = np.array([[-1.0], [2.0], [-0.5], [-3.0], [0.25]], np.float32)
THREE_LOGITS = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)


def test_binary_scores_are_those_of_scikit_learn() -> None:
    """From logits, each score equals scikit-learn's from the probabilities."""
    truth, chance = BINARY.targets[:, 0].astype(int), expit(LOGITS[:, 0].astype(float))
    found = scores(BINARY, ALL, LOGITS, link="logits")
    assert found == pytest.approx(
        {
            "loss": metrics.log_loss(truth, chance),
            "log_loss": metrics.log_loss(truth, chance),
            "accuracy": metrics.accuracy_score(truth, chance > 0.5),
            "roc_auc": metrics.roc_auc_score(truth, chance),
            "f1": metrics.f1_score(truth, chance > 0.5),
        },
        rel=1e-12,
    )


def test_multiclass_scores_are_those_of_scikit_learn() -> None:
    """F1 is the macro average, ROC AUC one against the rest, from the softmax of the logits."""
    truth, chances = THREE.targets, softmax(THREE_LOGITS.astype(float), axis=1)
    found = scores(THREE, ALL, THREE_LOGITS, link="logits")
    assert found == pytest.approx(
        {
            "loss": metrics.log_loss(truth, chances),
            "log_loss": metrics.log_loss(truth, chances),
            "accuracy": metrics.accuracy_score(truth, chances.argmax(axis=1)),
            "roc_auc": metrics.roc_auc_score(truth, chances, multi_class="ovr"),
            "f1": metrics.f1_score(truth, chances.argmax(axis=1), average="macro"),
        },
        rel=1e-12,
    )


def test_regression_scores_are_in_the_data_s_own_units() -> None:
    """RMSE, MAE and R2 are in original units, the loss in those the network is trained in."""
    outputs = np.array([[-1.0], [0.5], [1.0]], np.float32)
    truth, values = np.array([90.0, 100.0, 120.0]), np.array([90.0, 105.0, 110.0])
    assert scores(VALUES, ALL, outputs, link="values") == pytest.approx(
        {
            "loss": (0.25 + 1.0) / 3,
            "rmse": math.sqrt((25 + 100) / 3),
            "mae": 5.0,
            "r2": metrics.r2_score(truth, values),
        }
    )


SEVERAL = dataset(
    TaskKind.REGRESSION, [[-1.0, 0.5, 2.0], [0.0, 1.5, -1.0], [2.0, -0.5, 0.0]], outputs=3
)
SEVERAL_OUTPUTS = np.random.default_rng(1).normal(size=(3, 3))


def test_scores_of_several_outputs_are_scikit_learn_s_plain_average() -> None:
    """Each target goes back to its own units; RMSE, MAE and R2 are averaged over the targets."""
    truth = SEVERAL.targets * np.array([10.0, 0.25, 1.0]) + np.array([100.0, -5.0, 0.0])
    values = SEVERAL_OUTPUTS * np.array([10.0, 0.25, 1.0]) + np.array([100.0, -5.0, 0.0])
    average = {"multioutput": "uniform_average"}
    found = scores(SEVERAL, ALL, SEVERAL_OUTPUTS, link="values")
    assert found == pytest.approx(
        {
            "loss": metrics.mean_squared_error(SEVERAL.targets, SEVERAL_OUTPUTS),
            "rmse": metrics.root_mean_squared_error(truth, values, **average),
            "mae": metrics.mean_absolute_error(truth, values, **average),
            "r2": metrics.r2_score(truth, values, **average),
        },
        rel=1e-12,
    )
    alone = [math.sqrt(((truth - values)[:, output] ** 2).mean()) for output in range(3)]
    assert found["rmse"] == pytest.approx(sum(alone) / 3)


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ("mean_squared_error", (0.25 + 1.0) / 3),
        ("mean_absolute_error", (0.5 + 1.0) / 3),
        ("huber(delta=0.75)", (0.125 + 0.75 * 0.625) / 3),
    ],
)
def test_the_loss_of_a_regression_is_the_one_it_is_trained_on(loss: str, expected: float) -> None:
    """The loss beside the metrics is the task's own, in the units of the training."""
    outputs = np.array([[-1.0], [0.5], [1.0]], np.float32)
    assert scores(VALUES, ALL, outputs, link="values", loss=loss)["loss"] == pytest.approx(expected)


LOSSES = {
    TaskKind.BINARY: ["binary_cross_entropy", "binary_cross_entropy(label_smoothing=0.25)"],
    TaskKind.MULTICLASS: [
        "sparse_categorical_cross_entropy",
        "sparse_categorical_cross_entropy(label_smoothing=0.25)",
        "categorical_cross_entropy(label_smoothing=0.25)",
    ],
    TaskKind.REGRESSION: ["mean_squared_error", "mean_absolute_error", "huber(delta=0.25)"],
}


@pytest.mark.parametrize("text", [text for texts in LOSSES.values() for text in texts])
def test_the_loss_agrees_with_the_oracle(text: str) -> None:
    """Scored from raw outputs, the training loss is the number that the oracle trains on."""
    loss = Loss.model_validate(parse_call(text))
    kind = next(kind for kind, names in LOSSES_OF_KIND.items() if loss.name in names)
    link: Link = "values" if kind is TaskKind.REGRESSION else "logits"
    data, outputs = {
        TaskKind.BINARY: (BINARY, LOGITS.astype(float)),
        TaskKind.MULTICLASS: (THREE, THREE_LOGITS.astype(float)),
        TaskKind.REGRESSION: (SEVERAL, SEVERAL_OUTPUTS),
    }[kind]
    network = Network(inputs=1, layers=(Dense(units=data.card.outputs),))
    targets = data.source(network, one_hot=loss.name == "categorical_cross_entropy").targets
    targets = targets if targets.dtype == np.int32 else targets.astype(np.float64)
    found = scores(data, ALL, outputs, link=link, loss=text)
    assert found["loss"] == pytest.approx(mean_loss(loss, outputs, targets), rel=1e-12)
    if loss.label_smoothing:
        assert found["log_loss"] != pytest.approx(found["loss"], rel=1e-3)


@pytest.mark.parametrize("smoothing", [0.0, 0.25])
def test_the_smoothed_loss_is_the_same_from_probabilities(smoothing: float) -> None:
    """A quick start, which hands over probabilities, has its loss smoothed in the same way."""
    loss = f"sparse_categorical_cross_entropy(label_smoothing={smoothing})"
    chances = softmax(THREE_LOGITS.astype(float), axis=1)
    from_logits = scores(THREE, ALL, THREE_LOGITS, link="logits", loss=loss)
    from_chances = scores(THREE, ALL, chances, link="probabilities", loss=loss)
    assert from_chances["loss"] == pytest.approx(from_logits["loss"], rel=1e-6)


@pytest.mark.parametrize(
    ("data", "outputs"), [(BINARY, LOGITS), (THREE, THREE_LOGITS)], ids=["binary", "multiclass"]
)
def test_logits_and_probabilities_score_alike(data: Dataset, outputs: Any) -> None:
    """A framework that hands over probabilities gets the scores of one that hands over logits."""
    chances = expit(outputs) if data is BINARY else softmax(outputs, axis=1)
    from_logits = scores(data, ALL, outputs, link="logits")
    from_chances = scores(data, ALL, chances.astype(np.float32), link="probabilities")
    assert from_chances == pytest.approx(from_logits, rel=1e-5)
    assert {*metric_names(data.card.kind), "loss"} == {*from_logits} == {*from_chances}


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.lists(st.floats(-(2.0**100), 2.0**100, width=32), min_size=5, max_size=5))
def test_any_finite_logits_have_finite_scores(values: list[float]) -> None:
    """However saturated, finite logits give numbers that JSON can hold."""
    found = scores(BINARY, ALL, np.array(values, np.float32).reshape(-1, 1), link="logits")
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_saturated_logits_keep_their_loss_and_their_ranks() -> None:
    """The loss of a confident mistake is its logit, and the ranks do not tie at probability 1."""
    data = dataset(TaskKind.BINARY, [0, 1])
    found = scores(data, ALL, np.array([[1000.0], [2000.0]]), link="logits")
    assert found["loss"] == pytest.approx(500.0)
    assert found["roc_auc"] == 1.0


def test_a_saturated_float32_probability_is_not_taken_for_certainty() -> None:
    """Probabilities of exactly 0 or 1 are clipped at their own precision, as in scikit-learn."""
    data = dataset(TaskKind.BINARY, [0, 1])
    found = scores(data, ALL, np.array([[1.0], [1.0]], np.float32), link="probabilities")
    assert found["loss"] == pytest.approx(-math.log(np.finfo(np.float32).eps) / 2, rel=1e-5)


def test_an_undefined_score_is_left_out() -> None:
    """ROC AUC of rows without every class, and R2 of one row, are absent rather than NaN."""
    assert "roc_auc" not in scores(THREE, slice(0, 2), THREE_LOGITS[:2], link="logits")
    one_class = dataset(TaskKind.BINARY, [1, 1])
    assert "roc_auc" not in scores(one_class, ALL, LOGITS[:2], link="logits")
    assert "r2" not in scores(VALUES, slice(0, 1), np.zeros((1, 1)), link="values")


def test_two_classes_may_be_a_multiclass_task() -> None:
    """A softmax over two classes is scored like any other."""
    data = dataset(TaskKind.MULTICLASS, [0, 1, 1], outputs=2)
    found = scores(data, ALL, np.array([[1.0, 0.0], [0.0, 2.0], [1.0, 0.5]]), link="logits")
    assert found["accuracy"] == pytest.approx(2 / 3)
    assert found["roc_auc"] == 1.0


@pytest.mark.parametrize(
    ("outputs", "link", "sentence"),
    [
        (np.full((5, 1), np.nan), "logits", "the training has diverged"),
        (np.full((5, 1), np.inf), "logits", "the training has diverged"),
        (np.zeros((4, 1)), "logits", r"shape \(4, 1\) instead of \(5, 1\)"),
        (np.zeros(5), "logits", "shape"),
        (np.full((5, 1), 1.5), "probabilities", "not probabilities"),
        (np.zeros((5, 1)), "values", "no outputs called values"),
    ],
)
def test_outputs_that_cannot_be_scored_are_refused(outputs: Any, link: Any, sentence: str) -> None:
    """A diverged training or outputs of a wrong form end in a sentence, not in a score."""
    with pytest.raises(ValueError, match=sentence):
        scores(BINARY, ALL, outputs, link=link)


# The table of scores.


def test_every_score_of_the_table_is_computed_and_no_other() -> None:
    """What the spec calls a score has a function here, for the kinds that it exists for."""
    classes = {name for name, metric in METRICS.items() if TaskKind.BINARY in metric.kinds}
    assert set(worker_metrics.CLASS_SCORES) == classes == set(metric_names(TaskKind.MULTICLASS))
    assert (
        set(worker_metrics.VALUE_SCORES)
        == set(METRICS) - classes
        == set(metric_names(TaskKind.REGRESSION))
    )
    assert set(METRICS) > worker_metrics.COSTLY
    assert {*STUDY_SCORES} == {*TaskKind}
    assert all(set(names) <= set(metric_names(kind)) for kind, names in STUDY_SCORES.items())


@pytest.mark.parametrize("metric", METRICS.values(), ids=str)
def test_a_perfect_model_has_the_best_score_and_a_worse_one_lies_on_its_other_side(
    metric: Metric,
) -> None:
    """Direction and best value of the table are those of the numbers that are computed."""
    if TaskKind.REGRESSION in metric.kinds:
        truth = np.array([1.0, 2.0, 4.0])
        right, wrong = (worker_metrics.value_metrics(truth, truth + off) for off in (0.0, 1.0))
    else:
        truth, loss = np.array([0, 1, 2, 2]), LOSS_OF_KIND[TaskKind.MULTICLASS]
        chances = np.eye(3)[truth]
        right, wrong = (
            worker_metrics.class_metrics(TaskKind.MULTICLASS, truth, each, loss)
            for each in (chances, 0.4 * chances + 0.6 * chances[::-1])
        )
    assert right[metric.name] == pytest.approx(metric.best, abs=1e-12)
    assert metric.reached(right[metric.name], wrong[metric.name])
    assert not metric.reached(wrong[metric.name], right[metric.name])


def test_a_score_has_a_name_for_columns_and_one_for_sentences() -> None:
    """Within a sentence a word is small and an abbreviation is not."""
    said = [metric.in_sentence for metric in METRICS.values()]
    assert said == ["accuracy", "log loss", "ROC AUC", "F1", "RMSE", "MAE", "R²"]
    assert [main_metric(kind).name for kind in TaskKind] == ["accuracy", "accuracy", "rmse"]

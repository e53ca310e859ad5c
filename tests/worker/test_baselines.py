"""The reference lines: exactly what scikit-learn's own pipeline gives on the same split."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from threadpoolctl import threadpool_limits

from samenet.spec import load_task
from samenet.spec.baselines import BASELINES
from samenet.spec.csv_task import csv_task
from samenet.spec.metrics import metric_names
from samenet.tasks.preparation import preprocessor
from samenet.tasks.sources import load
from samenet.worker.baseline_models import FITS, ReferenceLine, fit_reference_models


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Several OpenMP threads wait for each other twenty times longer where other tests run."""
    with threadpool_limits(1):
        yield


@cache
def lines_of(name: str) -> list[ReferenceLine]:
    return fit_reference_models(load_task(name))


@pytest.mark.parametrize("name", ["single_neuron", "wine", "diabetes", "projectile"])
def test_every_kind_has_both_lines_with_all_scores(name: str) -> None:
    """A linear model and boosted trees are scored on both parts with every metric of the kind."""
    task, lines = load_task(name), lines_of(name)
    assert [line.name for line in lines] == [*BASELINES]
    for line in lines:
        assert {*line.train} == {*line.test} == {*metric_names(task.kind), "loss"}
        assert len(line.fit_seconds) == FITS
        assert min(line.fit_seconds) > 0


def test_the_linear_classifier_is_scikit_learn_s_own() -> None:
    """Its scores are those of LogisticRegression behind the public preparation."""
    raw = load(load_task("wine"))
    model = make_pipeline(preprocessor(raw.features), LogisticRegression(max_iter=1000))
    model.fit(raw.features.iloc[raw.train], raw.target[raw.train])
    chances = model.predict_proba(raw.features.iloc[raw.test])
    truth, test = raw.target[raw.test], lines_of("wine")[0].test
    assert test["accuracy"] == metrics.accuracy_score(truth, chances.argmax(axis=1))
    assert test["log_loss"] == metrics.log_loss(truth, chances)
    assert test["roc_auc"] == metrics.roc_auc_score(truth, chances, multi_class="ovr")


def test_the_linear_regression_is_scikit_learn_s_own(tmp_path: Path) -> None:
    """On a table with texts, gaps and dates its scores are those of Ridge on the same split."""
    draw, rows = np.random.default_rng(0), 2000
    city = draw.choice(["Bonn", "Ulm", None], rows)
    table = pd.DataFrame({"area": draw.uniform(20, 200, rows), "city": city})
    table["on"] = pd.Timestamp("2020-01-01") + pd.to_timedelta(draw.integers(0, 900, rows), "D")
    table["price"] = table["area"] * 3 + 50 * (city == "Ulm") + draw.normal(0, 5, rows)
    table.to_csv(tmp_path / "sales.csv", index=False)
    task = csv_task(tmp_path / "sales.csv", "price")
    raw = load(task)
    model = make_pipeline(preprocessor(raw.features), Ridge())
    model.fit(raw.features.iloc[raw.train], raw.target[raw.train])
    values, truth = model.predict(raw.features.iloc[raw.test]), raw.target[raw.test]
    test = fit_reference_models(task)[0].test
    assert test["rmse"] == metrics.root_mean_squared_error(truth, values)
    assert test["mae"] == metrics.mean_absolute_error(truth, values)
    assert test["r2"] == metrics.r2_score(truth, values)


def test_several_targets_are_predicted_by_scikit_learn_s_own() -> None:
    """The linear line is one Ridge of all targets, the trees are one model per target."""
    raw = load(load_task("projectile"))
    train, test = (raw.features.iloc[rows] for rows in (raw.train, raw.test))
    trees = HistGradientBoostingRegressor(early_stopping=False, random_state=0)
    for line, regressor in zip(
        lines_of("projectile"), (Ridge(), MultiOutputRegressor(trees)), strict=True
    ):
        model = make_pipeline(preprocessor(raw.features), regressor).fit(
            train, raw.target[raw.train]
        )
        values, truth = model.predict(test), raw.target[raw.test]
        assert values.shape == (len(raw.test), 3)
        assert line.test["rmse"] == metrics.root_mean_squared_error(truth, values)
        assert line.test["mae"] == metrics.mean_absolute_error(truth, values)
        assert line.test["r2"] == metrics.r2_score(truth, values)
        deviations = raw.target[raw.train].std(axis=0)
        scaled = metrics.mean_squared_error(truth / deviations, values / deviations)
        assert line.test["loss"] == pytest.approx(scaled, rel=1e-12)


def test_the_loss_of_a_line_is_the_one_the_networks_are_trained_on() -> None:
    """A line beside networks that minimise an absolute error is shown with that loss."""
    task = load_task("diabetes", [("training.loss", "mean_absolute_error")])
    raw, line = load(task), fit_reference_models(task)[0]
    assert line.test["loss"] == pytest.approx(
        line.test["mae"] / raw.target[raw.train].std(), rel=1e-12
    )
    smoothed = load_task("wine", [("training.loss", SMOOTHED)])
    assert fit_reference_models(smoothed)[0].test["loss"] > lines_of("wine")[0].test["loss"]


SMOOTHED = "sparse_categorical_cross_entropy(label_smoothing=0.25)"


def test_a_class_with_one_row_does_not_stop_the_lines(tmp_path: Path) -> None:
    """A rare class is learnt from like any other, and the scores of the others are there."""
    table = pd.DataFrame({"x": range(41), "y": ["a", "b"] * 20 + ["rare"]})
    table.to_csv(tmp_path / "rare.csv", index=False)
    for line in fit_reference_models(csv_task(tmp_path / "rare.csv", "y", batch=8)):
        assert "accuracy" in line.test
        assert "roc_auc" not in line.test

"""`samenet.run(X, y)` from Python: arrays in, a Result out, no framework in this process."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import samenet
from samenet import api
from samenet.errors import RefusedError, RunFolderError, UsageError
from samenet.machine import paths


def test_own_arrays_give_a_result_with_table_figure_and_advice(tmp_path: Path) -> None:
    """One call measures, writes the page, and answers as pandas, matplotlib and sentences."""
    draw = np.random.default_rng(0)
    inputs = draw.normal(size=(120, 3))
    targets = np.where(inputs.sum(axis=1) > 0, "yes", "no")
    training = samenet.Training(hidden=(4,), epochs=2, batch_size=16)
    result = samenet.run(
        inputs,
        targets,
        training=training,
        frameworks=("numpy",),
        repeats=1,
        out=tmp_path / "run",
        quiet=True,
    )
    assert result.page.exists()
    assert {"task", "arm", "repeat", "quantity", "seconds"} == set(result.frame().columns)
    assert {"accuracy", "loss"} <= set(result.scores().metric)
    assert result.figure("hero").axes
    assert result.advice() == []  # NumPy alone is a reference, nothing to recommend
    assert "NumPy" in repr(result)
    assert samenet.load(tmp_path / "run").json() == result.json()


def test_several_targets_are_measured_and_scored_together(tmp_path: Path) -> None:
    """Two columns of numbers, as a data frame, are one regression of two outputs."""
    draw = np.random.default_rng(0)
    inputs = pd.DataFrame(draw.normal(size=(120, 3)), columns=["a", "b", "c"])
    targets = pd.DataFrame({"metres": 1000 + 9 * inputs["a"], "kilos": 0.1 * inputs["b"]})
    result = samenet.run(
        inputs,
        targets,
        training=samenet.Training(hidden=(4,), epochs=2, batch_size=16),
        frameworks=("numpy",),
        repeats=1,
        track="same",
        out=tmp_path / "run",
        quiet=True,
    )
    assert result.json()["tasks"][0]["kind"] == "regression"
    assert result.json()["failures"] == []
    assert {"rmse", "mae", "r2", "loss"} <= set(result.scores().metric)
    checks = result.json()["tasks"][0]["same_network"][0]["checks"]
    assert checks["passed"]
    assert np.load(tmp_path / "run" / "data" / "given.npz")["targets"].shape == (120, 2)


@pytest.mark.parametrize(
    ("targets", "kept"),
    [
        (pd.Series(["a", "b"]), ["a", "b"]),
        (pd.Series(["a", "b"], dtype="category"), ["a", "b"]),
        (pd.Series([True, None]), [1.0, math.nan]),
        (pd.Series([1, None], dtype="Int64"), [1.0, math.nan]),
        ([[1.5], [2.5]], [1.5, 2.5]),
        (pd.DataFrame({"a": [1.0, 2.0], "b": [3, 4]}), [[1.0, 3.0], [2.0, 4.0]]),
    ],
    ids=str,
)
def test_targets_become_an_array_that_a_file_can_hold(targets: Any, kept: Any) -> None:
    """Texts, flags and gaps of pandas are kept as plain NumPy texts or numbers."""
    found = api._targets(targets)
    assert found.dtype.kind in "Ufi"
    np.testing.assert_array_equal(found, np.array(kept))


@pytest.mark.parametrize(
    ("targets", "kind", "sentence"),
    [
        (
            np.eye(3)[[0, 1, 2, 0]],
            None,
            r"several targets of 0 and 1 alone.* onehot\.argmax\(axis=1\)",
        ),
        (np.ones((4, 2)), "binary", r"shape \(4, 2\); a binary task has one target"),
        (np.ones((4, 2)), "multiclass", "a multiclass task has one target"),
        (np.ones((4, 2, 2)), None, r"must be \(rows,\) or \(rows, outputs\)"),
        (np.ones((4, 0)), None, r"got the shape \(4, 0\)"),
        (np.arange(3), None, "4 rows of inputs and 3 of targets"),
        (pd.Series(["a", None, "b", "c"]), None, "row 2 has none"),
        (np.ones(4), "regresion", "Unknown kind 'regresion'. Did you mean 'regression'"),
    ],
)
def test_targets_of_a_wrong_form_are_refused(targets: Any, kind: str | None, sentence: str) -> None:
    """One-hot rows, several targets of classes and rows that do not fit: one sentence each."""
    with pytest.raises(UsageError, match=sentence):
        samenet.run(np.ones((4, 2)), targets, kind=kind)


def test_texts_among_the_inputs_are_refused_with_a_remedy() -> None:
    """Inputs that are no numbers name the way that handles them."""
    with pytest.raises(UsageError, match="--data"):
        samenet.run([["red"], ["blue"]], [0, 1])


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"frameworks": ("torhc",)}, "Unknown framework 'torhc'"),
        ({"profile": "fast"}, "Unknown profile 'fast'"),
        ({"track": "sme"}, "Unknown track 'sme'. Did you mean 'same'?"),
        ({"repeats": 0}, "0 repeats: measure at least one."),
        ({"training": samenet.Training(epochs=0)}, "epochs"),
    ],
    ids=["framework", "profile", "track", "repeats", "training"],
)
def test_a_request_that_cannot_be_leaves_no_folder(
    wrong: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    """A mistake is a UsageError that names it, and nothing is written for it."""
    inputs = np.random.default_rng(0).normal(size=(120, 3))
    targets = np.where(inputs[:, 0] > 0, "yes", "no")
    given = {"frameworks": ("numpy",), "repeats": 1, "quiet": True, **wrong}
    with pytest.raises(UsageError) as found:
        samenet.run(inputs, targets, out=tmp_path / "run", **given)
    assert sentence in str(found.value)
    assert list(tmp_path.iterdir()) == []


def test_a_refused_run_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the machine refuses before anything is measured leaves nothing of the data behind."""
    monkeypatch.setattr(paths, "free_bytes", lambda folder: 1000)
    inputs = np.random.default_rng(0).normal(size=(120, 3))
    with pytest.raises(RefusedError, match="Less than 200 MB are free"):
        samenet.run(
            inputs, inputs[:, 0], frameworks=("numpy",), repeats=1, quiet=True, out=tmp_path / "run"
        )
    assert list(tmp_path.iterdir()) == []


def test_a_refused_run_leaves_a_folder_that_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty folder of the user's stays; so does what another process puts there meanwhile."""
    own = tmp_path / "own"
    own.mkdir()

    def is_full(folder: Path) -> int:
        (folder / "data" / "mine.txt").write_text("mine", encoding="utf-8")
        return 1000

    monkeypatch.setattr(paths, "free_bytes", is_full)
    inputs = np.random.default_rng(0).normal(size=(120, 3))
    with pytest.raises(RefusedError, match="Less than 200 MB are free"):
        samenet.run(inputs, inputs[:, 0], frameworks=("numpy",), repeats=1, quiet=True, out=own)
    assert [path.name for path in own.rglob("*") if path.is_file()] == ["mine.txt"]


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    """Opening something else is one clear sentence."""
    with pytest.raises(RunFolderError, match="not a run folder"):
        samenet.load(tmp_path)


def test_an_unknown_name_of_the_package_is_an_attribute_error() -> None:
    """The lazy package behaves like an ordinary one for names it does not have."""
    with pytest.raises(AttributeError, match="fitt"):
        _ = samenet.fitt

"""`samenet.run(X, y)` from Python: arrays in, a Result out, no framework in this process."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import samenet
from samenet import api
from samenet.errors import RunFolderError, UsageError
from samenet.spec import Kind


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


@pytest.mark.parametrize(
    ("targets", "kind"),
    [
        ([0, 1, 1, 0], Kind.BINARY),
        (["a", "b", "c"], Kind.MULTICLASS),
        ([0, 1, 2, 3], Kind.MULTICLASS),
        ([0.5, 1.25, 2.0], Kind.REGRESSION),
        (list(range(100)), Kind.REGRESSION),
    ],
)
def test_the_kind_follows_from_the_targets(targets: list[object], kind: Kind) -> None:
    """Two values, texts or a few whole numbers are classes; other numbers a regression."""
    assert api.guessed_kind(np.array(targets)) == kind


def test_texts_among_the_inputs_are_refused_with_a_remedy() -> None:
    """Inputs that are no numbers name the way that handles them."""
    with pytest.raises(UsageError, match="--data"):
        samenet.run([["red"], ["blue"]], [0, 1])


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    """Opening something else is one clear sentence."""
    with pytest.raises(RunFolderError, match="not a run folder"):
        samenet.load(tmp_path)


def test_an_unknown_name_of_the_package_is_an_attribute_error() -> None:
    """The lazy package behaves like an ordinary one for names it does not have."""
    with pytest.raises(AttributeError, match="fitt"):
        _ = samenet.fitt

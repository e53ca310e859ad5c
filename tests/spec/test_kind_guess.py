"""What a target is taken for: the same numbers make the same task, as an array and as a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.utils.multiclass import type_of_target

import samenet
from samenet.errors import UsageError
from samenet.execution import planner
from samenet.experiments.scaling import ladder
from samenet.spec import LOSSES_OF_KIND, Adam, Task, TaskKind
from samenet.spec.csv_task import csv_task
from samenet.spec.csv_task import guess_kind as guess_of_table
from samenet.spec.kind_guess import guess_kind

BINARY, MULTICLASS, REGRESSION = TaskKind.BINARY, TaskKind.MULTICLASS, TaskKind.REGRESSION


class _Stopped(Exception):  # noqa: N818 - no error: the request is all that is wanted
    """The request has been seen."""


@pytest.fixture
def from_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that gives the task of `samenet.run(X, y)` without running it."""
    seen: list[Task] = []

    def stop(request: planner.Request) -> None:
        seen.extend(request.own)
        raise _Stopped

    monkeypatch.setattr(planner, "make_plan", stop)

    def task_of(targets: Any, **options: Any) -> Task:
        out = tmp_path / f"run {len(list(tmp_path.iterdir()))}"  # a run asks for a new folder
        with pytest.raises(_Stopped):
            samenet.run(np.zeros((len(targets), 2)), targets, out=out, **options)
        return seen.pop()

    return task_of


def from_table(folder: Path, targets: Any, **options: Any) -> Task:
    """Return the task of `samenet run --data` for a table with the same targets."""
    columns = targets if isinstance(targets, pd.DataFrame) else pd.DataFrame({"y": targets})
    table = folder / "table.csv"
    columns.assign(x1=0.0, x2=0.0).to_csv(table, index=False)
    return csv_task(table, [str(name) for name in columns], **options)


FEW = np.arange(60) % 15
"""Fifteen whole numbers in sixty rows: four rows each."""

SAME: dict[str, tuple[Any, TaskKind]] = {
    "booleans": (np.arange(60) % 3 == 0, BINARY),
    "zero and one": (np.arange(60) % 2, BINARY),
    "two floats": (np.where(np.arange(60) % 2, 0.5, 2.25), BINARY),
    "two texts": (np.array(["no", "yes"] * 30), BINARY),
    "texts": (np.array(["red", "green", "blue"] * 20), MULTICLASS),
    "texts of pandas": (pd.Series(["red", "green", "blue"] * 20), MULTICLASS),
    "few whole numbers, many rows each": (np.arange(60) % 12, MULTICLASS),
    "fifteen whole numbers in sixty rows": (FEW, REGRESSION),
    "fifteen whole numbers in many rows": (np.arange(600) % 15, MULTICLASS),
    "twenty whole numbers": (np.arange(600) % 20, MULTICLASS),
    "twenty-one whole numbers": (np.arange(630) % 21, REGRESSION),
    "negative whole numbers": (np.arange(60) % 3 - 1, MULTICLASS),
    "small unsigned numbers": ((np.arange(60) % 3).astype(np.uint8), MULTICLASS),
    "floats that are whole": (FEW.astype(float) % 3, MULTICLASS),
    "floats that are whole, few rows each": (FEW.astype(float), REGRESSION),
    "floats": (np.arange(60) / 7, REGRESSION),
    "three floats": (np.array([1.5, 2.5, 3.5] * 20), REGRESSION),
    "a gap among few whole numbers": (
        pd.Series([1.0, 2.0, 3.0, np.nan] * 20),
        MULTICLASS,
    ),
    "pandas' own whole numbers with a gap": (
        pd.Series([1, 2, 3, None] * 20, dtype="Int64"),
        MULTICLASS,
    ),
    "a categorical of texts": (pd.Series(["a", "b", "c"] * 20, dtype="category"), MULTICLASS),
    "a categorical of numbers": (pd.Series([1, 2, 3] * 20, dtype="category"), MULTICLASS),
    "a categorical of two": (pd.Series([1, 2] * 30, dtype="category"), BINARY),
    "ten rows of three whole numbers": (np.arange(10) % 3, REGRESSION),
    "several columns": (
        pd.DataFrame({"a": np.arange(60) / 7, "b": np.arange(60) % 5}),
        REGRESSION,
    ),
}


@pytest.mark.parametrize("name", SAME)
def test_the_same_numbers_make_the_same_task_through_both_doors(
    name: str, tmp_path: Path, from_python: Any
) -> None:
    """`samenet.run(X, y)` and `samenet run --data` guess one kind and choose one training."""
    targets, kind = SAME[name]
    arrays, table = from_python(targets), from_table(tmp_path, targets)
    assert (arrays.kind, table.kind) == (kind, kind)
    assert (arrays.model, arrays.training) == (table.model, table.training)


def test_sixty_rows_of_fifteen_numbers_are_one_kind_of_task(
    tmp_path: Path, from_python: Any
) -> None:
    """The table that was of several classes for Python and a regression for the command line."""
    assert from_python(FEW).kind is from_table(tmp_path, FEW).kind


def test_the_guess_is_said_and_quiet_is_quiet(
    from_python: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """Python says on standard error what it guessed, why, and how to overrule it."""
    from_python(pd.Series(FEW, name="rooms"))
    said = capsys.readouterr().err
    assert said == (
        "rooms is numeric with 15 different values: regression (kind= overrides this)\n"
    )
    from_python(FEW, quiet=True)
    from_python(FEW, kind="multiclass")
    assert capsys.readouterr().err == ""


def test_the_guess_can_be_overruled(tmp_path: Path, from_python: Any) -> None:
    """What is asked for holds through both doors."""
    assert from_python(FEW, kind="multiclass").kind is MULTICLASS
    assert from_table(tmp_path, FEW, kind=MULTICLASS).kind is MULTICLASS


def test_a_type_that_only_python_knows_is_believed(from_python: Any) -> None:
    """A categorical is of classes however many there are; a table has no such type to tell."""
    assert from_python(pd.Series(FEW).astype("category")).kind is MULTICLASS
    column = pd.DataFrame({"rooms": pd.Series(FEW).astype("category")})
    assert from_python(column).kind is MULTICLASS


def test_columns_of_zero_and_one_alone_are_asked_about(tmp_path: Path, from_python: Any) -> None:
    """One-hot rows are not taken for numbers, through neither door, and a kind settles it."""
    onehot = pd.DataFrame(np.eye(3, dtype=int)[np.arange(60) % 3], columns=["a", "b", "c"])
    for flags in (onehot, onehot.astype(bool)):
        with pytest.raises(UsageError, match="a, b and c are several targets of 0 and 1 alone"):
            samenet.run(np.zeros((60, 2)), flags)
        with pytest.raises(UsageError, match="a, b and c are several targets of 0 and 1 alone"):
            from_table(tmp_path, flags)
    assert from_python(onehot, kind="regression").kind is REGRESSION
    assert from_table(tmp_path, onehot, kind=REGRESSION).kind is REGRESSION


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (["no", "yes"], "y has two different values (no, yes): binary"),
        (["a", "b", "c"], "y is text with 3 different values: multiclass"),
        ([1, 2, 3], "y is one of 3 whole numbers: multiclass"),
        ([1.5, 2.5, 3.5], "y is numeric with 3 different values: regression"),
    ],
)
def test_a_guess_has_its_reason(values: Sequence[Any], reason: str, tmp_path: Path) -> None:
    """One sentence says what was seen and what it was taken for."""
    frame = pd.DataFrame({"y": [*values] * 20})
    assert guess_kind(frame)[1] == reason
    frame.assign(x=1).to_csv(tmp_path / "table.csv", index=False)
    assert guess_of_table(tmp_path / "table.csv", "y")[1] == reason


@pytest.mark.parametrize("name", SAME)
def test_the_guess_differs_from_scikit_learn_s_only_in_whole_numbers(name: str) -> None:
    """Where it sees classes we see a regression only of many or rare whole numbers."""
    targets, kind = SAME[name]
    if isinstance(targets, pd.DataFrame):
        assert type_of_target(targets).endswith("-multioutput")
        return
    values = np.asarray(pd.Series(targets).dropna().tolist())
    theirs = type_of_target(values)
    if theirs != "continuous":
        rare = len(values) < 5 * len(np.unique(values)) or len(np.unique(values)) > 20
        assert kind == (REGRESSION if rare else theirs)
    elif len(np.unique(values)) > 2:
        assert kind is REGRESSION


def test_every_made_task_has_the_same_exact_optimiser(tmp_path: Path, from_python: Any) -> None:
    """Arrays, tables and ladders train by Adam with one set of constants, exact in binary."""
    made = [
        from_python(np.arange(60) / 7, training=samenet.Training(learning_rate=2.0**-14)),
        from_table(tmp_path, np.arange(60) / 7),
        ladder.ladder_tasks()[0],
    ]
    rules = [task.training.optimizer for task in made]
    assert {type(rule) for rule in rules} == {Adam}
    assert {(r.beta1, r.beta2, r.epsilon) for r in rules if isinstance(r, Adam)} == {
        (0.875, 1 - 2.0**-10, 2.0**-40)
    }
    assert [rule.learning_rate for rule in rules] == [2.0**-14, 2.0**-10, 2.0**-14]
    assert [t.training.loss.name for t in made] == [LOSSES_OF_KIND[t.kind][0] for t in made]


def test_numbers_and_texts_in_one_target_are_two_classes() -> None:
    """A number beside a text does not compare with it, and is a class all the same."""
    kind, reason = guess_kind(pd.DataFrame({"y": [1, "a"] * 20}))
    assert kind == BINARY
    assert "(1, a)" in reason

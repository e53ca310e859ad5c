"""Rows in places: images, sequences and tokens are checked, scaled by channel, and given whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from samenet.adapter.dataset import Dataset, network_of
from samenet.errors import UsageError
from samenet.spec import Task, load_task
from samenet.tasks.sources import load, prepare

DRAW = np.random.default_rng(0)


def task_of(path: Path, inputs: Any, *, model: Any = "mlp(4)", batch: int = 8, **data: Any) -> Task:
    """Return the task of telling two classes in these rows."""
    np.savez(path, inputs=inputs, targets=np.arange(len(inputs)) % 2)
    values = load_task("two_moons").to_json()
    values["data"] = {"source": f"arrays:{path}", "test_rows": 8, **data}
    values["model"] = model
    values["training"]["batch_size"] = batch
    return Task.model_validate(values)


def test_a_channel_is_scaled_as_a_whole(tmp_path: Path) -> None:
    """Each channel has mean 0 and deviation 1 over all places of the training rows, none alone."""
    images = DRAW.normal(size=(40, 4, 4, 2)) * [1.0, 50.0] + [3.0, -7.0]
    images[:, 0, 0] = 0.0  # a corner that is always dark stays unlike the others
    task = task_of(tmp_path / "x.npz", images, model="cnn(2)", shape=(4, 4, 2))
    dataset = prepare(task)
    source = dataset.source(network_of(task, dataset))
    train = source.inputs[: source.train_rows].astype(np.float64)
    assert source.inputs.shape == (40, 4, 4, 2)
    assert source.inputs.dtype == np.float32
    np.testing.assert_allclose(train.mean(axis=(0, 1, 2)), 0, atol=1e-6)
    np.testing.assert_allclose(train.std(axis=(0, 1, 2)), 1, atol=1e-6)
    assert np.ptp(train[:, 0, 0], axis=0).max() == 0
    assert dataset.inputs.shape == (40, 32)


def test_tokens_stay_what_they_are(tmp_path: Path) -> None:
    """Token numbers reach a program as int32 rows, as the file has them."""
    rows = DRAW.integers(0, 9, (40, 6))
    task = task_of(tmp_path / "x.npz", rows, model="lstm(4)", vocabulary=9)
    dataset = prepare(task)
    Dataset.load(saved(dataset, tmp_path))
    source = dataset.source(network_of(task, dataset))
    raw = load(task)
    assert source.inputs.dtype == np.int32
    np.testing.assert_array_equal(source.inputs, rows[np.concatenate([raw.train, raw.test])])


def saved(dataset: Dataset, folder: Path) -> Path:
    dataset.save(folder / "prepared.npz")
    return folder / "prepared.npz"


def test_a_sequence_comes_in_its_shape(tmp_path: Path) -> None:
    """Rows of a sequence reach a program as (steps, features), in the order of the columns."""
    rows = DRAW.normal(size=(40, 6))
    task = task_of(tmp_path / "x.npz", rows, model="gru(4)", shape=(3, 2))
    dataset = prepare(task)
    inputs = dataset.rows(network_of(task, dataset))
    assert inputs.shape == (40, 3, 2)
    np.testing.assert_array_equal(inputs[:, 1, 0], dataset.inputs[:, 2])


@pytest.mark.parametrize(
    ("inputs", "data", "said"),
    [
        (DRAW.normal(size=(40, 6)), {"shape": (2, 2)}, "6 columns .* has 4 places"),
        (DRAW.normal(size=(40, 2, 3)), {}, r"say data.shape = \[2, 3\]"),
        (np.full((40, 6), np.nan), {"shape": (3, 2)}, "column 'x1' has no number in row 1"),
        (np.full((40, 6), 9), {"vocabulary": 9}, "row 1 holds the token 9; .* from 0 to 8"),
        (np.full((40, 6), -1), {"vocabulary": 9}, "row 1 holds the token -1"),
        (np.full((40, 6), 0.5), {"vocabulary": 9}, "row 1 holds the token 0.5"),
    ],
)
def test_rows_that_do_not_fit_are_one_sentence(
    inputs: Any, data: dict[str, Any], said: str, tmp_path: Path
) -> None:
    """Another count of numbers, a gap or no token is told with the row and what was expected."""
    model = "lstm(4)" if data else "mlp(4)"
    task = task_of(
        tmp_path / "x.npz",
        inputs,
        model=model if len(data.get("shape", ())) != 2 else "gru(2)",
        **data,
    )
    with pytest.raises(UsageError, match=said):
        prepare(task)


def test_a_last_batch_of_one_row_is_refused_before_batch_norm(tmp_path: Path) -> None:
    """Batch norm of a single row has no variance: the split that leaves one is refused."""
    norm = {"kind": "batch_norm", "rate": 0.125, "epsilon": 2.0**-10}
    model = {"layers": [{"kind": "dense", "units": 4}, norm]}
    task = task_of(tmp_path / "x.npz", DRAW.normal(size=(41, 6)), model=model)
    with pytest.raises(UsageError, match="a last batch of one row, and batch_norm needs"):
        prepare(task)


def test_what_is_made_here_is_the_same_bytes_every_time() -> None:
    """Two preparations of each formula are equal, and another seed gives other rows."""
    for name in ("glyphs", "series", "tokens", "brackets", "wide"):
        task = load_task(name, [("data.options.rows", "300"), ("data.test_rows", "44")])
        other = load_task(
            name,
            [("data.options.rows", "300"), ("data.test_rows", "44"), ("data.options.seed", "1")],
        )
        task = task.model_copy(
            update={"training": task.training.model_copy(update={"batch_size": 8})}
        )
        other = other.model_copy(update={"training": task.training})
        assert prepare(task).digest() == prepare(task).digest()
        assert prepare(other).digest() != prepare(task).digest()


@pytest.mark.parametrize("asked", ["character", "serif", "turn"])
def test_every_question_about_a_character_has_its_answer(asked: str) -> None:
    """Of one seed the images are the same kind whatever is asked: 28 × 28, ink near 1, paper 0."""
    from samenet.tasks.glyphs import GlyphOptions, glyphs

    images, answers = glyphs(GlyphOptions(rows=200, asked=asked, noise=0))  # type: ignore[arg-type]
    assert images.shape == (200, 784)
    assert (images.min(), images.max()) == (0, 1)
    assert all(0.02 < image.mean() < 0.4 for image in images)
    distinct = {"character": 10, "serif": 2, "turn": 200}[asked]
    assert len(np.unique(answers)) == distinct
    if asked == "turn":
        assert -29 < answers.min() < -20 < 20 < answers.max() < 29


def test_brackets_match_where_they_are_said_to() -> None:
    """A row counts as matching exactly if no prefix closes more than it opens."""
    from samenet.tasks.sequences import BracketOptions, brackets

    rows, asked = brackets(BracketOptions(rows=400, steps=16))
    depth = np.where(rows == 0, 1, -1).cumsum(axis=1)
    np.testing.assert_array_equal(depth.min(axis=1) >= 0, asked == 1)
    assert (depth[:, -1] == 0).all()
    assert asked.sum() == 200


@pytest.mark.parametrize("asked", ["first", "order", "distance"])
def test_every_mark_stands_once_in_every_row(asked: str) -> None:
    """How often a token occurs says nothing about what is asked."""
    from samenet.tasks.sequences import TokenOptions, tokens

    options = TokenOptions(rows=300, marks=2, asked=asked)  # type: ignore[arg-type]
    rows, _ = tokens(options)
    once = [token for token in range(32) if ((rows == token).sum(axis=1) == 1).all()]
    assert len(once) == 2


def test_the_series_is_that_of_its_equation() -> None:
    """Its values stay where Mackey and Glass's stay, and each row has a start of its own."""
    from samenet.tasks.sequences import SeriesOptions, mackey_glass

    seen, asked = mackey_glass(SeriesOptions(rows=20, steps=32, ahead=4, noise=0))
    longer, last = mackey_glass(SeriesOptions(rows=20, steps=36, ahead=1, noise=0))
    assert seen.shape == (20, 32)
    assert 0.2 < seen.min() < 0.7
    assert 1.0 < seen.max() < 1.5
    np.testing.assert_array_equal(longer[:, :32], seen)
    np.testing.assert_array_equal(longer[:, 35], asked)
    assert len(np.unique(last)) == 20

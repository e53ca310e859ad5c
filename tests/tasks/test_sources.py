"""Data: where rows come from, how they are split, what is learnt from the training part."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import train_test_split

from samenet.adapter.dataset import Dataset, network_of
from samenet.errors import UsageError
from samenet.spec import Task, TaskKind, every_layer, load_task, shipped_tasks
from samenet.spec.csv_task import csv_task
from samenet.tasks.preparation import CATEGORIES_MAX, preprocessor
from samenet.tasks.sources import load, prepare


def sales(rows: int = 10_000) -> pd.DataFrame:
    """Return a table such as people have: numbers, texts, a date, flags, gaps, an identifier."""
    draw = np.random.default_rng(0)
    city = draw.choice(["Bonn", "Köln", "Ulm"], rows).astype(object)
    area = draw.uniform(20, 200, rows)
    sold = pd.Timestamp("2019-03-01") + pd.to_timedelta(draw.integers(0, 900, rows), unit="D")
    price = area * 3000 + 50_000 * (city == "Köln") + draw.normal(0, 20_000, rows)
    area[draw.random(rows) < 0.05] = np.nan
    city[draw.random(rows) < 0.05] = np.nan
    return pd.DataFrame(
        {
            "id": np.arange(rows) + 1,
            "area": area,
            "city": city,
            "street": [f"street {number}" for number in draw.zipf(1.5, rows) % 300],
            "remark": [f"no. {number} of the list" for number in range(rows)],
            "sold_on": sold.strftime("%Y-%m-%d"),
            "garage": draw.random(rows) < 0.5,
            "price": price.round(2),
        }
    )


@pytest.fixture(scope="module")
def sales_csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "sales.csv"
    sales().to_csv(path, index=False)
    return path


def small_task(
    path: Path, table: dict[str, Any], kind: TaskKind | None = None, batch: int = 4
) -> Task:
    pd.DataFrame(table).to_csv(path, index=False)
    return csv_task(path, "y", kind=kind, batch=batch)


def changed(task: Task, **data: Any) -> Task:
    return task.model_copy(update={"data": task.data.model_copy(update=data)})


@pytest.mark.parametrize("name", shipped_tasks())
def test_shipped_tasks_fill_whole_batches(name: str) -> None:
    """Every shipped task has data of the promised types, and no short last batch."""
    task = load_task(name)
    dataset = prepare(task)
    card, rows = dataset.card, len(dataset.inputs)
    assert card.train_rows % task.training.batch_size == 0
    assert rows == card.train_rows + card.test_rows == len(dataset.targets)
    assert dataset.inputs.dtype == (np.int32 if task.data.vocabulary else np.float32)
    assert np.isfinite(dataset.inputs).all()
    assert dataset.inputs.shape == (rows, card.features)
    assert len(card.feature_names) == card.features
    expected = {
        TaskKind.BINARY: (np.float32, (rows, 1)),
        TaskKind.MULTICLASS: (np.int32, (rows,)),
        TaskKind.REGRESSION: (np.float32, (rows, 3 if name == "projectile" else 1)),
    }[card.kind]
    assert (dataset.targets.dtype, dataset.targets.shape) == expected


@pytest.mark.parametrize("name", shipped_tasks())
def test_shipped_tasks_use_constants_exact_in_binary(name: str) -> None:
    """Every constant of a shipped task fits into 10 significant bits, so no framework rounds it."""
    task = load_task(name)
    constants = [v for v in task.training.optimizer.model_dump().values() if isinstance(v, float)]
    for _, layer in every_layer(task.model.layers):
        activation = getattr(layer, "activation", None)
        constants += [v for v in layer.model_dump().values() if isinstance(v, float)]
        constants += [activation.slope] if activation and activation.name == "leaky_relu" else []
    for value in constants:
        mantissa, _ = np.frexp(value)
        assert mantissa * 2**10 == int(mantissa * 2**10), value


def test_data_are_the_same_every_time() -> None:
    """Synthetic and split rows are drawn from seeds: two preparations are the same bytes."""
    for name in ("two_moons", "spirals", "friedman", "projectile", "iris"):
        assert prepare(load_task(name)).digest() == prepare(load_task(name)).digest()


def test_another_seed_gives_other_rows() -> None:
    """The options of a synthetic source and the seed of the split are in force."""
    task = load_task("spirals")
    other = changed(task, options={"rows": 900, "noise": 0.5, "seed": 1}, test_rows=100)
    assert prepare(other).card.train_rows == 800
    assert prepare(changed(task, split_seed=1)).digest() != prepare(task).digest()


def test_the_split_is_that_of_scikit_learn() -> None:
    """A person gets the same rows from `train_test_split` with the seed and the classes."""
    raw = load(load_task("wine"))
    train, test = train_test_split(
        np.arange(len(raw.target)), test_size=50, random_state=0, stratify=raw.target
    )
    np.testing.assert_array_equal(raw.train, train)
    np.testing.assert_array_equal(raw.test, test)


def test_a_table_with_everything_is_prepared_and_told(sales_csv: Path) -> None:
    """Texts, gaps, flags, a date and identifiers become finite numbers; each decision is said."""
    dataset = prepare(csv_task(sales_csv, "price"))
    names, said = dataset.card.feature_names, "\n".join(dataset.card.notes)
    assert (dataset.card.train_rows, dataset.card.test_rows) == (7500, 2500)
    assert np.isfinite(dataset.inputs).all()
    assert {"area", "missingindicator_area", "city_Köln", "city_missing", "garage_True"} <= {*names}
    assert {"sold_on year", "sold_on month", "sold_on weekday"} <= {*names}
    assert sum(name.startswith("street_") for name in names) == CATEGORIES_MAX
    for sentence in (
        "Column 'sold_on' is read as a date: year, month, day, weekday",
        "Column 'id' numbers the rows and is left out",
        "Column 'remark' has a different text in almost every row and is left out",
        "Missing values in 'area': the median of the training rows",
        "the 31 most frequent become one input each",
        "Column 'city' becomes 4 inputs",
    ):
        assert sentence in said
    json.dumps(dataset.card.notes)


def test_a_prepared_table_survives_its_file(sales_csv: Path, tmp_path: Path) -> None:
    """What a prepare worker writes is what every other worker reads."""
    dataset = prepare(csv_task(sales_csv, "price"))
    dataset.save(tmp_path / "data.npz")
    again = Dataset.load(tmp_path / "data.npz")
    assert again.card == dataset.card
    assert again.digest() == dataset.digest()


def test_scaling_is_learnt_from_the_training_rows_only(sales_csv: Path) -> None:
    """Training inputs and targets have mean 0 and deviation 1 whatever the test rows hold."""
    dataset = prepare(csv_task(sales_csv, "price"))
    card, train = dataset.card, slice(0, dataset.card.train_rows)
    area = dataset.inputs[train, card.feature_names.index("area")]
    assert abs(area.mean()) < 1e-6
    assert abs(area.std() - 1) < 1e-5
    assert abs(dataset.targets[train].mean()) < 1e-6
    original = load(csv_task(sales_csv, "price"))
    np.testing.assert_allclose(
        dataset.original_units(dataset.targets[train])[:, 0],
        original.target[original.train],
        rtol=1e-4,
    )


def test_test_rows_cannot_change_the_preparation() -> None:
    """Moving a test row far away leaves every training input as it was."""
    raw = load(load_task("iris"))
    moved = raw.features.copy()
    moved.iloc[raw.test[0]] = 1e6
    before = preprocessor(raw.features).fit(raw.features.iloc[raw.train])
    after = preprocessor(moved).fit(moved.iloc[raw.train])
    rows = raw.features.iloc[raw.train]
    np.testing.assert_array_equal(before.transform(rows), after.transform(rows))


def test_texts_and_gaps_never_seen_in_training_are_no_obstacle() -> None:
    """A category or a gap that only the test rows have is transformed without a complaint."""
    train = pd.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]}).astype({"b": object})
    test = pd.DataFrame({"a": [np.nan], "b": ["z"]}).astype({"b": object})
    inputs = preprocessor(train).fit(train).transform(test)
    assert np.isfinite(inputs).all()


def test_a_column_empty_in_the_training_part_is_no_obstacle() -> None:
    """A column with values in the test rows only becomes a constant, not an error."""
    table = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [np.nan, np.nan, 5.0]})
    inputs = preprocessor(table).fit(table[:2]).transform(table)
    assert np.isfinite(inputs).all()


@pytest.mark.parametrize(
    ("dates", "months"),
    [
        (["2021-02-03", "2021-12-31"], [2, 12]),
        (["2021-02-03 10:30", "2021-12-31 23:59"], [2, 12]),
        (["2021-02-03T10:30:00Z", "2021-12-31T01:00:00+02:00"], [2, 12]),
        (["03.02.2021", "31.12.2021"], [2, 12]),
        (["02/13/2021", "12/31/2021"], [2, 12]),
        (["13/02/2021", "31/12/2021"], [2, 12]),
        (["02/03/2021", "12/11/2021"], [2, 12]),
    ],
)
def test_dates_are_read_in_the_usual_notations(
    tmp_path: Path, dates: list[str], months: list[int]
) -> None:
    """ISO, dotted and slashed dates are read; day first only where month first is impossible."""
    task = small_task(tmp_path / "d.csv", {"on": dates * 10, "y": [0.5 * i for i in range(20)]})
    raw = load(task)
    assert raw.features["on"].dt.month.tolist() == months * 10
    said = "month/day/year is assumed" in "".join(raw.notes)
    assert said == (dates[0] == "02/03/2021")


def test_numbers_with_slips_stay_numbers(tmp_path: Path) -> None:
    """One word in a column of numbers counts as missing and is said."""
    values = [*range(39), "unclear"]
    raw = load(small_task(tmp_path / "n.csv", {"x": values, "y": [0.5 * i for i in range(40)]}))
    assert raw.features["x"].isna().sum() == 1
    assert any(
        "the other texts (1, such as 'unclear') count as missing" in note for note in raw.notes
    )


def test_rows_without_a_target_are_left_out_and_said(tmp_path: Path) -> None:
    """A row without a target teaches nothing: it is dropped, and the report says how many."""
    table = {"x": range(40), "y": [None, "a", "b", "a"] * 10}
    raw = load(small_task(tmp_path / "m.csv", table))
    assert len(raw.features) == len(raw.target) == 30
    assert "Rows without a target (10) are left out." in raw.notes


def test_a_class_with_one_row_is_learnt_from_not_tested(tmp_path: Path) -> None:
    """A lone member of a class goes to the training part, and the split is still by class."""
    table = {"x": range(41), "y": ["a", "b"] * 20 + ["rare"]}
    raw = load(small_task(tmp_path / "l.csv", table))
    assert 40 in raw.train
    assert 40 not in raw.test
    assert any("a class with one row is in the training part" in note for note in raw.notes)
    assert raw.class_names == ("a", "b", "rare")


def test_more_classes_than_test_rows_are_split_without_classes() -> None:
    """Where the test part has no room for every class, the rows are drawn without regard to it."""
    raw = load(changed(load_task("digits"), test_rows=5))
    assert len(raw.test) == 5
    assert not any("equal shares" in note for note in raw.notes)


@pytest.mark.parametrize(
    ("table", "batch", "sentence"),
    [
        ({"x": range(8), "y": [0, 1] * 4}, 4, "8 usable rows; samenet needs at least 10"),
        ({"x": range(20), "y": [0, 1] * 10}, 16, "larger than the 15 rows to train on"),
        ({"x": [None] * 20, "y": [0, 1] * 10}, 4, "no column to predict from"),
        ({"id": range(20), "y": [0, 1] * 10}, 4, "no column to predict from"),
        ({"y": [0, 1] * 10}, 4, "no column to predict from"),
    ],
)
def test_a_table_that_cannot_be_trained_on_is_refused(
    tmp_path: Path, table: dict[str, Any], batch: int, sentence: str
) -> None:
    """Too few rows, too large a batch and no usable column are each refused in one sentence."""
    with pytest.raises(UsageError, match=sentence):
        prepare(small_task(tmp_path / "t.csv", table, batch=batch))


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (
            {"source": "sklearn:irsi"},
            "Unknown data set of scikit-learn 'irsi'. Did you mean 'iris'",
        ),
        ({"source": "synthetic:moons"}, "Unknown synthetic data set"),
        ({"source": "iris"}, "Unknown data source 'iris'"),
        ({"options": {"rows": 5}}, "a source 'sklearn:' has no options"),
        ({"source": "synthetic:spirals", "options": {"row": 50}}, "row: is not a known key"),
        (
            {"source": "synthetic:spirals", "options": {"noise": -1}},
            "noise: must be at least",
        ),
        ({"source": "csv:nowhere.csv", "target": "y"}, "Cannot read the data file nowhere.csv"),
        ({"source": "arrays:nowhere.npz"}, "Cannot read inputs and targets from nowhere.npz"),
        ({"test_rows": 150}, "150 test rows are too many"),
    ],
)
def test_a_source_that_does_not_exist_is_refused(data: dict[str, Any], sentence: str) -> None:
    """Unknown sources, names, options and files are answered with what is allowed."""
    with pytest.raises(UsageError, match=sentence):
        load(changed(load_task("iris"), **data))


def test_a_task_of_another_kind_than_its_data_is_refused() -> None:
    """A task file that calls three species binary is refused before the training."""
    overrides = [("kind", "binary"), ("training.loss", "binary_cross_entropy")]
    with pytest.raises(UsageError, match="3 different values; binary needs two"):
        load(load_task("iris", overrides))


def test_arrays_from_python_are_a_source(tmp_path: Path) -> None:
    """The arrays of `samenet.run(X, y)` give the same preparation as the set they come from."""
    iris = load(load_task("iris"))
    path = tmp_path / "arrays.npz"
    np.savez(path, inputs=iris.features.to_numpy(), targets=iris.target)
    dataset = prepare(changed(load_task("iris"), source=f"arrays:{path}"))
    np.testing.assert_array_equal(dataset.inputs, prepare(load_task("iris")).inputs)
    assert dataset.card.feature_names == ("x1", "x2", "x3", "x4")


def several(path: Path, **changes: Any) -> Task:
    """Return the task of two targets in very different units, some of them missing."""
    draw = np.random.default_rng(0)
    x = draw.normal(size=(80, 2))
    table = pd.DataFrame(x, columns=["a", "b"]).assign(
        metres=1000 + 50 * x[:, 0], name="n", kilos=0.01 * x[:, 1]
    )
    table.loc[3, "metres"] = table.loc[5, "kilos"] = np.nan
    table.to_csv(path, index=False)
    return changed(csv_task(path, ["kilos", "metres"], batch=4), **changes)


def test_several_targets_are_prepared_each_on_its_own(tmp_path: Path) -> None:
    """Each target has mean 0 and deviation 1 in the training rows, and its own way back."""
    task = several(tmp_path / "s.csv")
    dataset, raw = prepare(task), load(task)
    train = dataset.targets[: dataset.card.train_rows].astype(np.float64)
    assert (dataset.card.outputs, dataset.targets.dtype) == (2, np.float32)
    assert dataset.targets.shape == (78, 2)
    np.testing.assert_allclose(train.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(train.std(axis=0), 1, atol=1e-6)
    assert raw.target_names == ("kilos", "metres")
    assert dataset.card.target_mean == pytest.approx(raw.target[raw.train].mean(axis=0))
    assert dataset.card.target_scale == pytest.approx(raw.target[raw.train].std(axis=0))
    order = np.concatenate([raw.train, raw.test])
    original = dataset.original_units(dataset.targets.astype(np.float64))
    np.testing.assert_allclose(original, raw.target[order], rtol=1e-5, atol=1e-8)


def test_a_row_without_one_of_several_targets_is_left_out_and_said(tmp_path: Path) -> None:
    """Two rows that lack one target each teach nothing, and no target is an input."""
    dataset = prepare(several(tmp_path / "s.csv"))
    said = "\n".join(dataset.card.notes)
    assert dataset.card.feature_names == ("a", "b", "name_n")
    assert "Rows without a target (2) are left out." in said
    assert "Each of the 2 targets (kilos, metres) is scaled like the inputs" in said


def test_a_dataset_of_several_targets_survives_its_file(tmp_path: Path) -> None:
    """Means and scales of all targets come back as they were."""
    dataset = prepare(several(tmp_path / "s.csv"))
    dataset.save(tmp_path / "data.npz")
    again = Dataset.load(tmp_path / "data.npz")
    assert again.card == dataset.card
    assert again.digest() == dataset.digest()


def test_arrays_of_several_targets_are_a_source(tmp_path: Path) -> None:
    """Two-dimensional targets of an NPZ file are outputs; one column is a plain target."""
    raw = load(load_task("projectile"))
    path = tmp_path / "arrays.npz"
    for targets in (raw.target, raw.target[:, :1]):
        np.savez(path, inputs=raw.features.to_numpy(), targets=targets)
        task = changed(load_task("projectile"), source=f"arrays:{path}", options={})
        dataset, whole = prepare(task), prepare(load_task("projectile"))
        assert dataset.card.outputs == targets.shape[1]
        np.testing.assert_array_equal(dataset.inputs, whole.inputs)
        np.testing.assert_array_equal(dataset.targets, whole.targets[:, : targets.shape[1]])


def test_the_throws_obey_their_formulas() -> None:
    """Without noise a throw ends where, as high as and when the equation of motion says."""
    task = changed(load_task("projectile"), options={"rows": 50, "noise": 0.0}, test_rows=10)
    raw = load(task)
    speed, angle, hand = raw.features.to_numpy().T
    far, high, long = raw.target.T
    up = speed * np.sin(angle)
    np.testing.assert_allclose(far, speed * np.cos(angle) * long, rtol=1e-12)
    np.testing.assert_allclose(hand + up * long - 9.81 / 2 * long**2, 0, atol=1e-10)
    peak = up / 9.81
    np.testing.assert_allclose(high, hand + up * peak - 9.81 / 2 * peak**2, rtol=1e-12)


def test_class_numbers_become_one_hot_rows_if_asked() -> None:
    """One row of zeros and a single one per class number, float32; the numbers stay as they are."""
    dataset = prepare(load_task("wine"))
    network = network_of(load_task("wine"), dataset)
    plain, spread = dataset.source(network), dataset.source(network, one_hot=True)
    assert (plain.targets.dtype, plain.targets.shape) == (np.int32, (178,))
    assert (spread.targets.dtype, spread.targets.shape) == (np.float32, (178, 3))
    np.testing.assert_array_equal(spread.targets.argmax(axis=1), plain.targets)
    np.testing.assert_array_equal(spread.targets.sum(axis=1), 1)
    assert set(np.unique(spread.targets)) == {0, 1}
    for array in (*plain.arrays(), *spread.arrays()):
        assert not array.flags.writeable
    assert plain.train_rows == spread.train_rows == dataset.card.train_rows
    assert np.shares_memory(spread.inputs, dataset.inputs)


@pytest.mark.parametrize(
    ("inputs", "targets", "sentence"),
    [
        (np.ones(20), np.arange(20) % 3, r"inputs must be \(rows, features\)"),
        (np.ones((20, 2)), np.ones((20, 2, 2)), r"targets \(rows,\) or \(rows, outputs\)"),
        (np.ones((20, 2)), np.ones(19), r"they are \(20, 2\) and \(19,\)"),
        (np.ones((20, 2)), np.ones((20, 2)), "need a regression; a multiclass task has one"),
        (np.full((20, 2), np.inf), np.arange(20) % 3, "infinite or too large"),
    ],
)
def test_arrays_of_a_wrong_form_are_refused(
    tmp_path: Path, inputs: Any, targets: Any, sentence: str
) -> None:
    """Arrays whose shapes or values cannot be a table are refused in one sentence."""
    np.savez(tmp_path / "arrays.npz", inputs=inputs, targets=targets)
    with pytest.raises(UsageError, match=sentence):
        load(changed(load_task("iris"), source=f"arrays:{tmp_path / 'arrays.npz'}"))


def test_a_damaged_array_file_is_refused(tmp_path: Path) -> None:
    """Half a file, or one that would have to be unpickled, is refused."""
    path = tmp_path / "arrays.npz"
    np.savez(path, inputs=np.ones((20, 2)), targets=np.arange(20))
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(UsageError, match="Cannot read inputs and targets"):
        load(changed(load_task("iris"), source=f"arrays:{path}"))


CELL = st.one_of(
    st.sampled_from(["", "?", "1", "2", "3.5", "1e300", "inf", "yes", "no", "True", "9" * 30, '"']),
    st.sampled_from(["2020-01-02", "1/2/2021", "13.4.2020", "0001-01-01", "12:30", "0x1f", "é"]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=6), st.sampled_from(",;\t"))
def test_any_file_is_prepared_or_refused_in_one_line(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, ...]], separator: str
) -> None:
    """Whatever stands in the cells: finite numbers, or one line that says why not."""
    path = tmp_path_factory.mktemp("any") / "table.csv"
    lines = [("a", "b", "y"), *rows * 8]
    path.write_text("\n".join(separator.join(line) for line in lines), encoding="utf-8")
    refusal = ""
    try:
        assert np.isfinite(prepare(csv_task(path, "y", batch=2)).inputs).all()
    except UsageError as error:
        refusal = str(error)
    assert "\n" not in refusal

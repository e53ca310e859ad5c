"""A person's CSV file: read in one place, its target understood, turned into a task file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samenet.errors import UsageError
from samenet.spec import Loss, Task, TaskKind, load_task, shipped_tasks
from samenet.spec.csv_task import csv_task, guess_kind, read_csv
from samenet.spec.task_file import format_task_file


def written(folder: Path, text: str, name: str = "table.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_separator_is_found_in_the_first_line(tmp_path: Path, separator: str) -> None:
    """Comma, semicolon and tab files read alike, quoted separators included."""
    lines = [["area", "the place"], ["1.5", f'"a{separator}b"'], ["2.5", "c"]]
    frame = read_csv(written(tmp_path, "\n".join(separator.join(line) for line in lines)))
    assert frame["area"].tolist() == [1.5, 2.5]
    assert frame["the place"].tolist() == [f"a{separator}b", "c"]


def test_decimal_commas_are_read_in_semicolon_files(tmp_path: Path) -> None:
    """A spreadsheet saved in a country of decimal commas has numbers, not texts."""
    frame = read_csv(written(tmp_path, "price;city\n1,5;Bonn\n-2,25;Köln\n"))
    assert frame["price"].tolist() == [1.5, -2.25]


def test_texts_and_names_are_stripped_and_marks_are_missing(tmp_path: Path) -> None:
    """Blanks around names and texts mean nothing; '?' and 'NA' are missing values."""
    frame = read_csv(written(tmp_path, "\ufeffa , b\n yes ,1\nyes,?\nNA,3\n"))
    assert list(frame.columns) == ["a", "b"]
    assert frame["a"].dropna().tolist() == ["yes", "yes"]
    assert frame["b"].isna().tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is empty"),
        ("\n \n", "is empty"),
        ("a,b\n", "has a header but no rows"),
        ("a,b,a\n1,2,3\n", "two columns called 'a'"),
        ("a,b\n1,2,3\n1,2,3\n", "more values than the 2 column names"),
        ("a,b\n1,2\n1,2,3\n", "Expected 2 fields in line 3, saw 3"),
        ("a,b\n1,2\n3,-inf\n", "column 'b' holds an infinite or too large number (-inf in row 2)"),
        ('a,b\n"1,2\n', "EOF inside string"),
    ],
)
def test_a_file_that_is_no_table_is_refused_in_one_sentence(
    tmp_path: Path, text: str, sentence: str
) -> None:
    """Each way in which a file is not a table has a sentence that names file and reason."""
    path = written(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        read_csv(path)
    assert sentence in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    """Missing files, folders and files that are not text are named with the reason."""
    (tmp_path / "picture.csv").write_bytes(b"\x89PNG\r\n\xff\xfe")
    with pytest.raises(UsageError, match="not UTF-8"):
        read_csv(tmp_path / "picture.csv")
    with pytest.raises(UsageError, match="No such file"):
        read_csv(tmp_path / "nothing.csv")
    with pytest.raises(UsageError, match="Cannot read the data file"):
        read_csv(tmp_path)


@pytest.mark.parametrize(
    ("values", "kind", "reason"),
    [
        (["no", "yes"] * 20, TaskKind.BINARY, "y has two different values (no, yes): binary"),
        (["True", "False", ""] * 20, TaskKind.BINARY, "(False, True)"),
        ([0, 1] * 20, TaskKind.BINARY, "(0, 1)"),
        (
            ["a", "b", "c"] * 20,
            TaskKind.MULTICLASS,
            "y is text with 3 different values: multiclass",
        ),
        ([1, 2, 3] * 20, TaskKind.MULTICLASS, "y is one of 3 whole numbers: multiclass"),
        (range(60), TaskKind.REGRESSION, "y is numeric with 60 different values: regression"),
        ([1.5, 2.5, 3.5] * 20, TaskKind.REGRESSION, "y is numeric with 3 different values"),
    ],
)
def test_kind_is_guessed_with_its_reason(
    tmp_path: Path, values: list[object], kind: TaskKind, reason: str
) -> None:
    """The kind follows from the target's values, and the reason is said in one sentence."""
    path = written(tmp_path, "x,y\n" + "".join(f"1,{value}\n" for value in values))
    guessed, said = guess_kind(path, "y")
    assert guessed is kind
    assert reason in said


@pytest.mark.parametrize(
    ("values", "kind", "sentence"),
    [
        (["a"] * 20, None, "one value only"),
        ([""] * 20, None, "the target column 'y' has no values"),
        ([f"name {i}" for i in range(20)], None, "too many to be classes"),
        (["1", "2", "n. a."] * 9, TaskKind.REGRESSION, "holds texts such as 'n. a.'"),
        (["a", "b", "c"] * 9, TaskKind.BINARY, "3 different values; binary needs two"),
    ],
)
def test_a_target_that_cannot_be_predicted_is_refused(
    tmp_path: Path, values: list[str], kind: TaskKind | None, sentence: str
) -> None:
    """A target that does not fit the kind is refused before anything runs."""
    path = written(tmp_path, "x,y\n" + "".join(f"1,{value}\n" for value in values))
    with pytest.raises(UsageError, match=sentence):
        csv_task(path, "y", kind=kind)


def test_an_absent_target_is_answered_with_the_nearest_column(tmp_path: Path) -> None:
    """A misspelt target names the column that was probably meant."""
    with pytest.raises(UsageError, match=r"Unknown column .* 'pirce'. Did you mean 'price'"):
        guess_kind(written(tmp_path, "price,area\n1,2\n"), "pirce")


def test_a_csv_becomes_a_task(tmp_path: Path) -> None:
    """The task of a CSV file has a clean name, the loss of its kind and exact constants."""
    path = written(tmp_path, "x,y\n" + "1,2.5\n2,3.5\n3,4.5\n" * 9, "my sales (new).csv")
    task = csv_task(path, "y", hidden=(8,), epochs=3, batch=4, activation="leaky_relu(slope=0.5)")
    assert (task.name, task.kind) == ("my-sales-new", TaskKind.REGRESSION)
    assert task.training.loss == Loss(name="mean_squared_error")
    assert task.data.target == ("y",)
    assert task.model.layers[0].activation.slope == 0.5
    assert task.training.optimizer.learning_rate == 2.0**-10
    assert task.data.source == f"csv:{path.as_posix()}"


PEOPLE = "age,height,weight,name\n" + "".join(
    f"{age},{100 + 7 * age % 60},{20 + 3 * age % 50},n{age % 3}\n" for age in range(1, 41)
)


def test_several_columns_become_a_regression_of_several_outputs(tmp_path: Path) -> None:
    """Two targets are a regression, which is said, and both names stand in title and task."""
    path = written(tmp_path, PEOPLE, "people.csv")
    kind, reason = guess_kind(path, ["height", "weight"])
    assert kind is TaskKind.REGRESSION
    assert reason == "height and weight are several targets: regression"
    task = csv_task(path, ["height", "weight"], batch=4)
    assert task.data.target == ("height", "weight")
    assert task.kind is TaskKind.REGRESSION
    assert task.title == "people.csv: height, weight"
    assert "the columns 'height' and 'weight'" in task.description
    assert csv_task(path, ["height"], batch=4) == csv_task(path, "height", batch=4)


@pytest.mark.parametrize(
    ("targets", "kind", "sentence"),
    [
        (["height", "height"], None, "people.csv: target: 'height' is named twice"),
        (["height", "wieght"], None, "'wieght'. Did you mean 'weight'?"),
        (["height", "name"], None, "'name' holds texts such as 'n1'; a regression needs numbers"),
        (["height", "weight"], TaskKind.BINARY, "need a regression; a binary task has one"),
        (["height", "weight"], TaskKind.MULTICLASS, "need a regression; a multiclass task has one"),
        ([], None, "no target column is named"),
        ("", None, "no target column is named"),
    ],
)
def test_wrong_targets_are_refused_in_one_sentence(
    tmp_path: Path, targets: list[str], kind: TaskKind | None, sentence: str
) -> None:
    """A target named twice, absent, of texts, or several of classes: one sentence says which."""
    path = written(tmp_path, PEOPLE, "people.csv")
    with pytest.raises(UsageError) as caught:
        csv_task(path, targets, kind=kind, batch=4)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_targets_that_are_never_there_together_are_refused(tmp_path: Path) -> None:
    """Rows are learnt from only if they have every target; without such a row there is no task."""
    path = written(tmp_path, "x,a,b\n" + "1,2,\n2,,3\n" * 10)
    with pytest.raises(UsageError, match=r"no row has a value of every target \(a, b\)"):
        csv_task(path, ["a", "b"])


def test_bad_arguments_of_a_csv_task_are_named(tmp_path: Path) -> None:
    """An unknown activation or a batch of zero rows is answered with the key at fault."""
    path = written(tmp_path, "x,y\n" + "1,2.5\n2,3.5\n3,4.5\n" * 9)
    with pytest.raises(UsageError, match="activation"):
        csv_task(path, "y", activation="rleu")
    with pytest.raises(UsageError, match="batch_size"):
        csv_task(path, "y", batch=0)


@pytest.mark.parametrize("name", shipped_tasks())
def test_every_shipped_task_survives_its_task_file(tmp_path: Path, name: str) -> None:
    """`load_task` reads from the written text the very task it was written from."""
    task = load_task(name)
    path = written(tmp_path, format_task_file(task), "again.toml")
    assert load_task(str(path)) == task


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    text=st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    number=st.floats(min_value=1e-300, max_value=1e300),
)
def test_any_text_and_number_survive_the_task_file(
    tmp_path_factory: pytest.TempPathFactory, text: str, number: float
) -> None:
    """Quotes, control characters and extreme numbers are escaped as TOML wants them."""
    values = load_task("digits").to_json()
    values["title"] = values["description"] = values["data"]["target"] = text
    values["data"]["options"] = {text: text, "flag": True, "number": number}
    values["training"]["optimizer"]["epsilon"] = values["goal"]["target"] = number
    task = Task.model_validate(values)
    path = written(tmp_path_factory.mktemp("task"), format_task_file(task), "any.toml")
    assert load_task(str(path)) == task


def test_every_key_of_a_task_file_is_explained(tmp_path: Path) -> None:
    """No line of the written file holds a key that neither it nor the line above comments."""
    path = written(tmp_path, "x,y\n" + "1,2.5\n2,3.5\n3,4.5\n" * 9)
    for line in format_task_file(csv_task(path, "y")).splitlines():
        key = line.split(" = ")[0]
        above = ("source", "target", "kind", "initializer", "units", "activation", "dropout",
                 "loss", "metric")  # fmt: skip
        explained = "#" in line or key in above
        assert explained or " = " not in line, line


def test_the_parent_reads_tables_without_scikit_learn() -> None:
    """Importing this module loads neither scikit-learn nor a leaf of samenet."""
    code = "import sys, samenet.spec.csv_task, samenet.spec.task_file; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert "sklearn" not in loaded
    assert not any(m.startswith("samenet.tasks.") for m in loaded)


def test_a_table_beyond_the_memory_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What would not fit is refused with what it takes and what is free, and not half read."""
    path = tmp_path / "large.csv"
    path.write_text("a,b\n" + "1,2\n" * 1000, encoding="utf-8")
    monkeypatch.setattr("samenet.spec.csv_task.memory_available_bytes", lambda: 10_000)
    with pytest.raises(UsageError, match=r"memory, and .* are free"):
        read_csv(path)

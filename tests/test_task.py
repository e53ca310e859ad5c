"""Task files: the shipped ones are whole, a wrong one is named by file, key and received value."""

from __future__ import annotations

from pathlib import Path

import pytest

from samenet.errors import UsageError
from samenet.spec import SGD, Adam
from samenet.task import (
    HIGHER_IS_BETTER,
    MAIN_JOB,
    METRICS,
    Goal,
    Task,
    load_task,
    set_value,
    shipped_tasks,
    unique_names,
)
from samenet.task_text import task_file

GOOD = """
schema = 1
name = "mine"
kind = "regression"
[data]
source = "sklearn:diabetes"
[[model.layers]]
units = 8
activation = "relu"
[training]
loss = "mean_squared_error"
batch_size = 32
epochs = 2
[training.optimizer]
name = "sgd"
learning_rate = 0.125
[goal]
metric = "rmse"
target = 60.0
"""

BAD = [
    ('kind = "regression"', 'kind = "regresion"', "kind: ", "'regresion'"),
    ('kind = "regression"', 'kind = "binary"', "file: ", "loss binary_cross_entropy"),
    ('metric = "rmse"', 'metric = "accuracy"', "file: ", "'accuracy' is not one of rmse, mae, r2"),
    ("target = 60.0", "target = nan", "goal.target: ", "nan"),
    ("target = 60.0", 'target = "low"', "goal.target: ", "'low'"),
    ("epochs = 2", "epochs = -2", "training.epochs: ", "-2"),
    ("epochs = 2", "epochs = 2\nearly = true", "training.early: ", "True"),
    ("units = 8", "units = 8.5", "model.layers.0.units: ", "8.5"),
    ('"relu"', '"relux"', "model.layers.0.activation.name: ", "'relux'"),
    ("learning_rate = 0.125", "learning_rate = inf", "training.optimizer.learning_rate: ", "inf"),
    ('source = "sklearn:diabetes"', 'source = "diabetes"', "data.source: ", "'diabetes'"),
    ('source = "sklearn:diabetes"', 'source = "http://x"', "data.source: ", "'http://x'"),
    ("[data]", "[data]\ntest_rows = -1", "data.test_rows: ", "-1"),
    ("schema = 1", "schema = 2", "schema: ", "2"),
    ('name = "mine"', 'name = "../mine"', "name: ", "'../mine'"),
    ('name = "mine"', 'name = ""', "name: ", "''"),
    ('name = "mine"', "", "name: ", "missing"),
]


@pytest.mark.parametrize(("old", "new", "key", "received"), BAD, ids=lambda text: text[:24])
def test_a_bad_value_is_named_by_file_key_and_value(
    tmp_path: Path, old: str, new: str, key: str, received: str
) -> None:
    """Each wrong value of a task file gives one sentence: the file, the key, what was given."""
    path = tmp_path / "mine.toml"
    assert GOOD.count(old) == 1
    path.write_text(GOOD.replace(old, new), encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        load_task(str(path))
    sentence = str(caught.value)
    assert sentence.startswith(f"{path}: {key}")
    assert received in sentence
    assert "\n" not in sentence


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"kind = ", "is not valid TOML"),
        (b"\xff\xfe", "it is not UTF-8 text"),
        (None, "No such file"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_sentence(
    tmp_path: Path, content: bytes | None, sentence: str
) -> None:
    """A missing file, broken TOML or foreign bytes are each said in words."""
    path = tmp_path / "mine.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=sentence):
        load_task(str(path))


def test_an_unknown_task_is_answered_with_the_nearest_one() -> None:
    """A misspelt name gets the suggestion and the list."""
    with pytest.raises(
        UsageError, match=r"Unknown task 'digitz'. Did you mean 'digits'\?"
    ) as caught:
        load_task("digitz")
    assert "two_moons" in str(caught.value)


@pytest.mark.parametrize("name", shipped_tasks())
def test_a_shipped_task_is_whole_and_exact(name: str) -> None:
    """Every shipped task loads, is named like its file, has a goal, and constants exact in binary.

    Exact means: float32 holds the same number, so no framework rounds it to another one.
    """
    task = load_task(name)
    assert task.name == name
    assert task.title
    assert task.goal is not None
    constants = task.training.optimizer.model_dump(exclude={"name", "nesterov"}).values()
    assert all(_few_digits(value) for value in constants)


def _few_digits(value: float) -> bool:
    """Return whether a number has at most 24 binary digits, those of float32."""
    mantissa, _ = float(value).as_integer_ratio()
    return mantissa.bit_length() <= 24


def test_the_shipped_tasks_cover_kinds_and_optimizers() -> None:
    """Ten tasks, all three kinds, SGD with and without momentum, Nesterov and Adam."""
    tasks = [load_task(name) for name in shipped_tasks()]
    assert len(tasks) >= 9
    assert {task.kind for task in tasks} == set(METRICS)
    rules = [task.training.optimizer for task in tasks]
    assert {type(rule) for rule in rules} == {SGD, Adam}
    assert {rule.nesterov for rule in rules if isinstance(rule, SGD)} == {True, False}
    assert {rule.momentum > 0 for rule in rules if isinstance(rule, SGD)} == {True, False}
    assert {load_task(name).kind for name in MAIN_JOB} == set(METRICS)


@pytest.mark.parametrize("name", shipped_tasks())
def test_the_text_that_init_writes_is_the_same_task(name: str, tmp_path: Path) -> None:
    """A task written as a commented file and read again is equal."""
    path = tmp_path / "again.toml"
    path.write_text(task_file(load_task(name)), encoding="utf-8")
    assert load_task(str(path)) == load_task(name)


@pytest.mark.parametrize("name", shipped_tasks())
def test_a_task_travels_as_json(name: str) -> None:
    """A task read back from a run folder's JSON is equal."""
    task = load_task(name)
    assert Task.model_validate(task.to_json()) == task


def test_a_place_of_a_task_can_be_set() -> None:
    """`--set` reaches layers by number and keys by name, and reads numbers as numbers."""
    task = load_task("digits", [("model.layers.1.units", "16"), ("training.epochs", "3")])
    assert (task.model.layers[1].units, task.training.epochs) == (16, 3)


@pytest.mark.parametrize(
    "key", ["model.layers.7.units", "model.layers.x.units", "name.x.y", "model.layers.-9"]
)
def test_a_place_that_is_not_there_is_named(key: str) -> None:
    """`--set` with a place the task does not have is refused by that place."""
    with pytest.raises(UsageError, match=f"--set {key}: the task has no such place"):
        set_value(load_task("digits").to_json(), key, "1")


def test_an_unknown_key_that_is_set_is_refused() -> None:
    """`--set` cannot invent keys: the task's own rules hold."""
    with pytest.raises(UsageError, match=r"task digits: training\.epoch: .*3"):
        load_task("digits", [("training.epoch", "3")])


def test_two_tasks_of_one_name_are_refused() -> None:
    """Results are kept by name, so a run with two tasks of one name does not start."""
    with pytest.raises(UsageError, match="called 'iris'"):
        unique_names([load_task("iris"), load_task("wine"), load_task("iris")])


def test_a_goal_knows_its_direction() -> None:
    """Accuracy reaches its goal from below, an error from above; every metric has a direction."""
    assert Goal(metric="accuracy", target=0.9).reached(0.9)
    assert not Goal(metric="accuracy", target=0.9).reached(0.8)
    assert Goal(metric="rmse", target=2.0).reached(1.5)
    assert not Goal(metric="rmse", target=2.0).reached(2.5)
    assert set(HIGHER_IS_BETTER) == {metric for names in METRICS.values() for metric in names}

"""Task files: the shipped ones are whole, a wrong one is named by file, key and received value."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, get_args

import pytest

from samenet.errors import UsageError
from samenet.spec import (
    LOSSES_OF_KIND,
    MAIN_JOB,
    SGD,
    Adagrad,
    Adam,
    AdamW,
    Goal,
    InitializerName,
    Loss,
    RMSprop,
    Schedule,
    Task,
    TaskKind,
    check_names_unique,
    load_task,
    needs_one_hot,
    set_value,
    shipped_tasks,
)
from samenet.spec.task_file import (
    ABOUT_LOSS,
    ABOUT_OPTIMIZER,
    ABOUT_SCHEDULE,
    KEYS_OF_SCHEDULE,
    format_task_file,
)

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
    ('kind = "regression"', 'kind = "multiclass"', "file: ", "or categorical_cross_entropy"),
    ('metric = "rmse"', 'metric = "accuracy"', "file: ", "'accuracy' is not one of rmse, "),
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
    ("[data]", '[data]\ntarget = ["a", "b", "a"]', "data.target: ", "'a' is named twice"),
    ("[data]", "[data]\ntarget = 7", "data.target: ", "7"),
    ("[data]", "[data]\ntarget = [7]", "data.target.0: ", "7"),
    ('"mean_squared_error"', '"huber(delta=0)"', "training.loss.delta: ", "0"),
    ('"mean_squared_error"', '"huber(width=2)"', "training.loss.width: ", "2"),
    ("epochs = 2", 'epochs = 2\nschedule = "cosine"', "training.schedule: ", "needs steps"),
    ("units = 8", "units = 8\ndropout = 1.0", "model.layers.0.dropout: ", "1.0"),
    ("[[model.layers]]", '[model]\ninitializer = "xavier"\n[[model.layers]]', "model.initializer",
     "'xavier'"),
    ("= 0.125", "= 0.125\nl2 = -1.0", "training.optimizer.l2: ", "-1.0"),
    ("= 0.125", "= 0.125\nl2 = 0.5\nweight_decay = 0.5", "training.optimizer: ", "choose one"),
    ("= 0.125", "= 0.125\nclip_norm = 0", "training.optimizer.clip_norm: ", "0"),
    ("schema = 1", "schema = 2", "schema: ", "2"),
    ('name = "mine"', 'name = "../mine"', "name: ", "'../mine'"),
    ('name = "mine"', 'name = ""', "name: ", "''"),
    ('name = "mine"', "", "name: ", "missing"),
]  # fmt: skip


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
    assert "breast_cancer" in str(caught.value)


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
    assert all(_few_digits(value) for value in constants if value is not None)


def _few_digits(value: float) -> bool:
    """Return whether a number has at most 24 binary digits, those of float32."""
    mantissa, _ = float(value).as_integer_ratio()
    return mantissa.bit_length() <= 24


def test_the_shipped_tasks_cover_kinds_and_optimizers() -> None:
    """Ten tasks, all three kinds, SGD with and without momentum, Nesterov and Adam."""
    tasks = [load_task(name) for name in shipped_tasks()]
    assert len(tasks) >= 10
    assert {task.kind for task in tasks} == set(TaskKind)
    rules = [task.training.optimizer for task in tasks]
    assert {type(rule) for rule in rules} == {SGD, Adam}
    assert {rule.nesterov for rule in rules if isinstance(rule, SGD)} == {True, False}
    assert {rule.momentum > 0 for rule in rules if isinstance(rule, SGD)} == {True, False}
    assert {load_task(name).kind for name in MAIN_JOB} == set(TaskKind)


@pytest.mark.parametrize("name", shipped_tasks())
def test_the_text_that_init_writes_is_the_same_task(name: str, tmp_path: Path) -> None:
    """A task written as a commented file and read again is equal."""
    path = tmp_path / "again.toml"
    path.write_text(format_task_file(load_task(name)), encoding="utf-8")
    assert load_task(str(path)) == load_task(name)


RULES = (
    SGD(learning_rate=0.1),
    SGD(learning_rate=0.1, momentum=0.9, nesterov=True, l2=0.01, clip_norm=0.5),
    SGD(learning_rate=1e-7, momentum=0.5, weight_decay=1e-5),
    Adam(learning_rate=0.1, beta1=0.9, beta2=0.999, epsilon=1e-8),
    Adam(learning_rate=0.1, beta1=0.0, beta2=0.0, epsilon=1e-300, clip_norm=1e300),
    AdamW(learning_rate=0.1, beta1=0.9, beta2=0.999, epsilon=1e-8, weight_decay=0.01),
    RMSprop(learning_rate=0.1, rho=0.9, epsilon=1e-7, l2=1.0),
    RMSprop(learning_rate=0.1, rho=0.9, epsilon=1e-7, weight_decay=0.5, clip_norm=1.0),
    Adagrad(learning_rate=0.1, epsilon=1e-7),
    Adagrad(learning_rate=0.1, initial_accumulator=0.1, epsilon=1e-7, l2=0.5),
)
SCHEDULES = (
    Schedule(),
    Schedule(warmup_steps=7),
    Schedule(steps=3, every=2, drop=0.25, final=0.5),  # nothing of which a constant rate uses
    Schedule(name="step", steps=100, every=7, drop=0.1),
    Schedule(name="exponential", warmup_steps=1, steps=1, drop=1.0),
    Schedule(name="cosine", steps=100, final=0.01),
    Schedule(name="cosine", steps=100, every=3, drop=0.7),
)
LOSSES = {
    TaskKind.BINARY: (
        Loss(name="binary_cross_entropy"),
        Loss(name="binary_cross_entropy", label_smoothing=1e-5),
    ),
    TaskKind.MULTICLASS: (
        Loss(name="sparse_categorical_cross_entropy"),
        Loss(name="sparse_categorical_cross_entropy", label_smoothing=0.1),
        Loss(name="categorical_cross_entropy"),
        Loss(name="categorical_cross_entropy", label_smoothing=0.3),
    ),
    TaskKind.REGRESSION: (
        Loss(name="mean_squared_error"),
        Loss(name="mean_absolute_error"),
        Loss(name="huber"),
        Loss(name="huber", delta=1e-5),
    ),
}
OF_KIND = {
    TaskKind.BINARY: "two_moons",
    TaskKind.MULTICLASS: "digits",
    TaskKind.REGRESSION: "friedman",
}


def again(folder: Path, task: Task) -> Task:
    path = folder / "again.toml"
    path.write_text(format_task_file(task), encoding="utf-8")
    return load_task(str(path))


def with_training(task: Task, **changes: Any) -> Task:
    return task.model_copy(update={"training": task.training.model_copy(update=changes)})


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_every_optimizer_survives_the_text_that_init_writes(rule: Any, tmp_path: Path) -> None:
    """All constants, decays and norms of every optimiser are written and read back equal."""
    task = with_training(load_task("friedman"), optimizer=rule)
    assert again(tmp_path, task) == task


@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
def test_every_schedule_survives_the_text_that_init_writes(
    schedule: Schedule, tmp_path: Path
) -> None:
    """Every schedule is written and read back equal, keys it makes no use of included."""
    task = with_training(load_task("friedman"), schedule=schedule)
    assert again(tmp_path, task) == task


@pytest.mark.parametrize("kind", TaskKind)
def test_every_loss_survives_the_text_that_init_writes(kind: TaskKind, tmp_path: Path) -> None:
    """Every loss of every kind, with and without its argument, is written and read back equal."""
    for loss in LOSSES[kind]:
        task = with_training(load_task(OF_KIND[kind]), loss=loss)
        assert again(tmp_path, task) == task


@pytest.mark.parametrize("initializer", get_args(InitializerName))
def test_a_model_survives_the_text_that_init_writes(initializer: str, tmp_path: Path) -> None:
    """Initialiser, dropout and any slope are written and read back equal."""
    changes = [
        ("model.initializer", initializer),
        ("model.layers.0.dropout", "0.3"),
        ("model.layers.1.activation", "leaky_relu(slope=-1e-05)"),
    ]
    task = load_task("digits", changes)
    assert task.model.layers[0].dropout == 0.3
    assert again(tmp_path, task) == task


@pytest.mark.parametrize(
    ("target", "names"),
    [("", ()), ("price", ("price",)), (["a b", 'c"d'], ("a b", 'c"d')), (["one"], ("one",))],
)
def test_one_or_several_targets_survive_the_text_that_init_writes(
    target: Any, names: tuple[str, ...], tmp_path: Path
) -> None:
    """A single name may stand alone, several stand in a list; both are read back equal."""
    values = load_task("friedman").to_json()
    values["data"] |= {"source": "csv:x.csv", "target": target, "options": {}}
    task = Task.model_validate(values)
    assert task.data.target == names
    assert again(tmp_path, task) == task
    written = tomllib.loads(format_task_file(task))["data"]["target"]
    assert isinstance(written, str) == (len(names) < 2)


@pytest.mark.parametrize("kind", [TaskKind.BINARY, TaskKind.MULTICLASS])
def test_several_targets_of_classes_are_refused(kind: TaskKind, tmp_path: Path) -> None:
    """Two columns of classes in one task are refused when the file is read."""
    text = GOOD.replace('"regression"', f'"{kind}"').replace('"rmse"', '"accuracy"')
    text = text.replace('"mean_squared_error"', f'"{LOSSES_OF_KIND[kind][0]}"')
    (tmp_path / "mine.toml").write_text(text.replace("[data]", '[data]\ntarget = ["a", "b"]'))
    sentence = rf"several targets \(a, b\) need a regression; a {kind} task has one"
    with pytest.raises(UsageError, match=sentence):
        load_task(str(tmp_path / "mine.toml"))


def test_every_name_that_may_stand_in_a_task_file_is_shown_in_one() -> None:
    """The written file names every activation, initialiser, optimiser, schedule and loss."""
    for kind, losses in LOSSES_OF_KIND.items():
        text = format_task_file(load_task(OF_KIND[kind]))
        assert all(f'"{name}' in ABOUT_LOSS[kind] for name in losses)
        assert ABOUT_LOSS[kind] in text
        assert all(name in text for name in get_args(InitializerName))
        assert all(f'"{rule.name}"' in text for rule in RULES)
        assert all(f'"{schedule.name}"' in text for schedule in SCHEDULES)
        assert all(key in text for key in ("dropout", "clip_norm", "l2", "weight_decay"))


def test_every_key_of_the_spec_has_its_words() -> None:
    """No key of an optimiser or a schedule lacks the comment that it is written with."""
    assert {key for rule in RULES for key in rule.model_dump()} == set(ABOUT_OPTIMIZER)
    assert set(Schedule.model_fields) == set(ABOUT_SCHEDULE)
    assert {schedule.name for schedule in SCHEDULES} == set(KEYS_OF_SCHEDULE)


def test_a_task_reads_its_loss_with_its_arguments() -> None:
    """A task with one-hot targets and smoothed labels reads right and says that it needs them."""
    text = "categorical_cross_entropy(label_smoothing=0.125)"
    task = load_task("digits", [("training.loss", text)])
    assert task.training.loss == Loss(name="categorical_cross_entropy", label_smoothing=0.125)
    assert needs_one_hot(task.training)
    assert not needs_one_hot(load_task("digits").training)
    assert Task.model_validate(task.to_json()) == task


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
        check_names_unique([load_task("iris"), load_task("wine"), load_task("iris")])


def test_a_goal_knows_its_direction() -> None:
    """Accuracy reaches its goal from below, an error from above."""
    assert Goal(metric="accuracy", target=0.9).reached(0.9)
    assert not Goal(metric="accuracy", target=0.9).reached(0.8)
    assert Goal(metric="rmse", target=2.0).reached(1.5)
    assert not Goal(metric="rmse", target=2.0).reached(2.5)

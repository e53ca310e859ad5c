"""How a network is trained: every value is read as it is written, or refused by its key."""

from __future__ import annotations

import math
import re
import tomllib
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from samenet.errors import UsageError
from samenet.spec import (
    LOSSES_OF_KIND,
    SGD,
    ActivationName,
    Adagrad,
    Adam,
    AdamConstants,
    AdamW,
    Forms,
    InitializerName,
    Loss,
    LossName,
    OptimizerRule,
    RMSprop,
    Schedule,
    Task,
    TaskKind,
    TrainSpec,
    needs_one_hot,
    parse,
)

MOMENTS = {"learning_rate": 0.125, "beta1": 0.5, "beta2": 0.75, "epsilon": 0.5}
RULES: dict[str, dict[str, Any]] = {
    "sgd": {"name": "sgd", "learning_rate": 0.125},
    "adam": {"name": "adam", **MOMENTS},
    "adamw": {"name": "adamw", **MOMENTS, "weight_decay": 0.25},
    "rmsprop": {"name": "rmsprop", "learning_rate": 0.125, "rho": 0.75, "epsilon": 0.5},
    "adagrad": {"name": "adagrad", "learning_rate": 0.125, "epsilon": 0.5},
}
CLASSES = {"sgd": SGD, "adam": Adam, "adamw": AdamW, "rmsprop": RMSprop, "adagrad": Adagrad}
COSINE = {"name": "cosine", "steps": 100}


def training(**changes: Any) -> dict[str, Any]:
    plain = {
        "loss": "mean_squared_error",
        "optimizer": RULES["sgd"],
        "batch_size": 32,
        "epochs": 3,
    }
    return {**plain, **changes}


def rule(name: str, **changes: Any) -> dict[str, Any]:
    return training(optimizer={**RULES[name], **changes})


def schedule(**changes: Any) -> dict[str, Any]:
    return training(schedule={**COSINE, **changes})


def read(values: dict[str, Any]) -> TrainSpec:
    return parse(TrainSpec, values, where="my.toml")


def refusal(values: dict[str, Any]) -> str:
    with pytest.raises(UsageError) as caught:
        read(values)
    assert "\n" not in str(caught.value)
    return str(caught.value)


BAD_TRAININGS = [
    (training(epoch=3), "epoch: ", "3"),
    (training(epochs=0), "epochs: ", "0"),
    (training(epochs=-1), "epochs: ", "-1"),
    (training(epochs=2.5), "epochs: ", "2.5"),
    (training(epochs="many"), "epochs: ", "'many'"),
    (training(batch_size=0), "batch_size: ", "0"),
    (training(batch_size=math.nan), "batch_size: ", "nan"),
    (training(optimizer="sgd"), "optimizer: ", "'sgd'"),
    (training(optimizer={**RULES["sgd"], "name": "lion"}), "optimizer: ", "lion"),
    (training(optimizer={"learning_rate": 1}), "optimizer: ", ""),
    (training(schedule="linear"), "schedule.name: ", "'linear'"),
    (training(schedule="cosine"), "schedule: ", "the schedule cosine needs steps"),
]

BAD_LOSSES = [
    ("squared", "loss.name: ", "'squared'"),
    ("huber(delta=0)", "loss.delta: ", "0"),
    ("huber(delta=-1)", "loss.delta: ", "-1"),
    ("huber(delta=inf)", "loss.delta: ", "inf"),
    ("huber(delta=wide)", "loss.delta: ", "wide"),
    ("huber(width=1)", "loss.width: ", "1"),
    ("huber(delta=1", "loss.name: ", "huber(delta=1"),
    ("huber(label_smoothing=0.1)", "loss: ", "huber has no label_smoothing"),
    ("mean_squared_error(delta=0.5)", "loss: ", "mean_squared_error has no delta"),
    ("mean_absolute_error(label_smoothing=0.1)", "loss: ", "has no label_smoothing"),
    ("binary_cross_entropy(delta=0.5)", "loss: ", "binary_cross_entropy has no delta"),
    ("binary_cross_entropy(label_smoothing=1)", "loss.label_smoothing: ", "1"),
    ("categorical_cross_entropy(label_smoothing=-0.1)", "loss.label_smoothing: ", "-0.1"),
]

BAD_RULES = [
    *((name, "learning_rate", value) for name in RULES for value in (0, -0.1, math.nan, math.inf)),
    *((name, "l2", -0.5) for name in RULES),
    *((name, "weight_decay", -0.5) for name in RULES),
    *((name, "clip_norm", value) for name in RULES for value in (0, -1, "long")),
    *((name, "speed", 9) for name in RULES),
    *(("sgd", "momentum", value) for value in (1, -0.5)),
    *((name, key, value) for name in ("adam", "adamw") for key in ("beta1", "beta2")
      for value in (1, 1.5, -0.5)),
    *((name, "epsilon", 0) for name in ("adam", "adamw", "rmsprop", "adagrad")),
    *(("rmsprop", "rho", value) for value in (1, -0.5)),
    ("adamw", "weight_decay", 0),
    ("adagrad", "initial_accumulator", -1),
    ("sgd", "beta1", 0.5),
    ("adam", "momentum", 0.5),
    ("rmsprop", "momentum", 0.5),
    ("rmsprop", "centered", True),
]  # fmt: skip

BAD_SCHEDULES = [
    ("steps", -1),
    ("steps", 2.5),
    ("warmup_steps", -1),
    ("every", 0),
    ("drop", 0),
    ("drop", 1.5),
    ("final", -0.5),
    ("final", 1.5),
    ("name", "linear"),
    ("power", 2),
]


@pytest.mark.parametrize(("values", "key", "received"), BAD_TRAININGS, ids=lambda v: str(v)[:50])
def test_a_bad_training_is_refused_by_its_key(
    values: dict[str, Any], key: str, received: str
) -> None:
    """Every value out of range or of a wrong name is refused with file, key and what was given."""
    sentence = refusal(values)
    assert sentence.startswith(f"my.toml: {key}")
    assert received in sentence


@pytest.mark.parametrize(("text", "key", "received"), BAD_LOSSES, ids=lambda v: str(v)[:50])
def test_a_bad_loss_is_refused_by_its_key(text: str, key: str, received: str) -> None:
    """A loss that is not there, or an argument that it does not have, is named with its value."""
    sentence = refusal(training(loss=text))
    assert sentence.startswith(f"my.toml: {key}")
    assert received in sentence


@pytest.mark.parametrize(("name", "key", "value"), BAD_RULES, ids=str)
def test_a_bad_constant_of_an_optimizer_is_refused_by_its_key(
    name: str, key: str, value: Any
) -> None:
    """Every optimiser refuses a constant out of range, or one it has not, by key and value."""
    sentence = refusal(rule(name, **{key: value}))
    assert sentence.startswith(f"my.toml: optimizer.{key}: ")
    assert f"(got {value!r})" in sentence


@pytest.mark.parametrize(("key", "value"), BAD_SCHEDULES, ids=str)
def test_a_bad_schedule_is_refused_by_its_key(key: str, value: Any) -> None:
    """Every value of a schedule out of range is refused by key and value."""
    sentence = refusal(schedule(**{key: value}))
    assert sentence.startswith(f"my.toml: schedule.{key}: ")
    assert f"(got {value!r})" in sentence


@pytest.mark.parametrize("name", ["step", "exponential", "cosine"])
def test_a_schedule_that_ends_needs_its_length(name: str) -> None:
    """All but the constant schedule are refused without the number of their steps."""
    assert f"the schedule {name} needs steps" in refusal(schedule(name=name, steps=0))


@pytest.mark.parametrize("name", ["sgd", "adam", "rmsprop", "adagrad"])
def test_both_decays_at_once_are_refused(name: str) -> None:
    """A penalty and a decoupled decay would shrink the weights twice: one has to be chosen."""
    assert "choose one" in refusal(rule(name, l2=0.125, weight_decay=0.125))


def test_adamw_has_its_own_decay() -> None:
    """AdamW is nothing without a decay, and refuses a penalty beside it."""
    lacking = {key: value for key, value in RULES["adamw"].items() if key != "weight_decay"}
    assert "optimizer.weight_decay: is missing" in refusal(training(optimizer=lacking))
    assert "choose one" in refusal(rule("adamw", l2=0.125))


def test_nesterov_needs_a_momentum() -> None:
    """Looking ahead without a momentum is refused rather than ignored."""
    assert "nesterov needs a momentum above 0" in refusal(rule("sgd", nesterov=True))


def test_every_problem_is_named_at_once() -> None:
    """Two mistakes give one sentence that names both: nobody wants to repair them one by one."""
    sentence = refusal(training(epochs=0, batch_size=-4))
    assert "epochs: " in sentence
    assert "batch_size: " in sentence


@pytest.mark.parametrize("name", RULES)
def test_an_optimizer_is_read_by_its_name(name: str) -> None:
    """The name chooses the optimiser; what all share is none unless asked for."""
    optimizer = read(rule(name)).optimizer
    assert type(optimizer) is CLASSES[name]
    assert isinstance(optimizer, OptimizerRule)
    assert isinstance(optimizer, AdamConstants) == name.startswith("adam")
    assert (optimizer.l2, optimizer.clip_norm) == (0, None)
    assert optimizer.weight_decay == (0.25 if name == "adamw" else 0)


@pytest.mark.parametrize("name", RULES)
def test_no_constant_of_a_formula_has_a_hidden_default(name: str) -> None:
    """What an optimiser does not get it refuses; only what switches a part off may be left out."""
    for key in RULES[name].keys() - {"name"}:
        values = {k: v for k, v in RULES[name].items() if k != key}
        assert f"optimizer.{key}: is missing" in refusal(training(optimizer=values))


@pytest.mark.parametrize(
    ("text", "loss"),
    [
        ("mean_squared_error", Loss(name="mean_squared_error")),
        ("mean_absolute_error", Loss(name="mean_absolute_error")),
        ("huber", Loss(name="huber", delta=1.0)),
        ("huber(delta=0.5)", Loss(name="huber", delta=0.5)),
        ("huber( delta = 1e-05 )", Loss(name="huber", delta=1e-5)),
        ("binary_cross_entropy", Loss(name="binary_cross_entropy")),
        (
            "binary_cross_entropy(label_smoothing=0.125)",
            Loss(name="binary_cross_entropy", label_smoothing=0.125),
        ),
        (
            "categorical_cross_entropy(label_smoothing=0.25)",
            Loss(name="categorical_cross_entropy", label_smoothing=0.25),
        ),
        (
            "sparse_categorical_cross_entropy(label_smoothing=0.1)",
            Loss(name="sparse_categorical_cross_entropy", label_smoothing=0.1),
        ),
    ],
)
def test_a_loss_is_read_as_it_is_written(text: str, loss: Loss) -> None:
    """The text of a task file and the printed form mean the same loss."""
    assert read(training(loss=text)).loss == loss
    assert read(training(loss=str(loss))).loss == loss
    assert read(training(loss=loss.model_dump())).loss == loss


def test_every_kind_has_losses_and_every_loss_a_kind() -> None:
    """Each of the six losses belongs to exactly one kind."""
    names = [name for losses in LOSSES_OF_KIND.values() for name in losses]
    assert set(LOSSES_OF_KIND) == set(TaskKind)
    assert len(names) == len(set(names)) == 6


@pytest.mark.parametrize("text", ["categorical_cross_entropy", "sparse_categorical_cross_entropy"])
def test_only_the_dense_cross_entropy_needs_one_hot_targets(text: str) -> None:
    """Class numbers are spread into rows for categorical_cross_entropy and for nothing else."""
    assert needs_one_hot(read(training(loss=text))) == (text == "categorical_cross_entropy")


def test_a_schedule_may_be_its_name_alone() -> None:
    """A constant rate is what is meant without a schedule, and may be said in a word."""
    assert read(training()).schedule == read(training(schedule="constant")).schedule == Schedule()


@pytest.mark.parametrize("name", RULES)
def test_a_spec_cannot_be_changed(name: str) -> None:
    """A spec is what it was when it was checked: assigning to it is an error."""
    spec = read(rule(name))
    with pytest.raises(ValidationError, match="frozen"):
        spec.optimizer.learning_rate = 2.0
    with pytest.raises(ValidationError, match="frozen"):
        spec.loss.delta = 2.0
    with pytest.raises(ValidationError, match="frozen"):
        spec.schedule.steps = 2


@pytest.mark.parametrize("name", RULES)
def test_a_training_travels_as_json(name: str) -> None:
    """A training read back from its JSON, as a worker does, is equal."""
    spec = read({**rule(name, clip_norm=0.5), "schedule": COSINE, "loss": "huber(delta=0.5)"})
    assert TrainSpec.model_validate_json(spec.model_dump_json()) == spec


def test_forms_are_the_textbook_s_unless_declared() -> None:
    """Without a word an adapter is held to the papers' forms; an unknown form is refused."""
    assert Forms() == Forms(
        adam="standard",
        momentum="rate_outside",
        rmsprop="epsilon_outside",
        adagrad="epsilon_outside",
        clipping="exact",
    )
    with pytest.raises(UsageError, match="'epsilon_somewhere'"):
        parse(Forms, {"adam": "epsilon_somewhere"}, where="adapter")


def test_a_form_of_its_default_is_not_written_down() -> None:
    """Plans sealed before kinks and rounded constants were forms keep their text and seal."""
    old = {"adam", "momentum", "rmsprop", "adagrad", "clipping"}
    assert set(Forms().model_dump()) == old
    declared = Forms(rounded=("momentum",), selu_at_0="right")
    assert set(declared.model_dump()) == old | {"rounded", "selu_at_0"}
    assert Forms.model_validate_json(declared.model_dump_json()) == declared
    with pytest.raises(UsageError, match="rounded"):
        parse(Forms, {"rounded": ["pi"]}, where="adapter")


# The reference page.

SPEC_PAGE = "docs/model-spec.md"


def test_the_reference_page_names_all_there_is(root: Path) -> None:
    """Every activation, initialiser, loss, optimiser, schedule, form and key has its place."""
    page = (root / SPEC_PAGE).read_text(encoding="utf-8")
    named = {name.partition("(")[0] for name in re.findall(r"`([^`\n]+)`", page)}
    kinks = {name for name in Forms.model_fields if name.endswith("_at_0")}
    own = Forms.model_fields.keys() - kinks - {"rounded"}
    forms = [form for name in own for form in get_args(Forms.model_fields[name].annotation)]
    keys = {key for rule in CLASSES.values() for key in rule.model_fields} - {"name"}
    for names in (
        *map(get_args, (ActivationName, InitializerName, LossName)),
        RULES,
        get_args(Schedule.model_fields["name"].annotation),
        Schedule.model_fields.keys() - {"name"},
        forms,
        kinks | {"rounded"},
        keys,
    ):
        assert set(names) - named == set()


def test_the_task_of_the_reference_page_is_one(root: Path) -> None:
    """The example can be copied: it is a valid task, with every section."""
    example = (root / SPEC_PAGE).read_text(encoding="utf-8").split("```toml\n")[1].split("```")[0]
    task = parse(Task, tomllib.loads(example), where=SPEC_PAGE)
    assert task.data.target == ("price", "days")
    assert isinstance(task.training.optimizer, AdamW)
    assert task.training.loss == Loss(name="huber", delta=0.5)
    assert task.training.schedule.name == "cosine"


def test_the_links_of_the_reference_page_lead_somewhere(root: Path) -> None:
    """Every file that the page links to is there."""
    links = re.findall(r"\]\(([^)]+)\)", (root / SPEC_PAGE).read_text(encoding="utf-8"))
    assert links
    assert [link for link in links if not (root / "docs" / link).exists()] == []

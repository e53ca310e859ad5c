"""The parity cases cover the whole spec, are fit for float32, and are found by their names."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from samenet._random import make_generator
from samenet.certificate import admissibility
from samenet.certificate import cases as certificate_cases
from samenet.spec import (
    ActivationName,
    Forms,
    LossName,
    Optimizer,
    Schedule,
    case_names,
    load_task,
    shipped_tasks,
)
from samenet.spec.layers import IDENTITY, all_layers

TRAININGS = [name for name in certificate_cases.names() if name.startswith("training")]


@pytest.mark.parametrize("forms", admissibility.FORMS, ids=["first forms", "second forms"])
@pytest.mark.parametrize("name", TRAININGS)
def test_a_training_case_is_fit_for_float32(name: str, forms: Forms) -> None:
    """No training case amplifies a disturbance tenfold or comes within rounding of a kink."""
    problem = certificate_cases.find_case(name).shown
    assert admissibility.growth_of(problem, forms) <= admissibility.GROWTH_MAX
    assert admissibility.margin_of(problem, forms) >= admissibility.MARGIN_MIN


def test_a_problem_that_comes_near_a_kink_is_not_admissible() -> None:
    """Among the first draws of a ReLU case some are refused, so the margin is really looked at."""
    problem = certificate_cases.find_case("training by sgd + warm-up, kinked").shown
    earlier = [replace(problem, repeat=n) for n in range(problem.repeat)]
    assert earlier
    margins = [
        admissibility.margin_of(
            certificate_cases._problem(p.name, **settings(p.name), repeat=p.repeat), Forms()
        )
        for p in earlier
    ]
    assert min(margins) < admissibility.MARGIN_MIN


def settings(name: str) -> dict:
    """Return what a training case asks for."""
    return certificate_cases._settings(name.removeprefix("training by "), None)


def test_every_activation_and_loss_has_a_case_of_its_own() -> None:
    """No activation and no loss of the spec lacks its gate 0."""
    functions = [certificate_cases.find_case(name).function for name in certificate_cases.names()]
    found = {function.name for function in functions if function is not None}
    assert found == {*get_args(ActivationName), *get_args(LossName)}


def test_every_activation_and_loss_has_a_gradient() -> None:
    """No activation and no loss of the spec lacks its gate 1."""
    shown = [
        certificate_cases.find_case(n).shown
        for n in certificate_cases.names()
        if n.startswith("gradient")
    ]
    activations = {problem.network.layers[0].activation.name for problem in shown}
    losses = {problem.training.loss.name for problem in shown}
    assert activations == set(get_args(ActivationName))
    assert losses == set(get_args(LossName))


def test_every_optimiser_is_trained_with_each_change_of_its_step() -> None:
    """Every optimiser has l2 or decay, clipping, a schedule, and a smooth and a kinked network."""
    union = get_args(Optimizer)[0]
    shown = [certificate_cases.find_case(name).shown for name in TRAININGS]
    for kind in get_args(union):
        own = [p for p in shown if isinstance(p.training.optimizer, kind)]
        assert any(p.training.optimizer.l2 or p.training.optimizer.weight_decay for p in own)
        assert any(p.training.optimizer.clip_norm for p in own)
        assert any(p.training.schedule != Schedule() for p in own)
        assert {p.network.layers[0].activation.name for p in own} >= {"tanh", "relu"}


def test_every_schedule_is_trained_with() -> None:
    """Each of the four schedules, and the warm-up, is part of a training case."""
    schedules = [certificate_cases.find_case(name).shown.training.schedule for name in TRAININGS]
    assert {s.name for s in schedules} == {"constant", "step", "exponential", "cosine"}
    assert any(s.warmup_steps for s in schedules)


def test_clipping_really_clips() -> None:
    """In every case with clipping the gradient is longer than the norm allowed."""
    for name in (n for n in TRAININGS if "clipping" in n):
        problem = certificate_cases.find_case(name).shown
        loose = problem.training.optimizer.model_copy(update={"clip_norm": None})
        other = replace(problem, training=problem.training.model_copy(update={"optimizer": loose}))
        forms = Forms()
        moved = [p.truth(forms, p.whole).losses for p in (problem, other)]
        assert not np.allclose(*moved, rtol=1e-6, atol=0)


def test_dropout_short_batches_and_several_outputs_are_trained() -> None:
    """What else changes a step has its case: masks, a short last batch, outputs, depth."""
    shown = {name: certificate_cases.find_case(name).shown for name in TRAININGS}
    lengths = {call.order.shape[1] for p in shown.values() for call in p.whole}
    assert lengths == {certificate_cases.BATCH, certificate_cases.BATCH // 2}
    assert any(p.network.has_dropout for p in shown.values())
    assert any(
        p.network.widths[-1] > 1 and p.training.loss.name == "mean_squared_error"
        for p in shown.values()
    )
    assert max(len(p.network.layers) for p in shown.values()) >= 6


@pytest.mark.parametrize("name", shipped_tasks())
def test_a_task_rests_on_cases_that_exist(name: str) -> None:
    """What a shipped task needs can be made, and its functions and optimiser are among it."""
    task = load_task(name)
    cases = [certificate_cases.find_case(need) for need in case_names.cases_of_task(task)]
    functions = [case.function for case in cases if case.function is not None]
    assert task.training.loss in functions
    layers = all_layers(task.model.layers)
    asked = {layer.activation for layer in layers if hasattr(layer, "activation")}
    assert asked - {IDENTITY} <= set(functions)
    trained = next(case.shown for case in cases if case.gates == "2 and 3")
    assert type(trained.training.optimizer) is type(task.training.optimizer)


def test_a_task_with_everything_rests_on_everything() -> None:
    """Penalty, clipping, schedule and dropout of a task all come back in its training case."""
    optimizer = '{"name": "adam", "learning_rate": 0.5, "beta1": 0.5, "beta2": 0.5, "epsilon": 1}'
    changes = [
        ("training.optimizer", optimizer),
        ("training.optimizer.l2", "0.5"),
        ("training.optimizer.clip_norm", "1"),
        ("training.schedule", '{"name": "cosine", "steps": 9}'),
        ("model.layers.0.dropout", "0.5"),
        ("training.loss", "sparse_categorical_cross_entropy(label_smoothing=0.25)"),
    ]
    needed = case_names.cases_of_task(load_task("iris", changes))
    assert "training by adam + l2 + clipping + cosine + dropout, smooth" in needed
    assert "loss sparse_categorical_cross_entropy(label_smoothing=0.25)" in needed
    assert all(certificate_cases.find_case(name) for name in needed)


@pytest.mark.parametrize("name", ["training by adam + magic, smooth", "spell", ""])
def test_a_name_that_is_no_case_is_refused(name: str) -> None:
    """What is no case is a ValueError that names it, not another case."""
    with pytest.raises(ValueError, match="there is no"):
        certificate_cases.find_case(name)


def test_cases_are_the_same_on_every_machine() -> None:
    """The rows of a case follow from its name alone; one number of them is written down here."""
    source = certificate_cases.find_case("training by adam, smooth").shown.source
    expected = make_generator("training by adam, smooth", 0, "rows").normal(size=(192, 12))
    np.testing.assert_array_equal(source.inputs, expected.astype(np.float32))

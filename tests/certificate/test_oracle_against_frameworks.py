"""The oracle agrees with each framework's public API, called on its own, in float64.

The scripts in tests/independent/ import one framework each and nothing of samenet; each runs once,
in a process of its own, and answers all questions about it. Errors are counted in unit roundoffs of
float64, 2^-53; every bound is about 8 times the error that was seen on one machine.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from independent import questions as asked

from samenet.adapter import Layer
from samenet.adapter.schedules import learning_rates
from samenet.certificate.oracle import network as oracle
from samenet.certificate.oracle.functions import (
    SELU_ALPHA,
    SELU_SCALE,
    delta_terms,
    derivative,
    mean_loss,
    value,
)
from samenet.certificate.oracle.network import Batch
from samenet.certificate.oracle.optimizers import Updater
from samenet.spec import Activation, Dense, Forms, Network

SCRIPTS = Path(__file__).resolve().parent / "independent"
ROUNDOFF = 2.0**-53

ALONE = {
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    **dict.fromkeys(("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"), "1"),
    "CUDA_VISIBLE_DEVICES": "",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}
"""One thread, no GPU."""

NEEDS = {
    "torch": ("torch",),
    "tensorflow": ("tensorflow",),
    "keras": ("keras", "tensorflow"),
    "keras on torch": ("keras", "torch"),
    "sklearn": ("sklearn",),
}

Says = Callable[[str], Any]


@pytest.fixture(scope="module")
def says(tmp_path_factory: pytest.TempPathFactory) -> Says:
    """Return what a framework answers; skips if it is not installed."""

    @cache
    def answer(framework: str) -> subprocess.CompletedProcess[str]:
        script, _, backend = framework.partition(" on ")
        settings = {
            "KERAS_BACKEND": backend or "tensorflow",
            "KERAS_HOME": str(tmp_path_factory.mktemp("keras")),  # no settings of the user
        }
        return subprocess.run(
            [sys.executable, "-P", str(SCRIPTS / f"{script}_says.py")],
            input=json.dumps(asked.plain(asked.questions(framework))),
            env=os.environ | ALONE | settings,
            capture_output=True,
            check=False,
            encoding="utf-8",
        )

    def ask(framework: str) -> Any:
        for name in NEEDS[framework]:
            if importlib.util.find_spec(name) is None:
                pytest.skip(f"{name} is not installed")
        done = answer(framework)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return ask


# How far apart.


def compare(found: Any, wanted: Any, *, scale: Any, roundoffs: float) -> None:
    """Fail if any number is off by more than so many unit roundoffs of its scale."""
    found, wanted = np.asarray(found), np.asarray(wanted)
    assert found.shape == wanted.shape
    error = np.abs(found - wanted)
    allowed = np.broadcast_to(roundoffs * ROUNDOFF * np.asarray(scale), error.shape)
    worst = np.unravel_index(np.argmax(error - allowed), error.shape)
    told = f"{found[worst]!r} for {wanted[worst]!r}: allowed is {allowed[worst]:.3g}"
    assert np.all(error <= allowed), told


def layers(answer: list[Any]) -> list[Layer]:
    return [Layer(np.array(kernel), np.array(bias)) for kernel, bias in answer]


def pairs(table: dict[str, Any]) -> list[Any]:
    """Return (framework, name) for every entry of a table of tables."""
    return [
        pytest.param(framework, name, id=f"{framework}: {name}")
        for framework, names in table.items()
        for name in names
    ]


FUNCTIONS = ("torch", "tensorflow", "keras")


# Activations.


def activation(framework: str, name: str) -> Activation:
    slope = {"slope": asked.SLOPES[framework]} if name == "leaky_relu" else {}
    return Activation(name=name, **slope)


ACTIVATIONS = {framework: asked.activations_of(framework) for framework in FUNCTIONS}

ROUNDOFFS = {
    **dict.fromkeys(("identity", "relu", "leaky_relu"), (0, 0)),
    "sigmoid": (12, 4),
    "tanh": (12, 24),
    "elu": (4, 4),
    "selu": (16, 32),
    "gelu": (8, 8),
    "silu": (16, 12),
    "softplus": (16, 4),
}
"""What the value and the derivative may be off by."""

CANCELLING = ("elu", "selu", "gelu")
"""exp(z) - 1 and 1 + erf(z): their errors are relative to the terms, not to the difference."""


@pytest.mark.parametrize(("framework", "name"), pairs(ACTIVATIONS))
def test_activations_have_the_same_values(says: Says, framework: str, name: str) -> None:
    """From -800 to 800 an activation has the value that the framework's function has."""
    wanted = value(activation(framework, name), asked.POINTS)
    scale = np.maximum(1, np.abs(asked.POINTS)) if name in CANCELLING else np.abs(wanted)
    found = says(framework)["activations"][name]["value"]
    compare(found, wanted, scale=scale, roundoffs=ROUNDOFFS[name][0])


@pytest.mark.parametrize(("framework", "name"), pairs(ACTIVATIONS))
def test_activations_have_the_same_derivatives(says: Says, framework: str, name: str) -> None:
    """From -800 to 800 an activation has the derivative that is found there, kinks included."""
    wanted = derivative(activation(framework, name), asked.POINTS)
    found = np.array(says(framework)["activations"][name]["derivative"])
    if name == "selu" and framework != "torch":
        found[asked.POINTS == 0] = wanted[asked.POINTS == 0]  # a known deviation: see below
    scale = np.maximum(1, np.abs(asked.POINTS))
    compare(found, wanted, scale=scale, roundoffs=ROUNDOFFS[name][1])


# Losses.

LOSSES = {framework: asked.losses_of(framework) for framework in FUNCTIONS}


@pytest.mark.parametrize(("framework", "name"), pairs(LOSSES))
def test_losses_have_the_same_values(says: Says, framework: str, name: str) -> None:
    """A mean loss has the framework's value, even at logits of 800, where exp(z) overflows."""
    wanted = mean_loss(*asked.LOSSES[name])
    found = says(framework)["losses"][name]["value"]
    compare(found, wanted, scale=max(1.0, wanted), roundoffs=32)


@pytest.mark.parametrize(("framework", "name"), pairs(LOSSES))
def test_losses_have_the_same_gradients(says: Says, framework: str, name: str) -> None:
    """The gradient by the logits is that of automatic differentiation, saturated or not."""
    predicted, wanted = delta_terms(*asked.LOSSES[name])
    found = says(framework)["losses"][name]["gradient"]
    scale = np.abs(predicted) + np.abs(wanted)
    compare(found, predicted - wanted, scale=scale, roundoffs=40)


# Updates with given gradients and a changing rate.


def path(framework: str, name: str, forms: Forms) -> np.ndarray:
    """Return the oracle's weights after every step."""
    net = Network(inputs=3, layers=(Dense(units=2),))
    updater = Updater(net, asked.updating(asked.RULES[framework][name]), forms, [asked.START])
    return np.array([updater.step(g, t) for t, g in enumerate(asked.GRADIENTS, start=1)])


def path_scale(mine: np.ndarray) -> np.ndarray:
    """Return the steps made so far times the largest value that each weight has had."""
    steps = np.arange(1, len(mine) + 1)[:, None]
    return steps * np.maximum.accumulate(np.abs(mine), axis=0)


@pytest.mark.parametrize(("framework", "name"), pairs(asked.RULES))
def test_optimizers_make_the_same_steps(says: Says, framework: str, name: str) -> None:
    """After each of 30 steps with a changing rate every weight is where the framework has it."""
    mine = path(framework, name, asked.FORMS[framework])
    compare(says(framework)["paths"][name], mine, scale=path_scale(mine), roundoffs=8)


WITH_FORMS = {
    framework: [name for name in rules if not name.startswith("sgd") or "clipped" in name]
    for framework, rules in asked.RULES.items()
}
OTHER = {"torch": asked.KERAS, "keras": asked.TORCH}


@pytest.mark.parametrize(("framework", "name"), pairs(WITH_FORMS))
def test_the_other_form_of_an_optimizer_is_told_apart(
    says: Says, framework: str, name: str
) -> None:
    """Where a rule has two forms, the one that the framework does not have is far away."""
    mine = path(framework, name, OTHER[framework])
    error = np.abs(np.array(says(framework)["paths"][name]) - mine)
    assert np.max(error / np.maximum(path_scale(mine), 1e-300)) > 1000 * 8 * ROUNDOFF


def test_the_given_gradients_try_clipping_both_ways() -> None:
    """Some of the gradients are longer than the norm that is clipped to, and some shorter."""
    longer = np.linalg.norm(asked.GRADIENTS, axis=1) > 1
    assert 5 < np.sum(longer) < asked.STEPS - 5


# Schedules.


@pytest.mark.parametrize(("framework", "name"), pairs(asked.PLANS))
def test_schedules_give_the_same_rates(says: Says, framework: str, name: str) -> None:
    """The rate of every step is the scheduler's, rounded to float32; a zero may be a roundoff."""
    mine = learning_rates(asked.scheduled(asked.PLANS[framework][name]))
    rounded = np.array(says(framework)["rates"][name]).astype(np.float32)
    compare(rounded, mine, scale=asked.RATE, roundoffs=8)


# Whole networks.

NETWORKS = {framework: list(asked.NETWORKS) for framework in ("torch", "tensorflow")}


@pytest.mark.parametrize(("framework", "name"), pairs(NETWORKS))
def test_networks_have_the_same_gradient(says: Says, framework: str, name: str) -> None:
    """Every weight's gradient is that of automatic differentiation, dropout masks included."""
    net, plan, batches = asked.NETWORKS[name]
    problem = (net, plan.loss, asked.weights_for(net), batches[0])
    mine, answer = oracle.gradient(*problem), says(framework)["gradients"][name]
    compare(answer["loss"], mine.loss, scale=mine.loss, roundoffs=24)
    error = oracle.flatten(layers(answer["gradient"])) - oracle.flatten(mine.gradient)
    scale = np.linalg.norm(oracle.magnitude(*problem))
    assert np.linalg.norm(error) < 24 * ROUNDOFF * scale


@pytest.mark.parametrize("name", asked.TRAININGS["torch"])
def test_trainings_in_torch_follow_the_oracle(says: Says, name: str) -> None:
    """Forty steps of a written loop, with schedule, clipping, decay, masks, end where it ends."""
    net, plan, batches = asked.TRAININGS["torch"][name]
    mine = oracle.trajectory(net, plan, asked.weights_for(net), batches, forms=asked.TORCH)
    answer = says("torch")["trainings"][name]
    assert oracle.distance(layers(answer["weights"]), mine.final) < len(batches) * ROUNDOFF
    compare(answer["losses"], mine.losses, scale=mine.losses, roundoffs=24)


def epoch_losses(losses: np.ndarray, batches: list[Batch]) -> np.ndarray:
    """Return the mean loss of each epoch, in which every row counts the same."""
    rows = [len(batch.inputs) for batch in batches]
    return np.average(losses.reshape(asked.EPOCHS, -1), axis=1, weights=rows)


@pytest.mark.parametrize("name", asked.TRAININGS["keras"])
def test_trainings_in_keras_follow_the_oracle(says: Says, name: str) -> None:
    """Six epochs of `fit` without shuffling report its losses and end at its weights."""
    net, plan, batches = asked.TRAININGS["keras"][name]
    whole = batches * asked.EPOCHS
    mine = oracle.trajectory(net, plan, asked.weights_for(net), whole, forms=asked.KERAS)
    answer, losses = says("keras")["trainings"][name], epoch_losses(mine.losses, batches)
    assert oracle.distance(layers(answer["weights"]), mine.final) < len(whole) * ROUNDOFF
    compare(answer["losses"], losses, scale=losses, roundoffs=24)


def follow(name: str, forms: Forms) -> oracle.Trajectory:
    """Return the oracle's way through a training of scikit-learn; its own rate where it falls."""
    net, plan, batches = asked.SKLEARN[name]
    whole, weights = batches * asked.EPOCHS, asked.weights_for(net)
    if "falling" not in name:
        steps = range(1, len(whole) + 1)
        return oracle.trajectory(net, plan, weights, whole, forms=forms, snapshots=steps)
    updater, kept, losses = Updater(net, plan, forms, weights), {}, []
    updater.rates = asked.sklearn_rates(plan, len(batches))
    for step, batch in enumerate(whole, start=1):
        found = oracle.gradient(net, plan.loss, weights, batch)
        weights = oracle.unflatten(updater.step(oracle.flatten(found.gradient), step), weights)
        losses.append(found.loss)
        kept[step] = weights
    return oracle.Trajectory(losses=np.array(losses), snapshots=kept, final=weights)


def astray(says: Says, name: str, forms: Forms) -> list[float]:
    """Return, for each epoch of scikit-learn, the distance in unit roundoffs for each step."""
    mine, steps = follow(name, forms), len(asked.SKLEARN[name][2])
    return [
        oracle.distance(layers(found), mine.snapshots[epoch * steps]) / (epoch * steps * ROUNDOFF)
        for epoch, found in enumerate(says("sklearn")["trainings"][name]["path"], start=1)
    ]


@pytest.mark.parametrize("name", asked.SKLEARN)
def test_trainings_in_scikit_learn_follow_the_oracle(says: Says, name: str) -> None:
    """After each of six epochs of `partial_fit` the weights are the oracle's."""
    assert max(astray(says, name, asked.KERAS)) < 1


@pytest.mark.parametrize("name", [name for name in asked.SKLEARN if "l2" not in name])
def test_trainings_in_scikit_learn_report_the_losses_of_the_oracle(says: Says, name: str) -> None:
    """Each entry of `loss_curve_` is the mean of the losses before the updates of its epoch."""
    losses = epoch_losses(follow(name, asked.KERAS).losses, asked.SKLEARN[name][2])
    factor = 2 if "doubled" in name else 1  # it reports half the squared error
    found = factor * np.array(says("sklearn")["trainings"][name]["losses"])
    compare(found, losses, scale=losses, roundoffs=32)


@pytest.mark.parametrize("name", ["adam, tanh", "nesterov, falling rate", "regression, adam"])
def test_scikit_learn_has_not_the_other_form(says: Says, name: str) -> None:
    """Epsilon outside and the rate outside, torch's forms, lead visibly elsewhere."""
    assert max(astray(says, name, asked.TORCH)) > 1000


# Known deviations: a test that fails here says that a later version behaves better.


def test_scikit_learn_applies_the_gradient_of_its_own_loss_to_one_output(says: Says) -> None:
    """With one output the step is that of the half squared error which is reported."""
    told = says("sklearn")["applied"]["1"]
    compare(told["applied"], told["own"], scale=1, roundoffs=8)


def test_scikit_learn_applies_four_times_the_gradient_of_its_loss_to_four_outputs(
    says: Says,
) -> None:
    """The applied gradient sums over the outputs, the reported loss takes their mean."""
    told = says("sklearn")["applied"]["4"]
    applied, own = np.array(told["applied"]), np.array(told["own"])
    assert np.all(np.abs(applied - 4 * own) < 16 * ROUNDOFF), (
        f"scikit-learn {says('sklearn')['version']} no longer applies the number of outputs times "
        f"the gradient of the loss it reports (its issue 8349), but {applied / own} times: rates "
        "and losses of a regression with several outputs have to be converted anew."
    )


def test_keras_on_torch_has_no_float64(says: Says) -> None:
    """Numbers of float64 give a loss of float32, whatever floatx says."""
    told = says("keras on torch")
    assert (told["backend"], told["result_type"], told["loss_dtype"]) == (
        "torch",
        "float32",
        "float32",
    ), (
        f"Keras {told['version']} on torch now keeps float64 (it gives {told['result_type']}, and "
        f"a loss of {told['loss_dtype']}): its float64 can be compared on that backend too."
    )


def test_keras_rounds_constants_to_float32_on_tensorflow(says: Says) -> None:
    """A constant such as 0.999 reaches a float64 computation as the nearest float32."""
    told = says("keras")
    assert told["constant"] == float(np.float32(0.999)), (
        f"Keras {told['version']} no longer rounds constants to float32 on TensorFlow (TensorFlow "
        f"issue 57779): 0.999 is {told['constant']!r}. Constants need not be exact in binary any "
        "more."
    )


def test_keras_computes_rates_in_float32_from_a_python_float(says: Says) -> None:
    """A schedule that starts from a Python float ignores that floatx is float64."""
    told = says("keras")
    assert told["rate_dtype"] == "float32", (
        f"Keras {told['version']} now computes schedules in floatx ({told['rate_dtype']})."
    )


@pytest.mark.parametrize("framework", ["tensorflow", "keras"])
def test_gelu_of_tensorflow_has_a_constant_of_float32(says: Says, framework: str) -> None:
    """The exact GELU in float64 is z * Phi(c*z) with the float32 nearest to c = 1."""
    told = says(framework)
    error = abs(told["gelu_of_one"] - (1 + math.erf(math.sqrt(0.5))) / 2)
    assert error > 1e6 * ROUNDOFF, (
        f"{framework} {told['version']} now has GELU in full float64: it can be used as it is."
    )
    rounded = float(np.float32(math.sqrt(0.5)))
    compare(told["gelu_of_one"], (1 + math.erf(rounded)) / 2, scale=1, roundoffs=8)


def test_tensorflow_rounds_the_slope_of_leaky_relu_to_float32(says: Says) -> None:
    """A slope of 0.01 is the nearest float32 in a float64 computation."""
    told = says("tensorflow")
    assert told["leaky_relu_of_minus_one"] == -float(np.float32(0.01)), (
        f"TensorFlow {told['version']} no longer rounds the slope of leaky_relu to float32: "
        f"of -1 it makes {told['leaky_relu_of_minus_one']!r}."
    )


def test_tensorflow_takes_the_right_side_of_selu_at_its_kink(says: Says) -> None:
    """SELU'(0) is scale in TensorFlow, and scale * alpha in the oracle, which takes the left."""
    told = says("tensorflow")
    assert derivative(Activation(name="selu"), np.zeros(1))[0] == SELU_SCALE * SELU_ALPHA
    assert told["selu_at_the_kink"] == pytest.approx(SELU_SCALE, rel=1e-15), (
        f"TensorFlow {told['version']} has another SELU'(0) now: {told['selu_at_the_kink']!r}."
    )


def test_torch_drops_the_tail_of_softplus_above_twenty(says: Says) -> None:
    """By default softplus(z) is z itself above 20, which is wrong by exp(-z)."""
    told = says("torch")
    assert told["softplus_by_default"] == 20.5, (
        f"PyTorch {told['version']} no longer drops the tail of softplus above 20: no threshold "
        "has to be given for float64."
    )


@pytest.mark.parametrize("script", sorted(SCRIPTS.glob("*_says.py")), ids=lambda path: path.stem)
def test_scripts_know_one_framework_and_nothing_of_ours(script: Path) -> None:
    """What is compared with shares no code with samenet: a script imports its framework alone."""
    own = script.stem.removesuffix("_says")
    allowed = {own, "numpy", "tensorflow" if own == "keras" else own} | sys.stdlib_module_names
    nodes = list(ast.walk(ast.parse(script.read_text("utf-8"))))
    names = {alias.name for n in nodes if isinstance(n, ast.Import) for alias in n.names}
    names |= {str(n.module) for n in nodes if isinstance(n, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in names} - allowed == set()

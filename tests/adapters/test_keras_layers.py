"""Keras' layers on TensorFlow, PyTorch and JAX: as users write them, and as samenet makes them."""

from __future__ import annotations

import importlib.util
import json
import math
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from samenet.adapter import Target, discovery
from samenet.execution.worker_environment import worker_environment
from samenet.spec.layers import KINDS

BACKENDS = {"keras": "tensorflow", "keras-torch": "torch", "keras-jax": "jax"}
"""Each adapter, and what it computes with."""
TRIED = [
    pytest.param(name, marks=pytest.mark.slow if name == "keras-jax" else ()) for name in BACKENDS
]
"""XLA compiles for a minute."""
SCRIPT = Path(__file__).parents[1] / "helpers" / "keras_own_layers.py"
WITHOUT_LAYER = {"dropout", "residual"}
"""Masks are given, and a residual is a sum: they have no layer; trainings have both."""
LIMIT = 1e-13
"""In float64, where both sides are sums of at most some hundred products of numbers near 1."""
ROUNDED = {"keras": 1e-9, "keras-jax": 1e-9}
"""Backends whose own attention rounds to float32 on the way, and from where that shows."""


@cache
def found(name: str) -> dict[str, Any]:
    """Return what keras_own_layers found in the environment of an adapter's worker."""
    if (
        importlib.util.find_spec("keras") is None
        or importlib.util.find_spec(BACKENDS[name]) is None
    ):
        pytest.skip(f"{name} is not installed")
    header = discovery.shipped_adapters()[name].header
    done = subprocess.run(
        [sys.executable, "-P", str(SCRIPT), name],
        capture_output=True,
        text=True,
        check=False,
        env=worker_environment(header, Target()),
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def of_kind(name: str, kind: str) -> dict[str, Any]:
    """Return the cases of a kind: their names begin with it."""
    cases = found(name)["layers"].items()
    kept = {case: each for case, each in cases if case.split()[0].strip(",") == kind}
    assert kept
    return kept


@pytest.mark.parametrize("kind", sorted(set(KINDS) - WITHOUT_LAYER))
@pytest.mark.parametrize("name", TRIED)
def test_a_layer_is_that_of_the_oracle(name: str, kind: str) -> None:
    """Outputs, gradients by inputs and weights, and what is kept are the same but for rounding."""
    for case, each in of_kind(name, kind).items():
        assert each["size"] > LIMIT, f"{case}: no gradient to compare"
        assert max(each["ours"].values()) <= LIMIT, case


@pytest.mark.parametrize("kind", sorted(set(KINDS) - WITHOUT_LAYER - {"attention"}))
@pytest.mark.parametrize("name", TRIED)
def test_a_layer_as_its_users_write_it_is_that_of_the_oracle(name: str, kind: str) -> None:
    """Keras' own layer with our weights, as its documentation has it, computes the same."""
    for case, each in of_kind(name, kind).items():
        assert max(each["own"].values()) <= LIMIT, case


@pytest.mark.parametrize("name", TRIED)
def test_own_attention_is_that_of_the_oracle_where_nothing_is_rounded(name: str) -> None:
    """On TensorFlow 1 / sqrt(3), on JAX the softmax goes through float32, on PyTorch nothing."""
    for case, each in of_kind(name, "attention").items():
        furthest = max(each["own"].values())
        if name in ROUNDED:
            assert (furthest > ROUNDED[name]) == (name == "keras-jax" or "one" not in case), case
            assert furthest < 1e-5, case
        else:
            assert furthest <= LIMIT, case


@pytest.mark.parametrize("name", TRIED)
def test_trainings_in_float64_are_those_of_the_oracle(name: str) -> None:
    """After twelve steps with masks and decay and clipping, or a penalty, in every mode.

    What is trained, the kept statistics, and the outputs in use.
    """
    trainings = found(name)["trainings"]
    modes = discovery.shipped_adapters()[name].header.modes
    assert len(trainings) == 2 * len(modes)
    for training, each in trainings.items():
        assert each["moved"] > 1e-3, training
        assert max(each["trained"], each["state"], each["outputs"]) <= 1e-12, training


@pytest.mark.parametrize("name", TRIED)
def test_predictions_are_those_of_the_oracle(name: str) -> None:
    """The usual and the fast way take rows or tokens, and the statistics that came with weights."""
    for training, each in found(name)["trainings"].items():
        assert each["predicted"] <= 1e-12, training


@pytest.mark.slow
def test_convolutions_leave_the_loops_of_xla() -> None:
    """On a CPU their own loops are TensorFlow's graph, and a compiled step called by Python."""
    of_keras, of_jax = found("keras")["trainings"], found("keras-jax")["trainings"]
    compilers = {name: of_keras[f"{name}, native"]["compiler"] for name in ("image", "text")}
    assert compilers == {"image": "none", "text": "xla"}
    one_by_one = {name: of_jax[f"{name}, native"]["one by one"] for name in ("image", "text")}
    assert one_by_one == {"image": True, "text": False}


@pytest.mark.parametrize("rule", ["Adam", "AdamW", "RMSprop", "Adagrad"])
def test_repeated_tokens_are_added_up_before_they_are_squared(rule: str) -> None:
    """A row with gradient 1 + 1 moves as one with 2: with these rules, as far as one with 1.

    On TensorFlow, Keras' own squares each of the two, and goes sqrt(2) times as far.
    """
    ours, own = (found("keras")["tokens"][rule][way] for way in ("ours", "own"))
    near = pytest.approx(ours[1], rel=0.15 if rule == "Adagrad" else 1e-6)
    assert ours[0] == near
    assert own[1] == pytest.approx(ours[1], rel=1e-6)
    assert abs(own[0]) > 1.3 * abs(ours[0])
    assert ours[2] == own[2] == 0


def test_repeated_tokens_count_once_for_the_norm() -> None:
    """A gradient of 1 + 1 and 1 has the norm sqrt(5); on TensorFlow, Keras' own takes sqrt(3)."""
    for way, norm in (("ours", math.sqrt(5)), ("own", math.sqrt(3))):
        steps = found("keras")["tokens"]["clipped"][way]
        assert steps == pytest.approx([-2 / norm, -1 / norm, 0], rel=1e-6), way


@pytest.mark.parametrize("name", TRIED)
def test_the_variance_of_a_batch_with_a_large_mean(name: str) -> None:
    """It is of numbers less their mean; Keras' own on PyTorch is E[x^2] - E[x]^2, and far off."""
    kept = found(name)["variance"]
    assert kept["ours"] == pytest.approx(kept["true"], rel=1e-3)
    is_right = kept["own"] == pytest.approx(kept["true"], rel=1e-3)
    assert is_right == (name != "keras-torch")

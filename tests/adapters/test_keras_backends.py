"""Keras on TensorFlow, PyTorch and JAX: one framework, three adapters, each in its own process."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from samenet.adapter import Target, discovery
from samenet.execution.worker_environment import worker_environment
from samenet.machine import system

BACKENDS = {"keras": "tensorflow", "keras-torch": "torch", "keras-jax": "jax"}
"""Each adapter, and what it computes with. Keras imports JAX wherever it finds it, and TensorFlow
does; a worker on another backend is kept from it, and finds none."""

SCRIPT = Path(__file__).parents[1] / "helpers" / "keras_backend_run.py"


@cache
def answer(name: str) -> dict[str, Any]:
    """Return what an adapter did in a worker's environment: see keras_backend_run."""
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
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("mode", ["fit", "native"])
@pytest.mark.parametrize("name", BACKENDS)
def test_read_backs_say_what_is_in_force(name: str, mode: str) -> None:
    """Backend, device, precision and threads are what was asked for, in the trained program."""
    found = answer(name)[mode]["read_back"]
    assert found["backend"] == BACKENDS[name]
    assert "cpu" in found["device"].lower()
    assert found["dtype"] == "float32"
    assert found["threads"] in {1, system.NOT_READABLE}
    asked = discovery.shipped_adapters()[name].header.modes[mode].compiler
    assert found["compiler"] in ({asked} if asked else {"none", "xla"})


@pytest.mark.parametrize("name", BACKENDS)
def test_the_own_fit_takes_all_batches_of_the_training_rows_alone(name: str) -> None:
    """Two epochs of 40 rows in batches of 16 are six updates; a test row would leave no number."""
    assert answer(name)["own_fit"] == {"steps": 6, "finite": True}


@pytest.mark.parametrize("name", BACKENDS)
def test_both_modes_train_alike_and_the_native_one_tells_each_loss(name: str) -> None:
    """After one call, `fit` and the own loop are at one loss and at the same weights."""
    fit, native = answer(name)["fit"], answer(name)["native"]
    assert (len(fit["losses"]), len(native["losses"])) == (1, 4)
    assert fit["losses"][0] == pytest.approx(sum(native["losses"]) / 4, rel=1e-6)
    assert fit["weights"] == pytest.approx(native["weights"], rel=1e-5)


@pytest.mark.parametrize("name", BACKENDS)
def test_no_other_backend_is_loaded(name: str) -> None:
    """What TensorFlow, PyTorch or JAX take to import is paid by those who run on them."""
    assert set(answer(name)["loaded"]) & set(BACKENDS.values()) == {BACKENDS[name]}


@pytest.mark.parametrize("kind", ["multiclass", "binary", "regression"])
@pytest.mark.parametrize("name", BACKENDS)
def test_quick_starts_learn(name: str, kind: str) -> None:
    """The first examples run on every backend: losses fall, and one seed gives them again."""
    found = answer(name)["quickstart"][kind]
    assert found["again"] == found["losses"]
    assert found["losses"][-1] < found["losses"][0]
    assert found["shape"] == [64, 3 if kind == "multiclass" else 1]
    assert kind == "regression" or (0 <= found["least"] <= found["most"] <= 1)


@pytest.mark.parametrize(("name", "count"), [("keras", 1), ("keras-torch", 1), ("keras-jax", 2)])
def test_a_backend_has_so_many_deviations_and_each_is_still_there(name: str, count: int) -> None:
    """Rounded constants on TensorFlow, rounded results on the others, and one slope on JAX."""
    assert answer(name)["deviations"] == [True] * count


@pytest.mark.parametrize("name", ["keras-torch", "keras-jax"])
def test_a_backend_without_float64_of_its_own_says_so(name: str) -> None:
    """Keras' promotion is probed before it is changed, and is back after a proof in float64."""
    found = answer(name)
    assert found["dtypes"] == ["float32", "float64"]
    assert found["float64 gives"] == ["float64", "float32"]


@pytest.mark.parametrize("name", BACKENDS)
def test_only_keras_on_tensorflow_runs_unasked(name: str) -> None:
    """Whoever names no framework does not pay for three times Keras."""
    header = discovery.shipped_adapters()[name].header
    assert header.default is (name == "keras")
    assert discovery.shipped_adapters()[name].default_modes == [
        "fit" if name == "keras" else "native"
    ]

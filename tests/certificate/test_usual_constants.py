"""Constants that are not exact in binary refuse no framework: Keras' own default Adam above all."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from samenet.adapter import discovery

RUN = Path(__file__).parents[1] / "helpers" / "usual_constants_run.py"
MODULES = {
    "numpy": "numpy",
    "scikit-learn": "sklearn",
    "tensorflow": "tensorflow",
    "keras": "tensorflow",
    "pytorch": "torch",
    "jax": "jax",
    "keras-torch": "torch",
    "keras-jax": "jax",
}
MAIN = ("digits", "breast_cancer", "diabetes")


@cache
def answer(name: str) -> dict[str, dict]:
    """Return what a framework's own process found, by task and optimiser."""
    if importlib.util.find_spec(MODULES[name]) is None:
        pytest.skip(f"{MODULES[name]} is not installed")
    done = subprocess.run(
        [sys.executable, "-P", str(RUN), name],
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            **discovery.shipped_adapters()[name].header.environment,
            "OMP_NUM_THREADS": "1",
        },
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, dict] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("name", MODULES)
def test_textbook_constants_refuse_no_framework(name: str) -> None:
    """0.001, 0.9, 0.999 and 1e-7, and those of every other optimiser, pass gates 1 and 2."""
    found = answer(name)
    assert {*MAIN, "iris, sgd", "iris, momentum", "iris, adam"} <= found.keys()
    assert {what: each["failed"] for what, each in found.items() if each["failed"]} == {}
    assert all({"gate 1", "gate 2"} <= set(each["gates"]) for each in found.values())


def test_keras_states_by_how_much_its_own_constants_deviate() -> None:
    """With its own defaults the weights of the main tasks differ a little, and it is said."""
    found = answer("keras")
    for task in MAIN:
        (size,) = found[task]["deviations"]
        assert 0 < size < 1e-2
    assert found["iris, sgd"]["deviations"] == []


@pytest.mark.parametrize("name", [name for name in MODULES if name != "keras"])
def test_who_rounds_no_constant_has_no_deviation(name: str) -> None:
    """No other framework moves any weight by what it declares."""
    assert all(each["deviations"] == [] for each in answer(name).values())

"""TensorFlow: each kind of layer is what its own operators compute; programs of every family."""

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

HELPERS = Path(__file__).parents[1] / "helpers"
BESIDE = {"dropout", "residual"}
"""Masks are given and a residual is a sum: there is no operator that would be one of them."""
LIMITS = {"float64": 1e-14, "float32": 5e-6}
"""Both sides are sums of at most a few hundred products of numbers near 1."""
FAMILIES = ("dense", "convolution", "recurrent", "attention")

if importlib.util.find_spec("tensorflow") is None:
    pytest.skip("TensorFlow is not installed", allow_module_level=True)


@cache
def answer() -> dict[str, Any]:
    """Return what tensorflow_own_operators.py found in a worker's environment."""
    header = discovery.shipped_adapters()["tensorflow"].header
    done = subprocess.run(
        [sys.executable, "-P", str(HELPERS / "tensorflow_own_operators.py")],
        capture_output=True,
        text=True,
        check=False,
        env=worker_environment(header, Target()),
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("kind", sorted(set(KINDS) - BESIDE))
def test_a_layer_is_what_tensorflows_own_operators_compute(kind: str) -> None:
    """Outputs, gradients by inputs and weights, and kept statistics agree but for rounding."""
    cases = {
        name: found
        for name, found in answer()["layers"].items()
        if name.split()[0].strip(",") == kind
    }
    assert {name.split(" | ", 1)[1] for name in cases} == {
        *("float64 | graph", "float64 | xla", "float32 | graph")
    }
    for name, found in cases.items():
        limit = LIMITS[name.split(" | ")[1]]
        assert found["forward"] <= limit, name
        assert found["gradient"] <= limit, name
        assert found["kept"] <= limit, name
        assert found["size"] > 0.1, f"{name}: no gradient to compare"


@pytest.mark.parametrize("mode", ["graph", "xla"])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_call_of_the_same_shape_is_not_compiled_again(family: str, mode: str) -> None:
    """Of three calls the first compiles, and the last, which has fewer steps; by what is asked."""
    found = answer()["programs"][f"{family} | {mode}"]
    assert found["compilations"] == [1, 1, 2]
    assert found["compiler"] == {"graph": "none", "xla": "xla"}[mode]
    assert all(map(math.isfinite, found["losses"]))


@pytest.mark.parametrize("mode", ["graph", "xla"])
@pytest.mark.parametrize("family", FAMILIES)
def test_every_way_to_predict_says_the_same(family: str, mode: str) -> None:
    """The usual and the fast way agree with the program's own, token numbers included."""
    assert answer()["programs"][f"{family} | {mode}"]["predictions"] <= 1e-6


@pytest.mark.parametrize("mode", ["graph", "xla"])
def test_what_a_batch_norm_keeps_moves_and_is_among_the_weights(mode: str) -> None:
    """Training changes mean and variance, and they are handed over with what is trained."""
    moved = answer()["programs"][f"convolution | {mode}"]["state_moved"]
    assert len(moved) == 2
    assert min(moved) > 0.01

"""JAX: each kind of layer is what Flax's own layer of the same weights computes."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from samenet.adapter import Target, discovery
from samenet.execution.worker_environment import worker_environment
from samenet.spec.layers import KINDS

HELPERS = Path(__file__).parents[1] / "helpers"
BESIDE = {"dropout", "residual"}
"""Masks are given and a residual is a sum: Flax has no layer that would be one of them."""
LIMIT = 1e-13
"""In float64, where both sides are sums of at most a hundred products of numbers near 1."""

if importlib.util.find_spec("flax") is None:
    pytest.skip("Flax is not installed", allow_module_level=True)


@cache
def distances() -> dict[str, dict[str, float]]:
    """Return what jax_own_layers.py found in a worker's environment."""
    header = discovery.shipped_adapters()["jax"].header
    done = subprocess.run(
        [sys.executable, "-P", str(HELPERS / "jax_own_layers.py")],
        capture_output=True,
        text=True,
        check=False,
        env=worker_environment(header, Target(dtype="float64")),
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, dict[str, float]] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("kind", sorted(set(KINDS) - BESIDE))
def test_a_layer_is_that_of_flax(kind: str) -> None:
    """Outputs, and gradients by inputs and every weight, are the same but for rounding."""
    of_kind = {
        name: found for name, found in distances().items() if name.split()[0].strip(",") == kind
    }
    assert of_kind
    for name, found in of_kind.items():
        assert found["forward"] <= LIMIT, name
        assert found["gradient"] <= LIMIT, name
        assert found["size"] > LIMIT, f"{name}: no gradient to compare"

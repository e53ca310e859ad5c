"""JAX: what makes its convolutions fast, and what is compiled."""

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

SCRIPT = Path(__file__).parents[1] / "helpers" / "jax_program_run.py"

if importlib.util.find_spec("jax") is None:
    pytest.skip("JAX is not installed", allow_module_level=True)


@cache
def answer() -> dict[str, Any]:
    """Return what the programs did in a worker's environment: see jax_program_run."""
    done = subprocess.run(
        [sys.executable, "-P", str(SCRIPT)],
        capture_output=True,
        text=True,
        check=False,
        env=worker_environment(discovery.shipped_adapters()["jax"].header, Target(dtype="float64")),
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_gradients_of_convolutions_are_those_of_jax() -> None:
    """Written in another order of axes, they are the same to the last bit."""
    assert answer()["apart"] == 0.0


@pytest.mark.parametrize("mode", ["scan", "jit"])
def test_convolutions_are_in_the_order_of_the_library(mode: str) -> None:
    """Forward and back, rows are first and channels last: XLA:CPU has fast code for no other."""
    orders = answer()["orders"][mode]
    assert len(orders) == 5  # two layers forward, two kernels, and the inputs of the second
    assert set(orders) == {"b01f_01io->b01f"}


def test_on_a_gpu_gradients_of_convolutions_are_as_jax_writes_them() -> None:
    """XLA takes them for what they are by their order of axes, and gives them to cuDNN."""
    forward, *back = answer()["orders on a GPU"]
    assert forward == "[b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f]"
    assert sorted(back) == [
        "[b, 0, 1, f]x[0, 1, o, i]->[b, 0, 1, f]",
        "[f, 0, 1, b]x[i, 0, 1, o]->[0, 1, b, f]",
    ]


def test_blocks_of_rows_are_predicted_as_the_whole() -> None:
    """Blocks, and a rest that fills none, give what all rows at once give, in their order."""
    assert answer()["blocks"] <= 1e-14


def test_predicting_again_compiles_nothing() -> None:
    """Recurrent layers are a loop that JAX compiles once, even where nothing else is compiled."""
    assert answer()["compilations"] == 0

"""Planted faults: adapters with one mistake each, as a person would make it, are all refused."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from samenet import gates, leaf, readings
from samenet.adapter import Target
from samenet.api import load
from samenet.certificate import Check, Problem, builder
from samenet.task import load_task
from samenet.tasks import sources
from samenet.workorder import network_of

FOLDER = Path(__file__).parent / "faults"


class Fault(NamedTuple):
    """A faulty adapter, the task on which it shows, and the check that has to find it first."""

    task: str
    gate: str
    quantity: str
    dtype: str = "float64"


FAULTS = {
    "loss_halved": Fault("diabetes", "gate 1", "gradient", "float32"),
    "loss_reported_halved": Fault("diabetes", "gate 2", "loss per step"),
    "adam_epsilon_hat": Fault("digits", "gate 2", "weights"),
    "adam_epsilon_inside": Fault("digits", "gate 2", "weights"),
    "adam_uncorrected": Fault("digits", "gate 2", "weights"),
    "betas_swapped": Fault("digits", "gate 2", "weights"),
    "batch_swapped": Fault("iris", "gate 2", "weights"),
    "last_batch_dropped": Fault("iris", "gate 2", "weights"),
    "last_batch_dropped_in_float32": Fault("single_neuron", "gate 4", "first call", "float32"),
    "leaky_slope": Fault("two_moons", "gate 1", "gradient", "float32"),
    "bias_offset": Fault("iris", "initial weights", "largest difference", "float32"),
    "softmax_twice": Fault("digits", "gate 1", "gradient", "float32"),
    "momentum_for_nesterov": Fault("wine", "gate 2", "weights"),
    "square_transposed": Fault("spirals", "gate 1", "gradient", "float32"),
    "float64_is_float32": Fault("iris", "gate 1", "gradient"),
    "sync_returns_early": Fault("iris", "sync", "share of the work left after sync", "float32"),
    "threads_doubled": Fault("iris", "read-back", "threads", "float32"),
}
"""What refuses what. The first failed check is named: it is the one a user reads."""

MANDATORY = {
    *("loss_halved", "adam_epsilon_hat", "adam_epsilon_inside", "batch_swapped"),
    *("leaky_slope", "bias_offset", "softmax_twice", "sync_returns_early"),
}


@cache
def problem(task_name: str) -> Problem:
    """Return a shipped task as the gates see it."""
    task = load_task(task_name)
    data = sources.prepare(task)
    return Problem(
        name=task.name,
        network=network_of(task, data),
        training=task.training,
        source=data.source(),
    )


def checks(path: Path, task_name: str) -> list[Check]:
    """Return every check in the order of a run: before timing, then of the timed program."""
    adapter, asked, target = leaf.load(path), problem(task_name), Target()
    with threadpool_limits(1):
        return _checks(adapter, asked, target)


def _checks(adapter: ModuleType, asked: Problem, target: Target) -> list[Check]:
    build = builder(adapter, "plain", target)
    found = gates.before_timing(asked, build, adapter.capabilities())
    program = build(asked, asked.training, asked.weights, target.dtype)
    losses, weights = [], []
    for call in asked.calls:
        program.train(call)
        program.sync()
        losses.append(np.asarray(program.losses(), dtype=np.float64))
        weights.append(program.weights())
    return [
        *found,
        *gates.after_timing(
            *(asked, build, adapter.capabilities(), losses, target.dtype), timed_weights=weights[0]
        ),
        readings.sync_waits(program, asked.calls[0]),
        *readings.read_back(adapter.read_back(target), target),
    ]


@pytest.mark.parametrize("task", sorted({fault.task for fault in FAULTS.values()}))
def test_a_healthy_copy_passes_every_check(task: str) -> None:
    """A copy of the adapter without a fault passes on every task that a fault is shown on."""
    assert [check for check in checks(FOLDER / "healthy.py", task) if not check.passed] == []


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_refused_by_the_named_check(name: str) -> None:
    """Each fault is refused, and the first check that fails is the one the table names."""
    fault = FAULTS[name]
    failed = [check for check in checks(FOLDER / f"{name}.py", fault.task) if not check.passed]
    found = [(check.gate, check.quantity, check.dtype) for check in failed]
    assert found[:1] == [(fault.gate, fault.quantity, fault.dtype)]
    print(f"{name}: {failed[0].error:.2g} instead of at most {failed[0].limit:.2g}")


def test_every_fault_file_is_in_the_table() -> None:
    """No file with a fault lies there untested, and the faults that were promised are there."""
    files = {path.stem for path in FOLDER.glob("*.py")} - {"healthy"}
    assert files == set(FAULTS)
    assert set(FAULTS) >= MANDATORY


def test_losses_that_are_missing_fail_gate_4() -> None:
    """A timed program that reports fewer losses than it was to take steps is refused for that."""
    asked, target = problem("iris"), Target()
    adapter = leaf.load(FOLDER / "healthy.py")
    build = builder(adapter, "plain", target)
    short = np.full(asked.shape.steps - 1, np.log(3))
    found = gates.after_timing(asked, build, adapter.capabilities(), [short], target.dtype)
    failed = {check.quantity: check.error for check in found if not check.passed}
    assert failed == {"epoch loss": np.inf}


def samenet(*arguments: str) -> tuple[int, dict]:
    """Run the command line in a process of its own; return exit code and JSON document."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "samenet", *arguments, "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def test_certify_names_the_gate_that_refuses_a_file() -> None:
    """`samenet certify` with a faulty file ends with 3 and marks the right gate on the right task.

    The path is the whole one: header, description, worker, records, document.
    """
    path = str(FOLDER / "leaky_slope.py")
    code, document = samenet("certify", "two_moons", "iris", "--framework", path)
    failed = {row["gate"]: row["task"] for row in document["rows"] if not row["passed"]}
    assert code == 3
    assert failed == {"gate 1": "two_moons", "gate 2": "two_moons"}


def test_run_keeps_the_good_row_and_refuses_the_faulty_ones(tmp_path: Path) -> None:
    """`samenet run` ends with 3, shows numpy's row and says of each fault what refused it.

    One fault is found before timing, one only in what was timed.
    """
    names = ("numpy", str(FOLDER / "loss_halved.py"), str(FOLDER / "threads_doubled.py"))
    chosen = [word for name in names for word in ("--framework", name)]
    out = tmp_path / "run"
    code, document = samenet(
        *("run", "iris", "--track", "same", "--repeats", "1", "--out", str(out)), *chosen
    )
    assert code == 3
    rows = document["tasks"][0]["same_network"]
    assert [(row["framework"], row["checks"]["passed"]) for row in rows] == [("numpy", True)]
    table = " ".join(repr(load(out)).split())
    assert "Loss halved (plain) not compared: gate 1, gradient: " in table
    assert "Two threads (plain) not compared: read-back, threads: " in table

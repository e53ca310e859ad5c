"""Faulty adapter files, as a stranger would bring them: refused by name, along the whole path."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from samenet.api import load

FOLDER = Path(__file__).parents[1] / "helpers" / "faulty_adapters"


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
    failed = {row["gate"]: row["on"] for row in document["rows"] if not row["passed"]}
    assert code == 3
    assert failed == {
        "gate 0": "activation leaky_relu(slope=0.0078125)",
        "gate 1": "two_moons",
        "gate 2": "two_moons",
    }


def test_run_keeps_the_good_row_and_refuses_the_faulty_ones(tmp_path: Path) -> None:
    """`samenet run` ends with 3, shows numpy's row and says of each fault what refused it.

    One fault is found before timing, one in what was read back, one only late in what was timed.
    """
    faulty = ("loss_halved.py", "threads_doubled.py", "idle_after_100.py")
    names = ("numpy", *(str(FOLDER / name) for name in faulty))
    chosen = [word for name in names for word in ("--framework", name)]
    out = tmp_path / "run"
    code, document = samenet(
        *("run", "iris", "--track", "same", "--repeats", "1", "--out", str(out)), *chosen
    )
    assert code == 3
    rows = document["tasks"][0]["same_network"]
    assert [(row["framework"], row["checks"]["passed"]) for row in rows] == [("numpy", True)]
    table = " ".join(repr(load(out)).split())
    value = "gate 0, sparse_categorical_cross_entropy: "
    assert f"Loss halved (plain) not compared: {value}" in table
    assert "Two threads (plain) not compared: threads in force: " in table
    assert "Idle (plain) not compared: gate 4, last loss: " in table

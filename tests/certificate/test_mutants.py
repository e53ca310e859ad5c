"""The gates are strict: every mutant is caught, by the gate that the method page names."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from mutants import AT_THE_SEAM, INSIDE_NUMPY, PLANTED, Mutant
from mutation_table import all_checks, failed, healthy, row, timed_failures

from samenet.adapter import discovery
from samenet.certificate import coverage

ROOT = Path(__file__).resolve().parents[2]
RUN = ROOT / "tests" / "helpers" / "mutation_run.py"
NUMPY = {**AT_THE_SEAM, **INSIDE_NUMPY}
TIMED = [name for name, mutant in NUMPY.items() if mutant.timed]
GATES = {
    *("gate 0", "initial weights", "gate 1", "gate 2", "gate 3", "gate 4"),
    *("sync", "read-back", "repeatable"),
}


@pytest.mark.parametrize("on", sorted({on for m in NUMPY.values() for on in (m.on, m.timed) if on}))
def test_numpy_without_a_mistake_passes_where_mutants_are_shown(on: str) -> None:
    """Every case that a mutant is shown on passes without it: what is caught is the mutant."""
    found = all_checks(Mutant(what="", on=on, gate=""))
    assert found
    assert [check for check in found if not check.passed] == []


@pytest.mark.parametrize("name", NUMPY)
def test_a_mutant_of_numpy_is_caught_by_its_gate(name: str) -> None:
    """Each mistake in the NumPy adapter is refused, first by the gate that its table names."""
    found = failed(NUMPY[name])
    assert [check.gate for check in found][:1] == [NUMPY[name].gate]
    print(f"{name}: {found[0].error:.2g} instead of at most {found[0].limit:.2g}")


@pytest.mark.parametrize("name", TIMED)
def test_what_shows_late_or_in_large_arrays_is_seen_in_what_is_timed(name: str) -> None:
    """Gate 4 alone would do: it sees the mistake in a task that is timed."""
    assert timed_failures(NUMPY[name])


def test_the_table_says_of_a_fault_that_nothing_catches_it() -> None:
    """A program without a mistake is in the printed table what is not caught, and not as wanted."""
    line, good = row(Mutant(what="none", on="activation relu", gate="gate 0"))
    assert "NOT CAUGHT" in line
    assert not good


def test_check_tries_what_every_planted_fault_shows_on() -> None:
    """The case on which a maintainer's fault is caught belongs to what `samenet check` tries."""
    tried = coverage.covering(healthy()[1])
    assert {mutant.on for mutant in PLANTED.values()} <= set(tried)
    assert len(PLANTED) >= 18


def test_every_gate_catches_something() -> None:
    """A gate that no mutant falls to would be there for show."""
    assert {mutant.gate for mutant in NUMPY.values()} == GATES


def test_there_are_two_dozen_kinds_of_mistakes() -> None:
    """The table holds at least 24 kinds, each under a name of its own."""
    assert len({mutant.what for mutant in NUMPY.values()}) == len(NUMPY) >= 24


def test_the_method_page_names_the_gate_of_every_mutant() -> None:
    """The table of mistakes on the method page is this table: no mutant missing, no gate other."""
    text = (ROOT / "docs" / "method.md").read_text(encoding="utf-8")
    page = text.partition("## What would be caught\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ([^|]+?) +\| ((?:gate \d|[a-z -]+?)) +\|(.*?)\|$", page, re.MULTILINE)
    named = {what: (gate, late.strip()) for what, gate, late in rows if what != "mistake"}
    assert len(rows) == len(named) + 1
    assert named == {
        mutant.what: (mutant.gate, "gate 4" if mutant.timed else "") for mutant in NUMPY.values()
    }


@cache
def of_framework(name: str) -> dict[str, dict]:
    """Return what a framework's own process found: {mutant: {"wanted": gate, "found": gate}}."""
    path = discovery.shipped_adapters()[name].path
    header = discovery.shipped_adapters()[name].header
    done = subprocess.run(
        [sys.executable, "-P", str(RUN), name, str(path)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **header.environment, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, dict] = json.loads(done.stdout.splitlines()[-1])
    return answer


MODULES = {
    "pytorch": "torch",
    "scikit-learn": "sklearn",
    "keras-torch": "torch",
    "keras-jax": "jax",
}


@pytest.mark.parametrize(
    "name",
    [
        "tensorflow",
        "scikit-learn",
        *(
            pytest.param(
                name, marks=pytest.mark.slow
            )  # by default its layers' mistakes are planted
            for name in ("pytorch", "keras", "keras-torch", "keras-jax", "jax")
        ),
    ],
)
def test_mutants_of_a_framework_are_caught_by_their_gates(name: str) -> None:
    """The same mistakes, and some of the framework's own, are caught in it by the same gates."""
    if importlib.util.find_spec(MODULES.get(name, name)) is None:
        pytest.skip(f"{name} is not installed")
    answer = of_framework(name)
    assert {k: v["found"] for k, v in answer.items()} == {k: v["wanted"] for k, v in answer.items()}
    assert len(answer) >= 6

"""The gates are strict about layers, too: every mutant is caught, by the gate that is named."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from layer_mutants import LAYERS, LAYERS_AT_THE_SEAM, first_failure
from layer_mutation_run import BY_ROLE, MODES, SHARED
from mutation_table import healthy, layer_rows
from remembered_truths import remembered
from threadpoolctl import threadpool_limits

from samenet.adapter import discovery
from samenet.certificate import layer_cases
from samenet.certificate.gate_info import IN_LAYERS

ROOT = Path(__file__).resolve().parents[2]
RUN = ROOT / "tests" / "helpers" / "layer_mutation_run.py"
RANDOM = ROOT / "tests" / "helpers" / "random_networks.py"
MODULES = {"keras-torch": "torch", "keras-jax": "jax"}
FAST = {
    "pytorch": "recurrent",
    "tensorflow": "attention",
    "keras": "attention",
    "keras-torch": "convolution",
    "keras-jax": "recurrent",
    "jax": "convolution",
}
"""Of which family each framework's mutants are planted by the default command."""


@pytest.fixture(autouse=True)
def one_thread_and_one_truth() -> Iterator[None]:
    """Compute with one thread, and every training of the oracle once."""
    with threadpool_limits(1), remembered():
        yield


@pytest.mark.parametrize("name", LAYERS)
def test_a_mutant_of_layers_in_numpy_is_caught_by_its_gate(name: str) -> None:
    """Each mistake is refused, first by the gate that its table names."""
    found = first_failure(LAYERS[name], *healthy())
    assert found is not None
    assert found.gate == LAYERS[name].gate
    print(f"{name}: {found.error:.2g} instead of at most {found.limit:.2g}")


def test_there_are_seventy_kinds_of_mistakes_in_layers() -> None:
    """The table holds each under a name of its own."""
    assert len({mutant.what for mutant in LAYERS.values()}) == len(LAYERS) >= 70


def test_a_mutant_is_shown_on_a_parity_case() -> None:
    """What is caught is caught by cases that every framework is put through."""
    assert {mutant.on for mutant in LAYERS.values()} <= set(layer_cases.names())


def test_the_mistakes_told_of_layers_are_those_that_are_planted() -> None:
    """What is said beside a gate is caught by that gate, on a network that has such a layer."""
    told = {(what, one.gate): one.kinds for one in IN_LAYERS for what in one.mistakes}
    assert set(told) == {(mutant.what, mutant.gate) for mutant in LAYERS.values()}
    for mutant in LAYERS.values():
        assert set(told[mutant.what, mutant.gate]) & layer_cases.kinds_of(mutant.on), mutant.what


def test_the_method_page_has_the_table_of_mistakes_in_layers() -> None:
    """The page shows what `python -P tests/helpers/mutation_table.py layers` writes."""
    page = (ROOT / "docs" / "method.md").read_text(encoding="utf-8")
    assert "\n".join(layer_rows()) in page


@cache
def of_framework(name: str, family: str) -> dict[str, dict[str, str]]:
    """Return what a framework's own process found."""
    return _answer(name, [str(RUN), name, str(discovery.shipped_adapters()[name].path), family])


def _answer(name: str, arguments: list[str]) -> dict[str, dict[str, str]]:
    header = discovery.shipped_adapters()[name].header
    done = subprocess.run(
        [sys.executable, "-P", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **header.environment, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr[-4000:]
    answer: dict[str, dict[str, str]] = json.loads(done.stdout.splitlines()[-1])
    return answer


def _needs(name: str) -> None:
    if importlib.util.find_spec(MODULES.get(name, name)) is None:
        pytest.skip(f"{name} is not installed")


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow if name == "keras-jax" else ()) for name in MODES],
)
def test_mutants_of_one_family_are_caught_in_a_framework(name: str) -> None:
    """Mistakes at the seam and of a framework's own are caught in it by the gates named."""
    _needs(name)
    answer = of_framework(name, FAST[name])
    assert {k: v["found"] for k, v in answer.items()} == {k: v["wanted"] for k, v in answer.items()}
    assert len(answer) >= 2


@pytest.mark.slow
@pytest.mark.parametrize("name", MODES)
def test_all_mutants_of_layers_are_caught_in_a_framework(name: str) -> None:
    """The same of every family: a dozen mistakes in each framework, and some of its own."""
    _needs(name)
    answer = of_framework(name, "")
    assert {k: v["found"] for k, v in answer.items()} == {k: v["wanted"] for k, v in answer.items()}
    assert len([key for key in answer if not key.startswith("healthy")]) >= len(SHARED) + 3


@pytest.mark.slow
@pytest.mark.parametrize("family", ["dense", "convolution", "recurrent", "attention"])
@pytest.mark.parametrize("name", MODES)
def test_random_networks_are_the_same_in_a_framework(name: str, family: str) -> None:
    """Ten networks of a family that nobody chose pass every gate; a mode that has none says so."""
    _needs(name)
    path = str(discovery.shipped_adapters()[name].path)
    answer = _answer(name, [str(RANDOM), name, path, MODES[name], family, "0", "9"])
    assert len(answer) == 10
    assert {seed: each["failed"] for seed, each in answer.items() if each["failed"]} == {}
    assert {seed: each["not offered"] for seed, each in answer.items() if each["not offered"]} == {}


def test_shared_mutants_are_those_of_the_table() -> None:
    """At least eight mistakes are planted in every framework alike."""
    assert set(SHARED) | set(BY_ROLE) <= set(LAYERS_AT_THE_SEAM)
    assert len(SHARED) >= 8

"""The variables that a worker starts with: those of its framework, as its header says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from samenet.adapter import Header, Target, discovery
from samenet.adapter.variables import Kept, Variables
from samenet.execution.worker_environment import CompiledCode, worker_environment

THREADS, FOLDER = 3, Path("compiled")

TORCH = {"TORCHINDUCTOR_CACHE_DIR": "compiled", "TRITON_CACHE_DIR": "compiled"}
JAX_COLD = {"JAX_ENABLE_COMPILATION_CACHE": "false"}
JAX_WARM = {
    "JAX_COMPILATION_CACHE_DIR": "compiled",
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
}
ALWAYS = {
    "TF_NUM_INTRAOP_THREADS": "3",
    "TF_NUM_INTEROP_THREADS": "1",
    "PJRT_NPROC": "3",
    **TORCH,
}
BY_DEVICE = {
    "cpu": {"JAX_PLATFORMS": "cpu", "KERAS_TORCH_DEVICE": "cpu"},
    "cuda": {"JAX_PLATFORMS": "cuda,cpu", "KERAS_TORCH_DEVICE": "cuda"},
}
BY_PRECISION = {"strict-float32": {"CUPY_TF32": "0"}, "tf32": {"CUPY_TF32": "1"}}
BY_CACHE = {"cold": JAX_COLD, "warm": JAX_WARM}
NOT_TIMED = {"XLA_PYTHON_CLIENT_PREALLOCATE": "false", "TF_FORCE_GPU_ALLOW_GROWTH": "true"}
OWN: dict[str, dict[str, str]] = {
    "numpy": {},
    "scikit-learn": {},
    "tensorflow": {"TF_CPP_MIN_LOG_LEVEL": "3"},
    "keras": {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"},
    "keras-torch": {"KERAS_BACKEND": "torch"},
    "keras-jax": {"KERAS_BACKEND": "jax"},
    "pytorch": {},
    "jax": {},
    "cupy": {},
}
"""What was set when the core still knew every framework, written by hand."""

PREFIXES = ("TF_", "TORCH", "TRITON", "JAX_", "PJRT", "XLA_", "KERAS_", "CUPY_")
TARGETS = (
    Target(threads=THREADS),
    Target(threads=THREADS, device="cuda"),
    Target(threads=THREADS, device="cuda", precision="tf32"),
)


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away what the user's own environment says to the frameworks."""
    for variable in tuple(os.environ):
        if variable.startswith(PREFIXES):
            monkeypatch.delenv(variable)


def frameworks_part(environment: dict[str, str]) -> dict[str, str]:
    """Return the variables that frameworks read."""
    return {name: v for name, v in environment.items() if name.startswith(PREFIXES)}


@pytest.mark.parametrize("timed", [True, False])
@pytest.mark.parametrize("kept", ["cold", "warm"])
@pytest.mark.parametrize("target", TARGETS, ids=str)
@pytest.mark.parametrize("name", OWN)
def test_a_worker_is_told_what_it_was_told_before(
    name: str, target: Target, kept: Kept, *, timed: bool
) -> None:
    """Threads, device, precision, caches and memory are said in each framework's own words."""
    environment = worker_environment(
        discovery.shipped_adapters()[name].header,
        target,
        compiled=CompiledCode(kept, FOLDER),
        growing_memory=not timed,
    )
    assert frameworks_part(environment) == {
        **ALWAYS,
        **BY_DEVICE[target.device],
        **BY_PRECISION[target.precision],
        **BY_CACHE[kept],
        **({} if timed else NOT_TIMED),
        **OWN[name],
    }


def test_every_shipped_adapter_stands_in_the_table() -> None:
    """An adapter that is added says here what its workers must start with."""
    assert set(OWN) == set(discovery.shipped_adapters())


def test_no_two_shipped_headers_disagree() -> None:
    """The headers hold for every worker, so none may set what another one sets otherwise."""
    values: dict[tuple[str, str], set[str]] = {}
    compiling: dict[str, set[float]] = {}
    for header in discovery.known_headers():
        for group, variables in header.variables.groups.items():
            for name, value in variables.items():
                values.setdefault((group, name), set()).add(value)
        for compiler, seconds in header.compile_seconds.items():
            compiling.setdefault(compiler, set()).add(seconds)
    assert {key: v for key, v in values.items() if len(v) > 1} == {}
    assert {key: v for key, v in compiling.items() if len(v) > 1} == {}


def mine(**keys: object) -> Header:
    """Return the header of a stranger's file on a library that samenet ships."""
    modes = {"own": {"why": "w", "source": "https://s"}}
    known = {"name": "mine", "title": "Mine", "modes": modes, "imports": ["torch"]}
    return Header.model_validate({**known, "distributions": ["torch"], **keys})


def test_a_file_of_ones_own_gets_what_the_shipped_one_of_its_library_gets() -> None:
    """A loop for a shipped framework, or the header of an old plan, need not say the variables."""
    code = CompiledCode("cold", FOLDER)
    environment = worker_environment(mine(), Target(threads=THREADS), compiled=code)
    assert TORCH.items() <= environment.items()
    assert (environment["OMP_NUM_THREADS"], environment["TF_NUM_INTRAOP_THREADS"]) == ("3", "3")


def test_what_a_file_says_itself_comes_last() -> None:
    """A file's own variables replace those of the shipped ones."""
    declared = Variables(
        threads={"MINE": "{threads} of them"}, cache_cold={"TRITON_CACHE_DIR": "/x"}
    )
    header = mine(variables=declared, environment={"ALWAYS": "1"})
    code = CompiledCode("cold", FOLDER)
    environment = worker_environment(header, Target(threads=THREADS), compiled=code)
    assert (environment["MINE"], environment["TRITON_CACHE_DIR"], environment["ALWAYS"]) == (
        *("3 of them", "/x", "1"),
    )


def test_a_process_that_keeps_nothing_is_told_no_folder() -> None:
    """Without a folder for compiled code no cache variable is set."""
    assert not set(worker_environment(None, Target())) & {*TORCH, *JAX_COLD, *JAX_WARM}

"""The import contracts in pyproject.toml bite: a wrong import of each kind is named."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from source_tree import CORE, LEAVES, ROOT

pytest.importorskip("importlinter")

sys.path.insert(0, str(ROOT / "scripts"))
LINT_IMPORTS = importlib.import_module("check").LINT_IMPORTS
sys.path.remove(str(ROOT / "scripts"))

WRITTEN = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"][
    "importlinter"
]["contracts"]
CONTRACTS = {each["id"]: each["name"] for each in WRITTEN}
WRONG = {
    "direction": ("stats/intervals.py", "samenet.report.result"),
    "frameworks": ("adapters/jax/network.py", "samenet.adapters.pytorch.network"),
    "adapters": ("adapters/numpy/network.py", "samenet.runs.plan"),
    "tasks": ("tasks/sources.py", "samenet.adapters.numpy.network"),
    "reports": ("reports/trust/raw_data.py", "samenet.worker.timing"),
    "core": ("advice/recommend.py", "samenet.tasks.sources"),
    "worker": ("worker/timing.py", "samenet.adapters.numpy.adapter"),
    "command line": ("cli/commands/run.py", "samenet.worker.timing"),
    "analysis": ("analysis/frames.py", "samenet.certificate.limits"),
    "no framework": ("runs/plan.py", "torch"),
    "worker frameworks": ("worker/timing.py", "tensorflow"),
}
"""Of each contract: a module, and what it must not import."""

FRAMEWORKS = {
    key: set(each["forbidden_modules"])
    for each in WRITTEN
    if (key := each["id"]) in {"no framework", "worker frameworks"}
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a copy of the package, leaves included, and of the contracts."""
    folder = tmp_path_factory.mktemp("contracts")
    unwanted = shutil.ignore_patterns("__pycache__")
    shutil.copytree(CORE, folder / "samenet", ignore=unwanted)
    for name in LEAVES:
        shutil.copytree(ROOT / name, folder / "samenet" / name, ignore=unwanted)
    shutil.copy2(ROOT / "pyproject.toml", folder)
    return folder


def broken(tree: Path) -> tuple[set[str], str]:
    """Return which contracts are broken, and all that was said; as `scripts/check.py` asks."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", LINT_IMPORTS, "--no-cache", "--no-logo"],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree)},
        capture_output=True,
        text=True,
        check=False,
    )
    kept = {key for key, name in CONTRACTS.items() if f"{name} KEPT" in done.stdout}
    named = {key for key, name in CONTRACTS.items() if f"{name} BROKEN" in done.stdout}
    assert kept | named == set(CONTRACTS), done.stdout + done.stderr
    assert done.returncode == int(bool(named))
    return named, done.stdout


def test_every_contract_is_tried() -> None:
    """There is a wrong import for each contract, and no other."""
    assert set(WRONG) == set(CONTRACTS)


def test_tasks_and_workers_are_kept_from_every_framework_but_scikit_learn() -> None:
    """Both lists of frameworks name the same ones; only scikit-learn is left out of the second."""
    assert FRAMEWORKS["no framework"] - FRAMEWORKS["worker frameworks"] == {"sklearn"}
    assert FRAMEWORKS["worker frameworks"] < FRAMEWORKS["no framework"]


def test_a_task_that_imports_a_framework_is_named(tree: Path) -> None:
    """Tasks have the same contract as workers: a planted import of Keras breaks it alone."""
    path = tree / "samenet" / "tasks" / "synthetic.py"
    text = path.read_text(encoding="utf-8")
    path.write_text(f"{text}\nimport keras\n", encoding="utf-8")
    try:
        assert broken(tree)[0] == {"worker frameworks"}
    finally:
        path.write_text(text, encoding="utf-8")


def test_the_tree_as_it_is_keeps_every_contract(tree: Path) -> None:
    """A copy without a wrong import is in order, so that what is named is what was planted."""
    assert broken(tree)[0] == set()


def test_a_new_package_has_to_say_where_it_stands(tree: Path) -> None:
    """A package that no layer names breaks the contract of the direction."""
    package = tree / "samenet" / "novel"
    package.mkdir()
    (package / "__init__.py").write_text('"""Somewhere."""\n', encoding="utf-8")
    try:
        assert broken(tree)[0] == {"direction"}
    finally:
        shutil.rmtree(package)


@pytest.mark.parametrize("contract", WRONG)
def test_a_wrong_import_is_named_by_its_contract(contract: str, tree: Path) -> None:
    """One planted import breaks the contract that forbids it, which names both modules."""
    name, forbidden = WRONG[contract]
    path = tree / "samenet" / name
    text = path.read_text(encoding="utf-8")
    path.write_text(f"{text}\nimport {forbidden}\n", encoding="utf-8")
    try:
        named, said = broken(tree)
    finally:
        path.write_text(text, encoding="utf-8")
    assert contract in named
    module = "samenet." + name.removesuffix(".py").replace("/", ".")
    assert f"{module} -> {forbidden}" in said

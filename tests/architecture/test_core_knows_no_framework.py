"""The core names no framework: what holds for one of them stands in its adapter's header."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from samenet.adapter import discovery

CORE = Path(__file__).resolve().parents[2] / "src" / "samenet"

SHARED = {"numpy"}
"""Libraries that the core computes with: only the adapter of this name is a framework."""

SHIPPED = {
    name.partition(".")[0]
    for found in discovery.shipped_adapters().values()
    for name in found.header.imports
}
WORDS = SHIPPED - SHARED | {"scikit", "xla", "inductor", "triton", "pjrt", "tf"}
"""Frameworks, and the compilers and prefixes of variables that belong to one."""

WORD = re.compile(
    rf"(?<![a-z])({'|'.join(sorted(WORDS - {'torch'}, key=len, reverse=True))})(?![a-z0-9])|torch",
    re.IGNORECASE,
)
ADAPTER = re.compile(rf"({'|'.join(SHARED)})(:.*)?")

ALLOWED = {
    "adapter/api.py": "the estimator interface, which libraries beside scikit-learn offer as well",
    "advice/needs.py": "the same, as a sentence",
    "adapter/file_checks.py": "NumPy as a library that every adapter may use",
    "spec/task.py": "scikit-learn as a source of data",
    "spec/task_file.py": "the same, in the text of a new task file",
    "worker/baseline_models.py": "two models without a network, which samenet fits by scikit-learn",
    "worker/metrics.py": "metrics, which samenet computes by scikit-learn",
    "selftest/trials.py": "the subject of an experiment, declared before any is run",
    "selftest/measured/bookkeeping.py": "the same",
    "selftest/measured/privacy.py": "the same",
    "selftest/crash_rounds.py": "the same",
    "selftest/fakes/fake_adapter.py": "a fake is built on NumPy, and its header says so",
    "selftest/fakes/records.py": "the same",
}
"""Files of the core that may name one, each with the reason."""


def names_and_texts(tree: ast.AST) -> Iterator[str]:
    """Yield every identifier and every text of a program but its docstrings, which people read."""
    documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant):
            if isinstance(node.value, str) and id(node) not in documentation:
                yield node.value
        else:
            for field in ("id", "attr", "name", "asname", "arg", "module"):
                if isinstance(value := getattr(node, field, None), str) and value not in SHARED:
                    yield value


def named(file: Path) -> list[str]:
    """Return where a file names a framework."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return [text for text in names_and_texts(tree) if WORD.search(text) or ADAPTER.fullmatch(text)]


FILES = {file.relative_to(CORE).as_posix(): file for file in sorted(CORE.rglob("*.py"))}


@pytest.mark.parametrize("file", sorted(FILES.keys() - ALLOWED.keys()))
def test_the_core_names_no_framework(file: str) -> None:
    """No identifier and no text of the core names a framework, its compiler or its variables."""
    assert named(FILES[file]) == []


@pytest.mark.parametrize("file", ALLOWED)
def test_every_exception_is_needed(file: str) -> None:
    """A file that names no framework any more is taken from the list."""
    assert named(FILES[file])


def test_the_words_cover_every_shipped_framework() -> None:
    """A framework that is shipped one day is looked for as well."""
    for header in discovery.known_headers():
        known = WORD.search(header.name) or ADAPTER.fullmatch(header.name)
        assert known, f"add '{header.name}' to WORDS"


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        *(("TORCHINDUCTOR_CACHE_DIR", True), ("TF_NUM_INTEROP_THREADS", True), ("on_jax", True)),
        *(("pytorch:eager", True), ("numpy:plain", True), ("scikit-learn", True), ("XLA", True)),
        *(("set_xlabel", False), ("relaxed", False), ("tf32", False), ("numpy.typing", False)),
    ],
)
def test_a_word_is_told_from_one_that_contains_it(text: str, *, is_one: bool) -> None:
    """The x of an axis is no compiler, and neither is TF32, a precision of the hardware."""
    assert bool(WORD.search(text) or ADAPTER.fullmatch(text)) == is_one

"""One table knows the kinds of pass: what it says is so, and nobody knows it a second time."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from source_tree import Source, dotted, product

from samenet.runs import passes
from samenet.runs.passes import (
    ADMISSION_PASSES,
    BLOCK_PASSES,
    CONTROL_PASSES,
    PASSES,
    Pass,
    PassName,
)

NAMES = set(get_args(PassName))
KNOWS_NAMES = {
    "src/samenet/runs/passes.py": "the table",
    "src/samenet/runs/plan.py": "the reference of a task is the arm that its control repeats",
    "src/samenet/selftest/measured/adversity.py": "it disturbs the control alone",
    "src/samenet/selftest/crash_rounds.py": "its runs have the passes that replayed answers have",
    "src/samenet/experiments/scaling/ladder.py": "what its own oracle costs in two passes",
}
"""Where passes may be told apart by name, and why."""


def test_every_name_has_its_row() -> None:
    """What a plan.json may hold and what the table knows are the same, in the same order."""
    assert get_args(PassName) == tuple(PASSES)


def test_the_table_of_stages_says_what_the_rows_say() -> None:
    """The table a reader sees first has the passes of a run in their order, with their columns."""
    lines = [line.split(maxsplit=4) for line in (passes.__doc__ or "").splitlines()]
    scheduled = [kind for kind in PASSES.values() if kind.one_per != "command"]
    assert [line for line in lines if line and line[0] in NAMES] == [
        [
            kind.name,
            kind.one_per,
            "yes" if kind.timed else "no",
            kind.needs,
            ("yes" if kind.gates_later_passes else "no")
            + ("; all tasks: ends the run" if kind.failure_ends_run else ""),
        ]
        for kind in scheduled
    ]


@pytest.mark.parametrize("kind", PASSES.values(), ids=lambda kind: kind.name)
def test_every_pass_has_a_module_that_runs(kind: Pass) -> None:
    """The module of a row is there and has the function `run` that a worker calls."""
    spec = importlib.util.find_spec(kind.module)
    assert spec is not None
    assert spec.origin is not None
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    assert "run" in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_the_instrument_is_tested_by_what_it_measures_with() -> None:
    """Control and sensitivity arm differ from a result by their rows, not by their code."""
    assert ("cell", *CONTROL_PASSES) == BLOCK_PASSES
    assert len({PASSES[name].module for name in BLOCK_PASSES}) == 1
    assert {PASSES[name].track for name in CONTROL_PASSES} == set(CONTROL_PASSES)


def test_nothing_is_timed_before_what_admits_it() -> None:
    """The data and the proofs stand before every timed pass, so that a refusal comes in time."""
    order = list(PASSES)
    timed = [order.index(kind.name) for kind in PASSES.values() if kind.timed]
    assert max(order.index(name) for name in ADMISSION_PASSES) < min(timed)


def texts(node: ast.AST) -> list[str | None]:
    """Return the texts of a literal collection (of a dictionary its keys), None for the rest."""
    parts = node.keys if isinstance(node, ast.Dict) else getattr(node, "elts", [])
    values = [part.value if isinstance(part, ast.Constant) else None for part in parts]
    return [value if isinstance(value, str) else None for value in values]


def told_apart(tree: ast.AST) -> Iterator[int]:
    """Yield the lines that compare the name of a pass, or list several of them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            of_pass = any(dotted(side).endswith("pass_name") for side in sides)
            if of_pass and any(isinstance(n, ast.Constant) for s in sides for n in ast.walk(s)):
                yield node.lineno
        elif len(names := texts(node)) > 1 and set(names) <= NAMES:
            yield node.lineno


@pytest.mark.parametrize("file", product(), ids=lambda file: file.name)
def test_passes_are_told_apart_by_their_rows(file: Source) -> None:
    """A new kind of pass changes no other module: none compares or lists the names of passes."""
    assert file.name in KNOWS_NAMES or list(told_apart(file.tree)) == []

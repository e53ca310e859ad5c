"""The notebook: both forms agree, every promised figure is there, every exercise has an answer."""

from __future__ import annotations

import ast
import importlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "docs" / "notebooks"))

import make as pair  # noqa: E402 - a script beside the notebook

FIGURES = [
    *("activations", "loss", "descent", "links", "overfitting", "frameworks", "regression"),
    *("study", "benchmark", "times"),
]
LINES_MAX = 26
MINUTES_MAX = 5


@pytest.fixture(scope="module")
def found() -> Any:
    return pair.notebook()


def code(found: Any) -> list[str]:
    return [cell.source for cell in found.cells if cell.cell_type == "code"]


def test_both_forms_of_the_notebook_say_the_same(found: Any) -> None:
    """The .ipynb is what `python docs/notebooks/make.py` makes of the .py, without outputs."""
    stored = pair.SOURCE.with_suffix(".ipynb").read_text(encoding="utf-8")
    assert stored == pair.text_of(found)
    assert all(not cell.get("outputs") for cell in json.loads(stored)["cells"])


def test_the_notebook_promises_its_figures(found: Any) -> None:
    """No figure is taken away without saying so here."""
    assert pair.promised(found) == FIGURES


def test_a_promised_figure_that_is_not_drawn_is_named(found: Any) -> None:
    """A notebook without outputs lacks them all; a picture in its cell is enough for one."""
    assert pair.missing(found) == FIGURES
    cell = next(cell for cell in found.cells if "figure-loss" in cell.metadata.get("tags", []))
    drawn = {**cell, "outputs": [{"data": {"image/png": "..."}}]}
    assert not pair._shows_figure({"outputs": [{"data": {"text/plain": "<Figure>"}}]})
    assert pair._shows_figure(drawn)


def test_cells_are_short(found: Any) -> None:
    """No cell of code is longer than a screen half full."""
    assert [text for text in code(found) if len(text.splitlines()) > LINES_MAX] == []


def test_every_exercise_has_an_answer(found: Any) -> None:
    """An exercise is answered in a fold below it, or by the next cell."""
    cells = found.cells
    exercises = [n for n, cell in enumerate(cells) if "**Exercise" in cell.source]
    assert len(exercises) >= 5
    for place in exercises:
        assert "<summary>Answer</summary>" in cells[place].source or (
            cells[place + 1].cell_type == "code"
        )


def test_what_the_notebook_takes_from_samenet_is_there(found: Any) -> None:
    """Every name that is imported from samenet exists, so that the text cannot drift unseen."""
    tree = ast.parse("\n".join(code(found)))
    taken = [
        (node.module, alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("samenet")
        for alias in node.names
    ]
    assert taken
    for module, name in taken:
        if not hasattr(importlib.import_module(str(module)), name):
            importlib.import_module(f"{module}.{name}")


@pytest.mark.slow
def test_the_notebook_runs_and_shows_every_figure(tmp_path: Path) -> None:
    """From the first cell to the last without an error, in a fresh kernel."""
    assert pair.missing(pair.executed(tmp_path)) == []

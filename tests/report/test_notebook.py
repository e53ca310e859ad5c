"""In a notebook: tables and figures, a bar, and no framework in the kernel's process."""

from __future__ import annotations

import os
import re
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import pytest
import report_fixture
from nbclient import NotebookClient

import samenet
from samenet.execution import notebook_progress
from samenet.execution.progress import Progress
from samenet.experiments.study.api import StudyResult
from samenet.experiments.study.outcome import COLUMNS
from samenet.report import notebook

MEASURE = """
import samenet, numpy as np
X = np.random.default_rng(0).normal(size=(120, 3))
small = samenet.Training(hidden=(4,), epochs=2)
options = dict(frameworks=("numpy",), repeats=1, track="same", out="run")
result = samenet.run(X, X.sum(axis=1), training=small, **options)
"""
KERNEL_CELLS = (
    MEASURE,
    "result",
    "import sys\nsorted({'torch', 'tensorflow', 'keras', 'jax', 'sklearn'} & set(sys.modules))",
)


def test_a_kernel_shows_a_bar_a_table_and_a_figure_and_imports_no_framework(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run in a real kernel: the bar ends full, the result is HTML, the process stays bare."""
    monkeypatch.setitem(os.environ, "MPLBACKEND", "module://matplotlib_inline.backend_inline")
    cells = [nbformat.v4.new_code_cell(text) for text in KERNEL_CELLS]
    book = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(book, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    measured, shown, modules = (cell.outputs for cell in book.cells)
    bar = [output.data["text/html"] for output in measured if output.output_type == "display_data"]
    assert len(bar) == 1
    done, jobs = re.search(r"(\d+) of (\d+)", bar[0]).groups()
    assert done == jobs
    html = shown[0].data["text/html"]
    assert "<table>" in html
    assert "<svg" in html
    assert modules[0].data["text/plain"] == "[]"


def test_outside_a_notebook_nothing_is_drawn_for_one() -> None:
    """A test, a script and a terminal are no notebooks."""
    assert not notebook_progress.in_notebook()


def test_what_people_named_cannot_become_markup() -> None:
    """A task's name and a job's reason are texts, whatever they hold."""
    frames = report_fixture.made(tasks=(report_fixture.hostile(),))
    html = notebook.run_html(frames, None, "<b>page</b>")
    bar = notebook_progress.bar_html(Progress(frames.plan), "<b>x</b>")
    assert "<img" not in html
    assert "<b>" not in html + bar


def test_a_table_has_a_row_per_framework_and_the_checks_of_each() -> None:
    """Ranks, whole trainings, scores and what was proved stand beside each other."""
    html = notebook.run_html(report_fixture.made(), None, "report.html")
    assert html.count("<table>") == len(report_fixture.TASKS)
    assert "PyTorch (eager)" in html
    assert "same network" in html


def test_two_figures_in_one_notebook_share_no_ids() -> None:
    """An id inside a picture stands once in the document, or one picture would clip the other."""
    drawings = [plt.figure() for _ in range(2)]
    for drawing in drawings:
        drawing.add_subplot().plot([1, 2], [3, 4])
    ids = [
        id_
        for d in drawings
        for id_ in re.findall(r' id="([^"]+)"', notebook.inline_drawing(d, "x"))
    ]
    plt.close("all")
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(("name", "frame"), [("frame", "times"), ("scores", "scores")])
def test_every_column_of_a_frame_is_documented(name: str, frame: str) -> None:
    """Who asks for help on `frame` or `scores` finds every column that is there."""
    columns = getattr(report_fixture.made(), frame).columns
    text = getattr(samenet.Result, name).__doc__
    assert [c for c in columns if not re.search(rf"\b{c}\b", text)] == []


def test_every_column_of_a_study_is_documented() -> None:
    """The same of a study's frame."""
    text = str(StudyResult.frame.__doc__)
    assert [c for c in COLUMNS if not re.search(rf"\b{c}\b", text)] == []

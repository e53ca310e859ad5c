"""The traps page: every value it states is printed by the two lines below it."""

from __future__ import annotations

import doctest
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from traps_run import blocks, failures

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "guide" / "traps.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| \[(.+?)\]\(#(.+?)\) \| (.+?) \|", PAGE, re.MULTILINE)
FRAMEWORKS = {
    "numpy": "numpy",
    "pytorch": "torch",
    "keras": "keras",
    "jax": "jax",
    "scikit-learn": "sklearn",
}
"""The page's groups of lines, each run in a process of its own, and what it imports first."""
NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e-\d+)?")


def numbers(text: str) -> set[float]:
    """Return the numbers of a text without their signs, which a page writes with another dash."""
    return {float(found) for found in NUMBER.findall(text)}


def examples(section: str) -> list[doctest.Example]:
    """Return the statements of a section with what each is said to print."""
    lines = [lines for title, _, lines in blocks(PAGE) if title == section]
    return [e for text in lines for e in doctest.DocTestParser().get_examples(text)]


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_every_line_prints_what_the_page_says(framework: str) -> None:
    """The framework itself, with no setting changed, prints every value shown for it."""
    if not _installed(FRAMEWORKS[framework]):
        pytest.skip(f"{framework} is not installed")
    quiet = {"CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu", "KERAS_BACKEND": "tensorflow"}
    done = subprocess.run(
        [sys.executable, "-P", str(ROOT / "tests" / "helpers" / "traps_run.py"), framework],
        input=PAGE,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **quiet},
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {}


def _installed(module: str) -> bool:
    from importlib.util import find_spec

    return find_spec(module) is not None


def test_a_wrong_value_is_found() -> None:
    """A line that prints something else than the page says is named with its section."""
    page = "## Sums\n\n```pycon numpy\n>>> 1 + 1\n3\n```\n"
    assert list(failures(page, "numpy")) == ["Sums"]
    assert failures(page.replace("3", "2"), "numpy") == {}


def test_every_row_of_the_table_has_its_demonstration() -> None:
    """The table's rows are the sections below it, in their order, each with lines that run."""
    titles = [title for title, _, _ in blocks(PAGE) if title]
    assert [title for title, _, _ in ROWS] == list(dict.fromkeys(titles))
    assert [anchor for _, anchor, _ in ROWS] == [
        re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title, _, _ in ROWS
    ]


@pytest.mark.parametrize(("title", "values"), [(t, v) for t, _, v in ROWS], ids=lambda v: v[:30])
def test_every_number_of_a_row_is_printed_by_its_lines(title: str, values: str) -> None:
    """A value of the table that no line prints would be a claim without a proof."""
    printed = " ".join(example.want for example in examples(title))
    assert numbers(values) <= numbers(printed)


def test_a_demonstration_is_two_lines() -> None:
    """Each framework's demonstration in a section fits into two statements."""
    counts = [
        len(doctest.DocTestParser().get_examples(lines))
        for title, _, lines in blocks(PAGE)
        if title
    ]
    assert max(counts) <= 2

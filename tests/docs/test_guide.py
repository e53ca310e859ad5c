"""The guide builds without a warning, and what it takes from the code is all there."""

from __future__ import annotations

import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest
from report_fixture import made

from samenet.adapter import Header, Mode
from samenet.adapter.variables import Variables
from samenet.cli.main import REST, SHOWN
from samenet.report.blocks import Section
from samenet.spec import (
    OPTIMIZERS,
    DataSpec,
    Goal,
    Loss,
    Schedule,
    Task,
    TrainSpec,
)

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs" / "guide"
PAGES = sorted(GUIDE.glob("*.md"))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the guide as HTML; a warning of Sphinx is a failure."""
    pytest.importorskip("sphinx", reason="the guide's tools are not installed: extra 'docs'")
    folder = tmp_path_factory.mktemp("guide")
    command = ["-m", "sphinx", "-q", "-W", "--keep-going", "-c", str(GUIDE)]
    done = subprocess.run(
        [sys.executable, "-P", *command, "-d", str(folder / "doctrees"), "docs", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder / "guide"


def text_of(page: Path) -> str:
    """Return what a reader of an HTML page sees."""
    return unescape(re.sub(r"<[^>]+>", "", page.read_text(encoding="utf-8")))


def test_every_page_is_built_and_reached(built: Path) -> None:
    """Each page of the folder is a page of the guide, in its table of contents."""
    index = (built / "index.html").read_text(encoding="utf-8")
    for page in PAGES:
        assert (built / f"{page.stem}.html").exists()
        assert page.stem == "index" or f'href="{page.stem}.html"' in index


def test_no_page_needs_a_network(built: Path) -> None:
    """No page loads a script, a style, a font or a picture from another host."""
    for page in built.parent.rglob("*.html"):
        loaded = re.findall(
            r"<(?:script|link|img)[^>]+(?:src|href)=\"(https?:[^\"]+)", page.read_text("utf-8")
        )
        assert loaded == []


def test_every_command_stands_in_the_guide_with_its_options(built: Path) -> None:
    """The page of commands has each command's own help; a new command needs no edit."""
    text = text_of(built / "commands.html")
    assert [name for name in SHOWN | REST if f"Usage: samenet {name}" not in text] == []
    assert text.count("--json ") >= len(SHOWN | REST)


KINDS = [Task, DataSpec, Goal, TrainSpec, Loss, *OPTIMIZERS.values(), Schedule]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_key_of_a_task_file_stands_in_the_guide(built: Path, kind: type[Task]) -> None:
    """The page of keys has every field of every class that reads a task file."""
    text = text_of(built / "task-file.html")
    names = [field.alias or name for name, field in kind.model_fields.items()]
    assert [name for name in names if not re.search(rf"^{name}$", text, re.MULTILINE)] == []


@pytest.mark.parametrize("kind", [Header, Mode, Variables], ids=lambda kind: kind.__name__)
def test_every_key_of_a_header_stands_in_the_guide(built: Path, kind: type[Header]) -> None:
    """The page for those who add a framework has every key that an adapter's header may have."""
    text = text_of(built / "extending.html")
    names = kind.model_fields
    assert [name for name in names if not re.search(rf"^{name}$", text, re.MULTILINE)] == []


def test_a_note_under_a_field_reaches_the_guide(built: Path) -> None:
    """What a class says under one of its fields is on the page of keys."""
    assert "Rows kept for the test; 0 takes a quarter." in text_of(built / "task-file.html")


def test_no_mark_is_left_unfilled(built: Path) -> None:
    """What is generated has replaced its mark."""
    for page in built.parent.rglob("*.html"):
        assert "generated:" not in page.read_text(encoding="utf-8")


def test_the_section_that_the_guide_shows_is_one() -> None:
    """The example of a report section, copied into a file, returns a section of a run."""
    page = (GUIDE / "extending.md").read_text(encoding="utf-8")
    names: dict[str, object] = {}
    exec(page.partition("```python\n")[2].partition("```")[0], names)
    section = names["section"](made())
    assert isinstance(section, Section)
    assert section.blocks[0].rows

"""What is cut off or lies on something else in a page's pictures is seen, and a page has none."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

pytest_plugins = ("page_browser",)
SCRIPTS = Path(__file__).resolve().parents[2] / "scripts" / "dev"
GOOD = '<text x="10" y="20">left</text><text x="200" y="20">right</text>'
WRONG = {
    "one over the other: left / right": GOOD.replace("200", "20"),
    "cut off: left": GOOD.replace('x="10"', 'x="-25"'),
    "the page scrolls sideways": f'{GOOD}</svg><div style="width:900px">wide</div><svg>',
}


@pytest.fixture(scope="module")
def screens():
    """Return the script as a module."""
    sys.path.insert(0, str(SCRIPTS))
    yield importlib.import_module("screens")
    sys.path.remove(str(SCRIPTS))


def faults(screens, visit, folder: Path, picture: str) -> list[str]:
    """Return what is wrong with a page that holds one picture."""
    path = folder / "page.html"
    head = '<!doctype html><meta charset="utf-8"><body style="margin:0">'
    path.write_text(f'{head}<svg class="picture" width="400">{picture}</svg>', encoding="utf-8")
    return screens.faults(visit(path, viewport={"width": 500, "height": 300}), 500)


@pytest.mark.parametrize("said", WRONG)
def test_a_planted_fault_is_named(screens, visit, tmp_path: Path, said: str) -> None:
    """A label on another, one beyond the window's edge and a page too wide are told apart."""
    assert faults(screens, visit, tmp_path, WRONG[said]) == [f"500: {said}"]


def test_labels_that_keep_apart_are_no_fault(screens, visit, tmp_path: Path) -> None:
    """Two labels side by side are let through."""
    assert faults(screens, visit, tmp_path, GOOD) == []


@pytest.mark.parametrize("width", [360, 768, 1440])
def test_nothing_overlaps_on_a_page(screens, visit, page_file: Path, width: int) -> None:
    """With everything open no label of the made-up run is cut off or lies on another."""
    page = visit(page_file, viewport={"width": width, "height": 900})
    page.evaluate(screens.OPEN)
    page.wait_for_timeout(300)
    assert screens.faults(page, width) == []

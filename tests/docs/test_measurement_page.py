"""The figures of the measurement page are those that the committed commands printed."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FIGURE = re.compile(r"^  . (?P<label>.+?): [\d.e+-]+(?: \[.*?\])? \((?P<note>.*)\)$")
PLANTED = re.compile(
    r"^\| \+(\d) % \| (\d+) \| found in (\d+) \| (\d+) of (\d+) \| (.+) \|$", re.MULTILINE
)
NOTHING = re.compile(
    r"^\| nothing \(`(\w+)`\) \| (\d+) \| called different in (\d+).*? in (\d+) \|", re.MULTILINE
)
PAIR = re.compile(
    r"^\| (nothing|\+\d+ %) \| (.+) \| (.+) \| (.+) \| (.+) \| (.+) \| (.+) \|$", re.MULTILINE
)


@cache
def page() -> str:
    """Return the measurement page, with the signs of a terminal."""
    text = (ROOT / "docs" / "measurement.md").read_text(encoding="utf-8")
    return text.replace("−", "-")


def printed(name: str) -> str:
    """Return what a command printed."""
    return (ROOT / "docs" / "results" / name).read_text(encoding="utf-8")


@cache
def notes(name: str) -> dict[str, str]:
    """Return {selftest: figure: its note} of a result, the first of each name."""
    found: dict[str, str] = {}
    test = ""
    for line in printed(name).splitlines():
        head, figure = re.match(r"^(\w+): (passed|FAILED)", line), FIGURE.match(line)
        test = head[1] if head else test
        if figure:
            found.setdefault(f"{test}: {figure['label']}", figure["note"])
    return found


def counted(name: str, figure: str) -> tuple[str, str]:
    """Return (n, of) of a figure."""
    found = re.search(r"(\d+) of (\d+)", notes(name)[figure])
    assert found, figure
    return found[1], found[2]


@pytest.mark.parametrize("row", PLANTED.findall(page()), ids=lambda row: f"+{row[0]}%")
def test_a_planted_difference_is_found_as_often_as_the_page_says(row: tuple[str, ...]) -> None:
    """Trials, finds, intervals that hold the truth and the middle reading of one planted size."""
    percent, trials, found, held, of, read = row
    name = "selftest-real.txt"
    assert (found, trials) == counted(name, f"inject: +{percent} %: found")
    assert (held, of) == counted(name, f"inject: +{percent} %: interval holds the truth")
    assert f"read as {read}" in notes(name)[f"inject: +{percent} %: bias"]


@pytest.mark.parametrize("row", NOTHING.findall(page()), ids=lambda row: row[0])
def test_equal_programs_are_judged_as_often_as_the_page_says(row: tuple[str, ...]) -> None:
    """Where nothing is planted: called different, and confirmed equal."""
    test, trials, different, equal = row
    name = "selftest-real.txt"
    assert (different, trials) == counted(name, f"{test}: no difference: called different")
    assert (equal, trials) == counted(name, f"{test}: no difference: called equivalent")


@pytest.mark.parametrize("row", PAIR.findall(page()), ids=lambda row: row[0])
def test_a_row_against_pyperf_is_the_script_s(row: tuple[str, ...]) -> None:
    """Right verdicts, the middle reading and the minutes per right one, of both."""
    planted, *cells = row
    size = "+0" if planted == "nothing" else planted.removesuffix(" %")
    for tool, (right, read, minutes) in (("samenet", cells[:3]), ("pyperf", cells[3:])):
        (line,) = re.findall(rf"^{tool}\s+\{size} %.*$", printed("versus-pyperf.txt"), re.MULTILINE)
        assert line.split("[")[0].split("%")[1].split() == right.split()[:3]
        assert read in line
        assert line.split()[-1] == minutes


def test_every_size_stands_on_the_page() -> None:
    """No row of a command is left out: two without a difference, three planted, five pairs."""
    counts = [len(rows.findall(page())) for rows in (NOTHING, PLANTED, PAIR)]
    assert counts == [2, 3, 5]

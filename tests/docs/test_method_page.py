"""The figures of the method page and of README are those of the committed `certify --all`."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

import pytest

from samenet.stats.formatting import error_text

ROOT = Path(__file__).resolve().parents[2]
ROW = re.compile(r"^\| (gate \d|initial weights|repeatable) \|(.*)\|$", re.MULTILINE)


@cache
def result() -> dict:
    """Return what `samenet certify --all --json` printed."""
    return json.loads((ROOT / "docs" / "results" / "certify.json").read_text(encoding="utf-8"))


@cache
def page() -> str:
    """Return the method page."""
    return (ROOT / "docs" / "method.md").read_text(encoding="utf-8")


def of(gate: str, quantity: str, dtype: str) -> list[dict]:
    """Return the rows over all frameworks that a line of the page is about."""
    return [
        row
        for row in result()["all_frameworks"]
        if (row["gate"], row["dtype"]) == (gate, dtype) and quantity in ("–", row["quantity"])
    ]


def lines() -> list[tuple[str, str]]:
    """Return the lines of the page's table of figures."""
    return [found for found in ROW.findall(page()) if "%" in found[1]]


@pytest.mark.parametrize("line", lines(), ids=lambda line: f"{line[0]}{line[1]}"[:60])
def test_a_figure_of_the_method_page_is_the_commands(line: tuple[str, str]) -> None:
    """Worst error and share of the limit in each line are those that the command printed."""
    gate, rest = line
    _, quantity, dtype, error, share = (part.strip() for part in rest.split("|"))
    rows = of(gate, quantity, dtype)
    assert error == error_text(max(row["error"] for row in rows))
    assert share == f"{max(row['share'] for row in rows):.0%}"


def test_the_table_names_every_gate_that_the_command_has() -> None:
    """No gate of the command is missing from the page's table of figures."""
    assert {gate for gate, _ in lines()} == {row["gate"] for row in result()["all_frameworks"]}


def test_every_check_of_the_committed_result_passed() -> None:
    """The committed result has no failure, and the page gives its number of checks."""
    assert all(row["passed"] for row in result()["rows"])
    assert not result()["failures"]
    assert f"{sum(row['checks'] for row in result()['rows']):,} checks" in page()


def test_readme_gives_the_worst_error_of_the_weights() -> None:
    """README's error of ten epochs in float64 is the worst of all frameworks, to a digit."""
    worst = max(row["error"] for row in of("gate 2", "weights", "float64"))
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"the weights agree to {error_text(worst)} or better" in readme


def test_the_printed_table_is_the_same_result() -> None:
    """The committed text has the figures of the committed document, row by row."""
    text = (ROOT / "docs" / "results" / "certify.txt").read_text(encoding="utf-8")
    for row in result()["rows"]:
        shown = f"{row['arm']:<18} {row['gate']:<16} {row['quantity']:<19} {row['dtype']:<9}"
        assert f"{shown} {row['checks']:>6} {row['error']:>11.1e}" in text

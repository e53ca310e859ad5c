"""The comparison with pyperf: what is planted is exact, and what is counted is right."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts" / "dev"


@pytest.fixture
def versus(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return the script as a module."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    monkeypatch.delitem(sys.modules, "versus_pyperf", raising=False)
    spec = importlib.util.spec_from_file_location("versus_pyperf", SCRIPTS / "versus_pyperf.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "versus_pyperf", module)
    spec.loader.exec_module(module)
    return module


def test_right_is_slower_where_work_was_planted_and_nothing_where_none_was(
    versus: ModuleType,
) -> None:
    """Of planted pairs those called slower are right, of equal ones those called no different."""
    answers = [(True, True, 1.03, 30.0), (False, False, 1.01, 30.0), (True, False, 0.98, 60.0)]
    planted, equal = (versus.row("tool", percent, answers) for percent in (2, 0))
    assert (planted.right, planted.false_differences) == (1, 1)
    assert (equal.right, equal.false_differences) == (1, 2)
    assert planted.minutes == 2.0
    assert "2.00" in planted.line


def test_a_tool_that_is_never_right_has_no_minutes_per_right_one(versus: ModuleType) -> None:
    """Nothing is divided by zero."""
    assert versus.row("tool", 5, [(False, False, 1.0, 30.0)]).line.endswith("never")

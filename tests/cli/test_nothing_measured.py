"""A command that has nothing to show says so, and does not end as if all were well."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from report_fixture import made, recorded

from samenet.analysis import frames
from samenet.cli import main
from samenet.cli.commands import trace
from samenet.cli.commands.run import has_failures
from samenet.runs.records import PREDICTION_GATE, CertificateRecord

ABSENT = """
ADAPTER = {
    "name": "mine",
    "title": "Mine",
    "modes": {"plain": {"why": "w", "source": "s"}},
    "imports": ["numpy"],
    "distributions": ["no-such-thing"],
}
"""
REMEDY = "not installed: pip install no-such-thing"


@pytest.fixture
def absent(tmp_path: Path) -> str:
    """Return the path of an adapter whose framework is not installed."""
    path = tmp_path / "mine.py"
    path.write_text(ABSENT, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("json", [[], ["--json"]], ids=["text", "json"])
def test_a_ladder_without_a_framework_is_refused(
    absent: str, json: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is measured, the reason is one sentence, and no document says that all is well."""
    folder = tmp_path / "run"
    assert main._code(["ladder", "--framework", absent, "--out", str(folder), *json]) == 6
    out, err = capsys.readouterr()
    assert out == ""
    assert f"Nothing can be measured: {REMEDY}." in err
    assert not folder.exists()


def test_a_study_without_a_framework_is_refused(
    absent: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A study that nobody can train concludes nothing, and says why."""
    folder = tmp_path / "run"
    asked = ["study", "activations", "iris", "--framework", absent, "--out", str(folder)]
    assert main._code(asked) == 6
    assert f"Nothing can be measured: {REMEDY}." in capsys.readouterr().err
    assert not folder.exists()


@pytest.mark.parametrize("others", [[], ["--framework", "numpy"]], ids=["alone", "with NumPy"])
@pytest.mark.parametrize("json", [[], ["--json"]], ids=["text", "json"])
def test_a_framework_that_was_named_is_traced_or_its_absence_is_said(
    absent: str, others: list[str], json: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """One framework alone is no agreement of two."""
    assert main._code(["trace", "single_neuron", "--framework", absent, *others, *json]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert f"mine:plain: {REMEDY}" in err


@pytest.mark.parametrize("json", [[], ["--json"]], ids=["text", "json"])
def test_advice_that_names_nobody_does_not_end_as_if_it_did(
    json: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run without a result that could be compared gives no advice: exit code 6."""
    arms = ("pytorch:eager", "keras:fit")
    refused = [("digits", arm) for arm in arms]
    run = made(tasks=["digits"], arms=arms, refused=refused, failed=())
    monkeypatch.setattr(frames, "load", lambda folder: run)
    assert main._code(["advise", "a-run", *json]) == 6
    shown = capsys.readouterr().out.strip()
    assert shown == ("[]" if json else "This run holds no result that can be compared.")


def test_a_wrong_prediction_is_a_failure_of_the_run() -> None:
    """The exit code of a run is about its predictions, too, and about there being any result."""
    plan, records = recorded(tasks=["digits"], refused=(), failed=())
    assert not has_failures(frames.build(plan, {}, records))
    wrong = next(
        n
        for n, record in enumerate(records)
        if isinstance(record, CertificateRecord) and record.gate == PREDICTION_GATE
    )
    records[wrong] = replace(records[wrong], passed=False)
    assert has_failures(frames.build(plan, {}, records))
    assert has_failures(frames.build(plan, {}, []))


def test_one_framework_alone_differs_from_nobody() -> None:
    """The difference of a single column is no zero, and what is not a number is shown as that."""
    step = {name: [1.0] for name in trace.QUANTITIES}
    alone = trace.table([{"arm": "a", **step}])
    assert all(line.endswith("–") for line in alone[1:])
    broken = trace.table([{"arm": "a", **step}, {"arm": "b", **step, "loss": [float("nan")]}])
    assert [line.endswith("nan") for line in broken[1:]] == [
        name == "loss" for name in trace.QUANTITIES
    ]

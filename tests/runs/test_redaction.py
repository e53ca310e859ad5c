"""Error messages lose names and folders before they are kept; the self-test searches real files."""

from __future__ import annotations

from pathlib import Path

import pytest

from samenet.machine import readings
from samenet.runs import redaction
from samenet.runs.records import CertificateRecord, FailureRecord
from samenet.selftest import base
from samenet.selftest.measured import privacy as planted

NUMBER = planted.NUMBER


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("No such file: '/home/anna/mine/rows.csv'", "No such file: 'rows.csv'"),
        (r"C:\Users\Anna\rows.csv is locked", "rows.csv is locked"),
        (
            "see https://pytorch.org/docs/stable/x.html",
            "see https://pytorch.org/docs/stable/x.html",
        ),
        ("file:///home/anna/rows.csv", "rows.csv"),
        ("anna-laptop refused 10.1.2.3", "… refused …"),
        ("annabel and banana stay, anna goes", "annabel and banana stay, … goes"),
        (f"device {NUMBER} is lost", "device … is lost"),
        ("the root mean squared error", "the root mean squared error"),
        ("a gradient of 1/2 and and/or", "a gradient of 1/2 and and/or"),
    ],
)
def test_a_message_loses_what_names_a_person(
    text: str, clean: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Folders, this host, this person, addresses and device numbers go; everything else stays."""
    own = ("anna", "anna-laptop", "10.1.2.3", "root", "vm")
    monkeypatch.setattr(readings, "identifying_names", lambda: own)
    assert redaction.redact_text(text) == clean


def test_records_are_cleaned_before_they_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reasons, details and what was read back are clean; names of tasks are the user's own."""
    monkeypatch.setattr(readings, "identifying_names", lambda: ("anna",))
    failure = FailureRecord(
        job="j",
        track="same",
        task="anna",
        arm="a",
        repeat=0,
        mark="failed",
        reason="anna: /home/anna/x.py",
        detail="File /home/anna/x.py",
    )
    kept = redaction.redact(failure)
    assert isinstance(kept, FailureRecord)
    assert (kept.task, kept.reason, kept.detail) == ("anna", "…: x.py", "File x.py")
    check = CertificateRecord(
        job="j",
        task="t",
        arm="a",
        repeat=0,
        gate="g",
        quantity="q",
        dtype="float32",
        error=0.0,
        limit=1.0,
        passed=True,
        detail="at /home/anna/x",
    )
    cleaned = redaction.redact(check)
    assert isinstance(cleaned, CertificateRecord)
    assert cleaned.detail == "at x"


def test_no_exported_file_names_anybody() -> None:
    """The self-test: a real run in a made-up home on a made-up host, every export searched."""
    finding = base.run_selftest("privacy", base.SelfTestOrder(short=True))
    assert finding.passed, finding.plain()


def test_the_search_finds_what_is_there(tmp_path: Path) -> None:
    """A planted name and any device's number are found in the file that holds them."""
    exported = {"page": f"by {planted.PERSON}", "data": f"on {NUMBER}", "clean": "nothing"}
    assert planted.find_names(exported, [planted.PERSON, str(tmp_path)]) == [
        f"{planted.PERSON} in page",
        f"{NUMBER} in data",
    ]

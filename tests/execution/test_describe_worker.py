"""An adapter is asked what it offers in a worker: whatever it does, an answer comes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from samenet.adapter import discovery
from samenet.execution import describe
from samenet.machine import system

FAKE = Path(__file__).parents[1] / "helpers" / "faulty_adapters" / "misbehaving.py"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes by their mark")


def test_a_child_that_holds_the_output_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that the file starts and 60 MB of print delay no answer; the process is ended."""
    place = tmp_path / "asked"
    place.mkdir()
    monkeypatch.setattr(describe.tempfile, "tempdir", str(place))
    adapter = tmp_path / "misbehaving.py"
    more = "def capabilities():\n    subprocess.Popen(['sleep', '3600'])\n    flood()\n"
    text = FAKE.read_text(encoding="utf-8").replace("def capabilities():\n", more)
    adapter.write_text(text, encoding="utf-8")
    arms, absent = describe.describe_adapters([(discovery.read(adapter), "plain")], "cpu")
    assert ([arm.name for arm in arms], absent) == (["misbehaving:plain"], [])
    assert system.marked(str(place)) == []

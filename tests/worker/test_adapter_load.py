"""Running an adapter's file is part of starting up, and samenet's own share of it is not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from samenet.analysis import processes
from samenet.analysis.predictions import START
from samenet.machine import clock
from samenet.runs.records import TimingRecord
from samenet.worker.__main__ import SEAM
from samenet.worker.common import adapter_timed

NULL = """
from samenet.adapter import Array, Batches, Capabilities, DataSource, Layer, Target, Weights
from samenet.adapter import NOT_READABLE, Program
from samenet.spec import Loss, Network, TrainSpec
import threadpoolctl
"""
"""What every adapter imports for samenet's sake, and nothing else."""


def test_work_at_module_level_is_on_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two seconds that pass while the file runs are what it took."""
    now = [0.0]

    def timed(work):
        start = now[0]
        work()
        return now[0] - start

    def run_file():
        now[0] += 2.0
        return SimpleNamespace(name="file")

    monkeypatch.setattr(clock, "time_call", timed)
    made, seconds = adapter_timed(SimpleNamespace(adapter=run_file))  # type: ignore[arg-type]
    assert (made.name, seconds) == ("file", 2.0)  # type: ignore[attr-defined]


def test_the_file_counts_in_every_total() -> None:
    """Start-up holds the phase, for training and for predicting; older runs do without it."""
    assert "adapter" in processes.START_UP
    assert "adapter" in START
    seconds = dict.fromkeys(processes.START_UP, 1.0)
    assert start_up(seconds) == len(processes.START_UP)
    del seconds["adapter"]
    assert start_up(seconds) == len(processes.START_UP) - 1


def start_up(seconds: dict[str, float]) -> float:
    """Return the start-up of one process with these phases."""
    records = [
        TimingRecord(
            job="j", track="same", task="t", arm="a", repeat=0, phase=phase, steps=0, seconds=(s,)
        )
        for phase, s in seconds.items()
    ]
    phases = processes.group_samples(records)["same"]["t", "a", 0]
    return processes._quantities(phases, 1)["start_up"]


def test_an_adapter_that_is_nothing_but_the_seam_loads_nothing(tmp_path: Path) -> None:
    """When its file runs, all that it imports of samenet is there: nothing is charged to it."""
    file = tmp_path / "null_adapter.py"
    file.write_text(NULL, encoding="utf-8")
    script = f"""
import importlib, json, sys
from pathlib import Path
for name in {SEAM!r}: importlib.import_module(name)
import samenet.runs.work_order, samenet.worker.timing
from samenet.adapter import discovery, source_files
source_files.shipped_folder()
before = set(sys.modules)
discovery.load(Path({str(file)!r}))
print(json.dumps(sorted(set(sys.modules) - before)))
"""
    done = subprocess.run(
        [sys.executable, "-P", "-c", script], capture_output=True, text=True, check=True
    )
    (own,) = json.loads(done.stdout)
    assert own.startswith("samenet_leaf_null_adapter")

"""A whole run in a temporary folder, from plan to frames: real workers, no certificate."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from samenet.adapter import discovery
from samenet.analysis import frames
from samenet.analysis.frames import Frames
from samenet.execution import planner, session
from samenet.execution.planner import Request
from samenet.selftest.base import raise_failure

TASK = "iris"
FAKE = Path(__file__).with_name("fake_adapter.py")


def run_fake(*modes: str, repeats: int = 1) -> Frames:
    """Return the run of the fake adapter in some modes."""
    adapter = discovery.read(FAKE)
    return run_pairs([(adapter, mode) for mode in modes], repeats, must_work=True)


def run_pairs(
    pairs: Sequence[tuple[discovery.AdapterFile, str]], repeats: int = 1, *, must_work: bool = False
) -> Frames:
    """Return a run; what stands before and after the timing is left out.

    Raises WorkerError if a worker fails, where all of them must work.
    """
    request = Request(tasks=(TASK,), track="same", repeats=repeats, name="selftest")
    plan = planner.make_plan(request, pairs).only("prepare", "cell")
    with TemporaryDirectory() as folder:
        store = session.start_run(plan, Path(folder) / "run", lambda *_: None)
        if must_work:
            raise_failure(store.records())
        return frames.load(store.folder)


def refusals(run: Frames, arm: str) -> list[str]:
    """Return the failed checks of an arm: 'sync: share of the work left after sync'."""
    rows = run.checks[(run.checks.arm == arm) & ~run.checks.passed.astype(bool)]
    return [f"{gate}: {what}" for gate, what in zip(rows.gate, rows.quantity, strict=True)]

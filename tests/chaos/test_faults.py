"""Faults of a worker: the result fails alone, by name and with its reason, and the rest goes on.

Run as a script this file prints the table: fault, mark and the sentence that a person sees.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import pytest

from samenet.execution import planner, session
from samenet.execution.progress import Progress
from samenet.machine import system
from samenet.runs.folder import Store
from samenet.runs.plan import Plan
from samenet.runs.records import CertificateRecord, FailureRecord, ProcessesLeft, TimingRecord

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="signals, limits and /proc")

FAKE = Path(__file__).parents[1] / "helpers" / "faulty_adapters" / "misbehaving.py"
ENDLESS = ("hang", "stop", "flood-for-ever")
LIMIT_SECONDS = 20.0
"""How long an endless one may take; NumPy, after it, would have no longer, so that it is left out.
"""

NO_ANSWER = {
    "exit": ("interrupted", "the worker ended without a whole answer"),
    "sys-exit": ("interrupted", "the worker ended without a whole answer"),
    "exit-7": ("failed", "the worker ended with exit code 7"),
    "cut": ("interrupted", "OSError: [Errno 27] File too large"),
    "hang": ("timed out", "no result within 20 s; --worker-limit allows more"),
    "stop": ("interrupted", "the worker was stopped and did not go on within its time"),
    "segfault": ("failed", "the worker crashed (segmentation fault)"),
    "abort": ("failed", "the worker crashed (it called abort)"),
    "kill": ("interrupted", "the worker was killed (out of memory?)"),
    "terminate": ("interrupted", "the worker was ended by SIGTERM"),
    "keyboard": ("interrupted", "the worker was ended by SIGINT"),
    "flood-for-ever": ("timed out", "no result within 20 s; --worker-limit allows more"),
    "memory": ("interrupted", "Unable to allocate 8.00 TiB"),
    "descriptors": ("interrupted", "OSError: [Errno 24] Too many open files"),
    "raise-long": ("failed", "RuntimeError: "),
    "remove-work": ("failed", "removed from the run while it ran, and put back: work/"),
    "remove-run": ("failed", "removed from the run while it ran, and put back: data/iris.npz and "),
    "remove-records": ("failed", "removed from the run while it ran, and put back: records.jsonl"),
    "loss-text": ("failed", ""),
    "loss-none": ("failed", ""),
    "weights-none": ("failed", ""),
}
"""Faults after which there is no answer: mark and part of the sentence."""

WRONG_ANSWER = (
    *("loss-nan", "loss-infinite", "loss-short", "loss-long", "loss-table", "loss-objects"),
    *("weights-short", "weights-nan", "weights-turned", "weights-objects"),
)
"""Faults that a check finds in the answer, or that leave none."""

HARMLESS = ("fork", "flood", "child", "detached", "folder", "clock")
"""What a worker may do: its result is as good as any."""


EVERY_TIME = (
    "exit",
    "hang",
    "segfault",
    "kill",
    "cut",
    "remove-run",
    "loss-nan",
    "weights-short",
    "child",
)
"""One of each kind, ten seconds each, for the default command; `scripts/test.py --slow` has all."""


def each(faults: Iterable[str]) -> list[Any]:
    """Return faults as parameters: those that are not tried every time are slow."""
    return [
        pytest.param(fault, marks=[] if fault in EVERY_TIME else [pytest.mark.slow])
        for fault in faults
    ]


class Outcome(NamedTuple):
    """What came of a run of two frameworks, of which one has a fault."""

    store: Store
    failures: list[FailureRecord]
    refused: list[CertificateRecord]
    timed: set[str]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the prepared rows, for every fault to begin with."""
    return prepare(tmp_path_factory.mktemp("faults"))


def plan_of(folder: Path, fault: str):
    """Return the plan of one timed process with a fault, and one of NumPy after it."""
    adapter = folder / "misbehaving.py"
    text = FAKE.read_text(encoding="utf-8").replace('"FAULT": "none"', f'"FAULT": "{fault}"')
    adapter.write_text(text, encoding="utf-8")
    request = planner.Request(
        tasks=("iris",),
        frameworks=(str(adapter), *(() if fault in ENDLESS else ("numpy",))),
        track="same",
        repeats=1,
        epochs=2,
        worker_seconds=LIMIT_SECONDS if fault in ENDLESS else None,
    )
    return planner.make_plan(request).only("prepare", "cell")


def prepare(folder: Path) -> Path:
    """Prepare the rows once."""
    plan = plan_of(folder, "none").only("prepare")
    return session.start_run(plan, folder / "run", lambda *_: None).folder


def carry_out(prepared: Path, folder: Path, fault: str) -> Outcome:
    """Measure with a fault; the faulty framework comes first."""
    plan = plan_of(folder, fault)
    run = Path(shutil.copytree(prepared, folder / "run"))
    store = Store(run)
    store.write_json("plan.json", plan.model_dump(mode="json", by_alias=True))
    session.carry_out(store, plan, Progress(plan).watch)
    records = store.records()
    return Outcome(
        store,
        [r for r in records if isinstance(r, FailureRecord)],
        [r for r in records if isinstance(r, CertificateRecord) and not r.passed],
        {r.arm for r in records if isinstance(r, TimingRecord) and r.phase == "call"},
    )


@pytest.mark.parametrize("fault", each(NO_ANSWER))
def test_a_worker_without_an_answer_fails_alone_and_says_why(
    prepared: Path, tmp_path: Path, fault: str
) -> None:
    """One failure, of this framework, in a sentence of at most 300 characters; NumPy is timed."""
    outcome = carry_out(prepared, tmp_path, fault)
    mark, sentence = NO_ANSWER[fault]
    (failure,) = outcome.failures
    assert (failure.arm, failure.mark) == ("misbehaving:plain", mark)
    assert sentence in failure.reason
    assert 0 < len(failure.reason) <= 300
    assert outcome.timed == (set() if fault in ENDLESS else {"numpy:buffers"})
    again = {"cell/misbehaving:plain/iris/r0"} if mark == "interrupted" else set()
    assert {job.id for job in plan_jobs(outcome)} - outcome.store.finished_jobs() == again
    assert_nothing_is_left(outcome)


@pytest.mark.parametrize("fault", each(WRONG_ANSWER))
def test_a_wrong_answer_is_never_compared(prepared: Path, tmp_path: Path, fault: str) -> None:
    """A check refuses it or the worker says what is wrong with it; NumPy is timed."""
    outcome = carry_out(prepared, tmp_path, fault)
    to_blame = {r.arm for r in (*outcome.failures, *outcome.refused)}
    assert to_blame == {"misbehaving:plain"}
    assert "numpy:buffers" in outcome.timed


@pytest.mark.parametrize("fault", each(HARMLESS))
def test_what_a_worker_may_do_harms_nothing(prepared: Path, tmp_path: Path, fault: str) -> None:
    """Both are timed; what was left running is ended and said; little is kept of what it prints."""
    outcome = carry_out(prepared, tmp_path, fault)
    assert (outcome.failures, outcome.refused) == ([], [])
    assert outcome.timed == {"misbehaving:plain", "numpy:buffers"}
    left = [r.count for r in outcome.store.records() if isinstance(r, ProcessesLeft)]
    assert (left != []) == (fault in {"child", "detached"})
    assert_nothing_is_left(outcome)


def plan_jobs(outcome: Outcome):
    """Return the jobs that were to be done."""
    return Plan.model_validate(outcome.store.read_json("plan.json")).jobs


def assert_nothing_is_left(outcome: Outcome) -> None:
    """No process of the run goes on, nothing was printed to the disk, no file is half-written."""
    folder = outcome.store.folder
    assert system.marked(system.worker_mark(folder)) == []
    assert all(child.name() != "sleep" for child in psutil.Process().children(recursive=True))
    assert not list(folder.rglob("*.part"))
    assert sum(path.stat().st_size for path in (folder / "work").iterdir()) < 2_000_000


def print_table() -> None:
    """Print what a person sees for each fault."""
    with tempfile.TemporaryDirectory() as place:
        base = Path(place) / "base"
        base.mkdir()
        prepared = prepare(base)
        for fault in (*NO_ANSWER, *WRONG_ANSWER, *HARMLESS):
            folder = Path(place) / fault
            folder.mkdir()
            outcome = carry_out(prepared, folder, fault)
            sentences = [f"{r.mark}: {r.reason}" for r in outcome.failures]
            sentences += [f"not compared: {r.gate}, {r.quantity}" for r in outcome.refused]
            print(f"{fault:<16} {'; '.join(sentences) or 'measured'}", flush=True)


if __name__ == "__main__":
    print_table()

"""The self-test of interruptions: its short form passes, and it sees what a run leaves undone."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from samenet.machine import files
from samenet.runs.folder import Store
from samenet.selftest import base, crash_rounds
from samenet.selftest.crash_rounds import Round, Stage

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks, signals and /proc")


def test_struck_runs_end_as_undisturbed_ones() -> None:
    """The short form: 20 rounds of random signals and a sample of the failure points."""
    finding = base.run_selftest("chaos", base.SelfTestOrder(short=True))
    assert finding.passed, finding.plain()


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Return a stage with the run that all others are compared with."""
    with crash_rounds.stage(tmp_path_factory.mktemp("chaos")) as made:
        crash_rounds.undisturbed(made)
        yield made


def leave_a_part(folder: Path) -> None:
    """Leave a half-written file."""
    (folder / "data" / f".iris.npz.0123abcd{files.PART}").touch()


def forget_a_job(folder: Path) -> None:
    """Take the records of the last job away."""
    path = folder / "records.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-20]))


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        (leave_a_part, "data/.iris.npz.0123abcd.part is left"),
        (forget_a_job, "its records are others"),
        (lambda folder: (folder / "seal.json").unlink(), "seal.json is missing"),
    ],
)
def test_what_is_not_as_it_should_be_is_named(staged: Stage, fault, problem: str) -> None:
    """A whole run has no problem; with a planted fault it has that one."""
    folder = staged.place / f"planted-{problem[:4]}"
    played = Round(number=0)
    crash_rounds.finish(staged, folder, played)
    assert played.problems == []
    fault(folder)
    assert problem in crash_rounds.compare(staged, folder)


def test_a_run_that_hangs_is_a_problem(staged: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is not done in time is ended and named."""
    monkeypatch.setattr(crash_rounds, "PATIENCE_SECONDS", 0.05)
    played = Round(number=0)
    folder = staged.place / "hangs"
    crash_rounds._wait(crash_rounds.start(staged, folder), folder, played)
    assert played.problems == ["still running after 0 s"]


def test_what_the_machine_cut_short_is_done_again(staged: Stage) -> None:
    """A worker that a full disk stops fails for now: the others go on, and a resume does it again.

    What is left of the first attempt stays in the file, and does not count.
    """
    folder = staged.place / "full"
    played = Round(number=0)
    strike = "write cell~*.jsonl:1:ENOSPC"
    crash_rounds._wait(crash_rounds.start(staged, folder, strike), folder, played)
    store = Store(folder)
    done = {job.id for job in staged.plan.jobs} - store.finished_jobs()
    assert {job.partition("/")[0] for job in done} == {"cell"}
    before = store.records_path.read_bytes()
    crash_rounds.finish(staged, folder, played)
    assert played.problems == []
    assert store.records_path.read_bytes().startswith(before)


def test_many_runs_leave_nothing_open(staged: Stage) -> None:
    """Five runs one after the other in one process: no descriptor, thread or process is left."""
    before = len(list(Path("/proc/self/fd").iterdir())), threading.active_count()
    for number in range(5):
        folder = staged.place / f"many-{number}"
        played = Round(number=number)
        crash_rounds.finish(staged, folder, played)
        assert played.problems == []
    assert (len(list(Path("/proc/self/fd").iterdir())), threading.active_count()) == before

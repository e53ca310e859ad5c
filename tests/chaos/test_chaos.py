"""The self-test of interruptions: its short form passes, and it sees what a run leaves undone."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from samenet.execution import session
from samenet.machine import clock, files
from samenet.machine.lock import machine_lock
from samenet.runs import seal
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


@pytest.mark.parametrize("runs", [5, pytest.param(100, marks=pytest.mark.slow)])
def test_many_runs_leave_nothing_open(
    staged: Stage, monkeypatch: pytest.MonkeyPatch, runs: int
) -> None:
    """Runs one after the other in this process leave no descriptor, thread, process or lock."""
    monkeypatch.setattr(sys, "executable", str(staged.replay / "python"))
    before = open_files(), threading.active_count(), len(psutil.Process().children())
    for number in range(runs):
        folder = staged.place / f"many-{runs}-{number}"
        monkeypatch.setenv("SAMENET_CACHE", f"{folder}.cache")
        store = session.start_run(staged.plan, folder, lambda *_: None)
        seal.seal_run(store, staged.plan)
        assert store.finished_jobs() == {job.id for job in staged.plan.jobs}
        assert not [path for path in folder.rglob("*") if path.name.endswith(files.PART)]
    assert (open_files(), threading.active_count(), len(psutil.Process().children())) == before
    with machine_lock():
        pass


def open_files() -> int:
    """Return how many files this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_second_process_in_one_folder_is_refused_and_disturbs_nothing(staged: Stage) -> None:
    """A resume of a running run ends with 6, and the run as if it had been alone."""
    folder, played = staged.place / "two", Round(number=0)
    first = crash_rounds.start(staged, folder)
    end = clock.now() + crash_rounds.PATIENCE_SECONDS
    while not (folder / "records.jsonl").exists() or not Store(folder).records():
        assert clock.now() < end
    os.kill(first, signal.SIGSTOP)  # it cannot end in the meantime
    second = crash_rounds.start(staged, folder)
    _, status = os.waitpid(second, 0)
    os.kill(first, signal.SIGCONT)
    crash_rounds._wait(first, folder, played)
    assert os.waitstatus_to_exitcode(status) == 6
    assert (played.problems, crash_rounds.compare(staged, folder)) == ([], [])

"""The states of a run: from each of them a resume ends in a sealed run, or changes nothing."""

from __future__ import annotations

import itertools
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from samenet.cli import main
from samenet.errors import RefusedError, RunFolderError
from samenet.execution import origin, session
from samenet.machine import clock, lock
from samenet.report.page import finish_run, write_report
from samenet.report.verify import check_seals, verify
from samenet.runs.folder import Store
from samenet.runs.plan import Plan
from samenet.runs.records import JobFinished, PlanSealed, TimingRecord


@pytest.fixture
def run(finished_run: Path, tmp_path: Path) -> Path:
    """Return a copy of a finished run."""
    return Path(shutil.copytree(finished_run, tmp_path / "run"))


@contextmanager
def watching(plan: Plan, done: frozenset[str]) -> Iterator[Any]:
    """Watch nothing."""
    yield lambda job, records, seconds: None


def contents(run: Path) -> dict[str, bytes]:
    """Return every file of a run."""
    files = (path for path in run.rglob("*") if path.is_file())
    return {path.relative_to(run).as_posix(): path.read_bytes() for path in files}


def cut_back(run: Path, lines: int) -> None:
    """Make a run as it was when it had so many records: no seal, and no page."""
    path = run / "records.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:lines]))
    for name in ("seal.json", "report.html"):
        (run / name).unlink()
    shutil.rmtree(run / "figures")


def ends_sealed(run: Path) -> None:
    """See that a run is whole: every planned job once, the plan's seal first, the seal in place."""
    records = Store(run).records()
    plan = Plan.model_validate(Store(run).read_json("plan.json"))
    done = [record.job for record in records if isinstance(record, JobFinished)]
    assert sorted(done) == sorted(job.id for job in plan.jobs)
    assert [type(record) for record in records].count(PlanSealed) == 1
    assert isinstance(records[0], PlanSealed)
    assert check_seals(run).mismatches == ()
    assert not (run / "work").exists()


def planned(run: Path) -> None:
    """Leave what a kill leaves before the plan is sealed."""
    cut_back(run, 0)
    for name in ("machine.json", "sources.json", "records.jsonl"):
        (run / name).unlink()


def first_job_torn(run: Path) -> None:
    """Leave what a kill leaves in the middle of the first write of a job."""
    cut_back(run, 1)
    with (run / "records.jsonl").open("ab") as file:
        file.write(b'{"schema":1,"kind":"event","job":"prepare/iris/r0","na')


def last_job_torn(run: Path) -> None:
    """Leave half of the last line."""
    lines = len((run / "records.jsonl").read_bytes().splitlines())
    cut_back(run, lines)
    path = run / "records.jsonl"
    path.write_bytes(path.read_bytes()[:-150])


def unsealed(run: Path) -> None:
    """Leave a page and no seal."""
    (run / "seal.json").unlink()
    (run / "figures" / ".hero.svg.abcdefgh.part").write_bytes(b"half")


STATES = [
    planned,
    lambda run: cut_back(run, 1),
    first_job_torn,
    last_job_torn,
    unsealed,
    lambda _: _,
]


@pytest.mark.parametrize(
    "state", STATES, ids=["planned", "plan sealed", "torn first", "torn last", "page", "sealed"]
)
def test_a_resume_from_any_state_ends_sealed(run: Path, state: Callable[[Path], object]) -> None:
    """Wherever a kill struck, a resume ends as an undisturbed run does."""
    state(run)
    assert main._code(["resume", str(run)]) == 0
    ends_sealed(run)


def test_a_torn_line_is_said_and_readers_leave_it_out(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`report`, `verify` and `advise` read a torn run, say what they leave out, and cut nothing."""
    last_job_torn(run)
    before = (run / "records.jsonl").read_bytes()
    for command, code in (("report", 0), ("verify", 3), ("advise", 6)):
        assert main._code([command, str(run)]) == code
        printed = "".join(capsys.readouterr())
        assert "the last line was torn off by an interruption and is left out" in printed
    assert (run / "records.jsonl").read_bytes() == before


def test_repeats_are_added_to_a_torn_run(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`resume --repeats +1` of a run that a kill tore goes on, and its new end is sealed."""
    last_job_torn(run)
    assert main._code(["resume", str(run), "--repeats", "+1"]) == 0
    assert "the last line was torn off by an interruption" in capsys.readouterr().err
    ends_sealed(run)
    assert verify(run).mismatches == ()


def test_the_plans_seal_outlives_a_kill_before_the_first_job(run: Path) -> None:
    """What belongs to no job is not unfinished: the plan's digest stays."""
    first_job_torn(run)
    assert Store(run).drop_unfinished()
    assert [type(record) for record in Store(run).records()] == [PlanSealed]
    plan = run / "plan.json"
    plan.write_text(plan.read_text(encoding="utf-8").replace('"margin": 0.05', '"margin": 0.3'))
    assert "the plan was changed after the run began" in check_seals(run).mismatches
    before = contents(run)
    with pytest.raises(RunFolderError, match="not the plan that was sealed"):
        session.resume_run(run, watching)
    assert contents(run) == before


@pytest.mark.parametrize("name", ["records.jsonl", "outputs", "data/iris.npz", "machine.json"])
def test_what_was_changed_after_the_seal_is_not_resumed(run: Path, name: str) -> None:
    """A resume would seal a changed file anew: it refuses, names the file, and changes nothing."""
    path = run / name
    path = next(path.iterdir()) if path.is_dir() else path
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    before = contents(run)
    with pytest.raises(RunFolderError, match=re.escape(path.name)):
        session.resume_run(run, watching)
    assert contents(run) == before


HOLD = """
import sys
from pathlib import Path
from samenet.runs.folder import Store
with Store(Path(sys.argv[1])).writing():
    print("held", flush=True)
    sys.stdin.read()
"""
"""Another process that measures into a folder."""


@contextmanager
def another_writer(run: Path) -> Iterator[None]:
    """Have another process write to a run."""
    with subprocess.Popen(
        [sys.executable, "-P", "-c", HOLD, str(run)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        yield
        other.communicate("")


def test_a_second_resume_of_a_folder_changes_nothing(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While another process writes to a run, whatever lock its machine has, a resume is refused.

    Its records end in the middle of a job then, which a resume would cut off.
    """
    first_job_torn(run)
    with another_writer(run):
        before = contents(run)
        monkeypatch.setenv("SAMENET_LOCK", str(tmp_path / "another.lock"))
        with pytest.raises(RefusedError, match="Another samenet process is writing"):
            session.resume_run(run, watching)
        assert contents(run) == before


def test_a_report_during_a_run_shows_what_there_is_and_seals_nothing(run: Path) -> None:
    """While another process measures, a page is written of its finished jobs, and nothing else."""
    first_job_torn(run)
    with another_writer(run):
        before = contents(run)
        write_report(run)
    after = contents(run)
    assert {name for name in after if name.partition("/")[0] not in ("report.html", "figures")} == (
        before.keys()
    )
    assert all(after[name] == content for name, content in before.items())
    assert "report.html" in after


def test_a_clock_on_the_wall_that_jumps_changes_no_result(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Set back by years in the middle of a run, it stands in no time and breaks no seal."""
    cut_back(run, 1)
    moments = itertools.cycle(["2031-01-01T00:00:00+00:00", "1999-12-31T23:59:59+00:00"])
    monkeypatch.setattr(clock, "utc", lambda: next(moments))
    session.resume_run(run, watching)
    finish_run(run)
    ends_sealed(run)
    timed = [r for r in Store(run).records() if isinstance(r, TimingRecord)]
    assert timed
    assert all(seconds > 0 for r in timed for seconds in r.seconds if r.phase == "call")


def test_a_resume_without_the_machines_lock_changes_nothing(run: Path) -> None:
    """Everything of a resume is under the lock of the machine: refused, it has written nothing."""
    first_job_torn(run)
    before = contents(run)
    with lock.machine_lock():
        assert main._code(["resume", str(run)]) == 6
    assert contents(run) == before


def foreign(run: Path, adapter: Path) -> None:
    """Make a run one of another machine, interrupted, with an adapter of its own."""
    cut_back(run, 1)
    store = Store(run)
    machine, plan = store.read_json("machine.json"), store.read_json("plan.json")
    store.write_json("machine.json", {**machine, "made_by": "f" * 16})
    plan["arms"][0]["path"] = str(adapter)
    store.write_json("plan.json", plan)
    sealed = Plan.model_validate(plan).seal
    (run / "records.jsonl").unlink()
    store.append([PlanSealed(job="", when="", sha256=sealed)])


def test_a_strangers_programs_are_named_and_not_started(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run made elsewhere with an adapter of its own is not resumed unless a person trusts it."""
    started = tmp_path / "started"
    adapter = tmp_path / "adapter.py"
    adapter.write_text(f"open({str(started)!r}, 'w')\n", encoding="utf-8")
    foreign(run, adapter)
    before = contents(run)
    assert main._code(["resume", str(run)]) == 6
    printed = capsys.readouterr().err
    assert "was made elsewhere" in printed
    assert str(adapter)[-60:] in printed
    assert "--trust" in printed
    assert contents(run) == before
    assert not started.exists()
    plan = Plan.model_validate(Store(run).read_json("plan.json"))
    (said,) = origin.warn_of_strangers(Store(run), plan, trusted=True)
    assert str(adapter)[-60:] in said


def test_own_adapters_of_a_copied_run_are_only_said(run: Path) -> None:
    """Of a folder from elsewhere samenet's own adapters are started, which one sentence says."""
    store = Store(run)
    store.write_json("machine.json", {**store.read_json("machine.json"), "made_by": "f" * 16})
    plan = Plan.model_validate(store.read_json("plan.json"))
    (said,) = origin.warn_of_strangers(store, plan, trusted=False)
    assert "only samenet's own adapters are started" in said

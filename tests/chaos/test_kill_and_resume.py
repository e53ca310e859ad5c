"""A run that is killed or interrupted goes on where it stopped: nothing lost, nothing twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from samenet.runs.folder import Store
from samenet.runs.plan import Plan
from samenet.runs.records import JobFinished

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")

RECORDER = Path(__file__).parents[1] / "helpers" / "recorder_adapter.py"
PATIENCE_SECONDS = 120
"""How long to wait for something that must happen; no test asserts how soon it does."""


def until(what: str, happened: Callable[[], object]) -> None:
    """Wait until something has happened."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not happened():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.02)


def start(folder: Path, *, repeats: int, hangs_in: str) -> tuple[subprocess.Popen[str], Path]:
    """Start a run that stops in one job for ever; return it, and the file that says it is there."""
    here = folder.parent / "here"
    fault = {"job": hangs_in, "at": "train", "how": "hang", "here": str(here)}
    environment = {**os.environ, "SAMENET_RECORDER": json.dumps({"faults": [fault]})}
    command = f"run iris --track same --repeats {repeats} --framework".split()
    parent = subprocess.Popen(
        [sys.executable, "-P", "-m", "samenet", *command, str(RECORDER), "--out", str(folder)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    return parent, here


def resume(folder: Path) -> subprocess.CompletedProcess[str]:
    """Go on with a run; the recorder has no fault now."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "samenet", "resume", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )


def finished(folder: Path) -> list[str]:
    """Return the jobs that are recorded as finished, in order, also while a run goes on."""
    store = Store(folder)
    lines = store.records_path.read_bytes() if store.records_path.exists() else b""
    return [
        json.loads(line)["job"]
        for line in lines.splitlines()
        if f'"{JobFinished.name}"'.encode() in line and line.endswith(b"}")
    ]


def gone(pid: int) -> bool:
    """Return whether a process has ended; one that nobody has waited for counts as ended."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


class Killed(NamedTuple):
    """What a killed run left."""

    folder: Path
    worker: int
    done: list[str]
    content: bytes


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Killed:
    """Return a run of three repeats whose parent got SIGKILL while the third was measured."""
    folder = tmp_path_factory.mktemp("killed") / "run"
    parent, here = start(folder, repeats=3, hangs_in="cell~*~r2")
    until("the third repeat", lambda: here.exists() and here.read_text())
    done, content = finished(folder), Store(folder).records_path.read_bytes()
    parent.kill()
    parent.communicate()
    return Killed(folder, int(here.read_text()), done, content)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties a child's life to its parent")
def test_no_worker_outlives_a_killed_parent(killed: Killed) -> None:
    """After `kill -9` of the parent its worker, which would hang for an hour, is gone as well."""
    until("the worker's end", lambda: gone(killed.worker))


def test_a_killed_run_has_every_finished_job_on_the_disk(killed: Killed) -> None:
    """What was finished before the kill is there: data, checks and two whole repeats."""
    assert Counter(job.partition("/")[0] for job in killed.done) == {
        "prepare": 1,
        "parity": 1,
        "certify": 1,
        "cell": 2,
    }


HALF_A_LINE = b'{"schema":1,"kind":"timing","job":"cell/recorder:plain/iris/r2","task":"\xc3'
"""What a kill in the middle of writing leaves: cut within a character."""


def planned(folder: Path) -> Counter[str]:
    """Return every job of a run's plan, once."""
    return Counter(job.id for job in Plan.model_validate(Store(folder).read_json("plan.json")).jobs)


def test_a_killed_run_is_resumed_without_loss_or_repetition(killed: Killed) -> None:
    """`samenet resume` ends with 0, does every planned job exactly once, changes no old byte.

    Only half a line at the end is dropped. Afterwards `samenet verify` finds no mismatch, the page
    included. (A run without half a line is resumed in the next test.)
    """
    folder = killed.folder
    Store(folder).records_path.write_bytes(killed.content + HALF_A_LINE)
    done = resume(folder)
    assert done.returncode == 0, done.stderr
    assert Counter(finished(folder)) == planned(folder)
    assert Store(folder).records_path.read_bytes().startswith(killed.content)
    checked = subprocess.run(
        [sys.executable, "-P", "-m", "samenet", "verify", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.stdout.startswith("0 mismatches"), checked.stdout + checked.stderr


def test_an_interrupted_run_is_kept_and_resumed(tmp_path: Path) -> None:
    """Ctrl-C ends with 130, says that everything is kept and how to go on; going on works.

    The worker, which would hang for an hour, is ended and its job is not recorded; afterwards
    every planned job is, exactly once, and no old byte has changed.
    """
    folder = tmp_path / "run"
    parent, here = start(folder, repeats=1, hangs_in="cell~*~r0")
    until("the first repeat", lambda: here.exists() and here.read_text())
    parent.send_signal(signal.SIGINT)
    _, said = parent.communicate(timeout=PATIENCE_SECONDS)
    assert parent.returncode == 130
    assert f"What was measured is kept: samenet resume {folder}" in said
    assert "Traceback" not in said
    assert gone(int(here.read_text()))
    content, records = Store(folder).records_path.read_bytes(), Store(folder).records()
    assert {r.job for r in records if isinstance(r, JobFinished)} == {
        "prepare/iris/r0",
        "parity/recorder:plain/r0",
        "certify/recorder:plain/iris/r0",
    }
    done = resume(folder)
    assert done.returncode == 0, done.stderr
    assert Counter(finished(folder)) == planned(folder)
    assert Store(folder).records_path.read_bytes().startswith(content)

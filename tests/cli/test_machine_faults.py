"""What the operating system refuses is one sentence with a name, and nothing is lost."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX devices and limits")


@pytest.fixture
def run(finished_run: Path, tmp_path: Path) -> Path:
    """Return a copy of a finished run."""
    return Path(shutil.copytree(finished_run, tmp_path / "run"))


def samenet(
    *arguments: str,
    strike: str = "",
    limit: Callable[[], None] | None = None,
    stdout: int = subprocess.PIPE,
    **environment: str,
) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "samenet", *arguments],
        env={**os.environ, "SAMENET_STRIKE": strike, **environment},
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        preexec_fn=limit,
    )


def assert_one_sentence(done: subprocess.CompletedProcess[str], *parts: str) -> None:
    """The exit code is 6, and the last line holds the parts; there is no traceback."""
    assert done.returncode == 6, done.stderr
    assert "Traceback" not in done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert all(part in last for part in ("samenet: ", *parts)), last


@pytest.mark.parametrize(
    ("point", "blow", "reason"),
    [
        ("write plan.json", "ENOSPC", "No space left on device"),
        ("create plan.json", "EROFS", "Read-only file system"),
        ("rename plan.json", "EACCES", "Permission denied"),
        ("fsync plan.json", "EIO", "Input/output error"),
    ],
)
def test_a_resume_that_cannot_write_says_that_all_is_kept(
    run: Path, point: str, blow: str, reason: str
) -> None:
    """The file, the reason, how to go on; the records are as before, and nothing half-written."""
    before = (run / "records.jsonl").read_bytes()
    done = samenet("resume", str(run), strike=f"{point}:1:{blow}")
    kept = f"What was measured is kept: samenet resume {run}"
    assert_one_sentence(done, f"{run / 'plan.json'}: {reason}.", kept)
    assert (run / "records.jsonl").read_bytes() == before
    assert not list(run.rglob("*.part"))


def test_output_that_cannot_be_written_is_one_sentence() -> None:
    """`samenet list > /dev/full` does not end in a traceback, nor in one of Python's own end."""
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        done = samenet("list", stdout=full)
    finally:
        os.close(full)
    assert_one_sentence(done, "No space left on device")
    assert len(done.stderr.strip().splitlines()) == 1


def test_no_home_and_no_cache_are_no_obstacle(tmp_path: Path) -> None:
    """Where nothing can be remembered, everything is asked again."""
    (tmp_path / "file").touch()
    elsewhere = str(tmp_path / "file" / "home")
    done = samenet("list", "frameworks", HOME=elsewhere, SAMENET_CACHE=elsewhere)
    assert done.returncode in {0, 2}, done.stderr
    assert "Traceback" not in done.stderr


def test_few_file_descriptors_are_enough(run: Path) -> None:
    """A finished run is resumed, its page written and sealed, with 32 descriptors."""
    done = samenet(
        "resume", str(run), limit=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))
    )
    assert done.returncode == 0, done.stderr

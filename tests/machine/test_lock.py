"""One measuring run at a time on a machine, whoever starts it; a killed one leaves no lock."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from samenet.errors import RefusedError
from samenet.machine import clock, lock, paths

HOLD = """
import sys
from samenet.machine import lock
with lock.machine_lock():
    print("held", flush=True)
    sys.stdin.read()
"""


def holder(**environment: str) -> subprocess.Popen[str]:
    """Start a process that holds the lock until it is ended."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", HOLD],
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_another_cache_is_no_way_around_the_lock(tmp_path: Path) -> None:
    """A run with a cache of its own is refused too, with the moment the other one began.

    And a run that was killed, with no chance to clean up, stands in nobody's way.
    """
    second = holder(SAMENET_CACHE=str(tmp_path / "cache of another"))
    try:
        with (
            pytest.raises(RefusedError, match=r"since 20\d\d-.*wait for it to end"),
            lock.machine_lock(),
        ):
            pass
    finally:
        second.kill()
        second.communicate()
    with lock.machine_lock():
        pass


def test_the_place_is_the_same_for_every_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither home, nor cache, nor TMPDIR moves the lock; only SAMENET_LOCK does."""
    monkeypatch.delenv("SAMENET_LOCK")
    usual = paths.lock_path()
    for name in ("HOME", "SAMENET_CACHE", "XDG_CACHE_HOME", "TMPDIR"):
        monkeypatch.setenv(name, "/elsewhere")
    assert paths.lock_path() == usual
    monkeypatch.setenv("SAMENET_LOCK", "/shared/lock")
    assert paths.lock_path() == Path("/shared/lock")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
def test_everybody_may_take_the_lock_in_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both files are writable for all, whatever the umask of the one who came first."""
    path = tmp_path / "lock"
    monkeypatch.setenv("SAMENET_LOCK", str(path))
    before = os.umask(0o077)
    try:
        with lock.machine_lock():
            since = path.with_suffix(".since")
            assert clock.utc()[:4] in since.read_text(encoding="utf-8")
    finally:
        os.umask(before)
    assert {file.stat().st_mode & 0o777 for file in (path, since)} == {0o666}
    assert since.read_text(encoding="utf-8") == ""


AS_NOBODY = """
import fcntl, os
from samenet.machine import lock
os.setgid(65534)
os.setuid(65534)
with lock.machine_lock():
    pass
"""


@pytest.mark.skipif(getattr(os, "geteuid", lambda: 1)() != 0, reason="needs root to be two users")
def test_another_user_s_file_is_no_obstacle(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one who came first made the file; everybody after takes its lock all the same."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o1777)
        monkeypatch.setenv("SAMENET_LOCK", f"{folder}/lock")
        for _ in range(2):
            subprocess.run([sys.executable, "-P", "-c", AS_NOBODY], check=True)
            with lock.machine_lock():
                pass
        assert Path(folder, "lock").stat().st_uid == 65534


def test_a_lock_that_cannot_be_taken_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A place that cannot be written refuses, and says what to set."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("SAMENET_LOCK", str(tmp_path / "file" / "lock"))
    with pytest.raises(RefusedError, match="Let SAMENET_LOCK name a file"), lock.machine_lock():
        pass


def test_an_error_inside_gives_the_lock_back() -> None:
    """Whatever ends a run, Ctrl-C too, the next one may begin."""
    with pytest.raises(KeyboardInterrupt), lock.machine_lock():
        signal.raise_signal(signal.SIGINT)
    with lock.machine_lock():
        pass


POSIX = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")


@POSIX
@pytest.mark.parametrize("sort", ["pipe", "link", "folder"])
def test_what_stands_in_the_lock_s_place_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sort: str
) -> None:
    """A pipe, which would wait for ever, a link and a folder are refused in one sentence."""
    path = tmp_path / "lock"
    monkeypatch.setenv("SAMENET_LOCK", str(path))
    put = {
        "pipe": os.mkfifo,
        "link": lambda at: at.symlink_to(tmp_path / "x"),
        "folder": Path.mkdir,
    }
    put[sort](path)
    with pytest.raises(RefusedError, match=r"The lock .* cannot be taken"), lock.machine_lock():
        pass


@POSIX
@pytest.mark.parametrize("sort", ["pipe", "link", "hard link", "long"])
def test_the_file_for_people_is_written_only_if_it_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sort: str
) -> None:
    """Another's file in its place keeps its content, a pipe stops nobody: the run goes on."""
    victim, since = tmp_path / "victim", tmp_path / "lock.since"
    monkeypatch.setenv("SAMENET_LOCK", str(tmp_path / "lock"))
    victim.write_text("precious", encoding="utf-8")
    if sort == "pipe":
        os.mkfifo(since)
    elif sort == "link":
        since.symlink_to(victim)
    elif sort == "hard link":
        since.hardlink_to(victim)
    else:
        since.write_text("precious " * 100, encoding="utf-8")
    with lock.machine_lock():
        pass
    assert victim.read_text("utf-8") == "precious"
    assert sort != "long" or since.read_text("utf-8") == "precious " * 100


@POSIX
@pytest.mark.parametrize("sort", ["pipe", "long"])
def test_a_refusal_reads_little_of_the_file_for_people(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sort: str
) -> None:
    """What stands there is not waited for and not shown: the refusal only says less."""
    monkeypatch.setenv("SAMENET_LOCK", str(tmp_path / "lock"))
    first = holder()
    try:
        since = tmp_path / "lock.since"
        since.unlink()
        os.mkfifo(since) if sort == "pipe" else since.write_bytes(bytes(10**6))
        with pytest.raises(RefusedError, match="this machine; wait"), lock.machine_lock():
            pass
    finally:
        first.kill()
        first.communicate()

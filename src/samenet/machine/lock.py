"""One measuring run at a time on a machine, whoever starts it and whatever cache it uses.

The lock is the operating system's own, on an open file: it ends with the process that holds it, so
that a killed run leaves no lock behind. A second file, for people only, says since when it is held.

On POSIX systems this is flock(2) itself: the library `filelock` refuses a file that another user
has made, and here everybody takes the same one in turn. The file is empty and is never written.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from samenet.errors import RefusedError
from samenet.machine import clock, paths

MODE_FOR_ALL = 0o666


@contextmanager
def machine_lock() -> Iterator[None]:
    """Hold the machine-wide lock: two runs at once would measure each other.

    Raises RefusedError if another run holds it, or if it cannot be taken at all.
    """
    path = paths.lock_path()
    with _lock(path) as held:
        if not held:
            since = f"Another samenet run is measuring on this machine{_since(path)}"
            raise RefusedError(f"{since}; wait for it to end.")
        _write(_holder(path), clock.utc())
        try:
            yield
        finally:
            _write(_holder(path), "")


@contextmanager
def _lock(path: Path) -> Iterator[bool]:
    """Try to take the lock of a file, and release it at the end; yield whether it was free."""
    if sys.platform == "win32":
        import filelock

        lock = filelock.FileLock(path)
        with suppress(filelock.Timeout):
            lock.acquire(timeout=0)
        yield lock.is_locked
        lock.release()
        return
    import fcntl

    descriptor = _opened(path)
    try:
        free = True
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            free = False
        yield free
    finally:
        os.close(descriptor)  # a worker never inherits it: PEP 446


def _opened(path: Path) -> int:
    """Open the lock's file; if there is none, make one for everybody."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _make(path)
        return os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError as error:
        raise RefusedError(
            f"The lock {path} cannot be taken: {error.strerror}. Let SAMENET_LOCK name a file that "
            "every run on this machine may read."
        ) from None


def _make(path: Path) -> None:
    """Make an empty file that everybody may read and write, unless there is one.

    An existing one is never "created" again: Linux forbids that for another's file in /tmp
    (docs.kernel.org/admin-guide/sysctl/fs.html, protected_regular).
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        path.chmod(MODE_FOR_ALL)


def _holder(path: Path) -> Path:
    return path.with_suffix(".since")


def _since(path: Path) -> str:
    try:
        when = _holder(path).read_text(encoding="utf-8").strip()[:40]
    except (OSError, UnicodeDecodeError):
        return ""
    return f" since {when}" if when else ""


def _write(path: Path, text: str) -> None:
    """Write a file that is for people only: if that fails, a refusal just says less."""
    with suppress(OSError):
        _make(path)
        with path.open("r+", encoding="utf-8") as file:
            file.truncate()
            file.write(text)

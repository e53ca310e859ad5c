"""One measuring run at a time on a machine, whoever starts it and whatever cache it uses.

The lock is the operating system's own, on an open file: it ends with the process that holds it, so
that a killed run leaves no lock behind. A second file, for people only, says since when it is held.

On POSIX systems this is flock(2) itself: the library `filelock` refuses a file that another user
has made, and here everybody takes the same one in turn. The file is empty and is never written.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from samenet.errors import RefusedError
from samenet.machine import clock, files, paths

MODE_FOR_ALL = 0o666

NOTE_BYTES_MAX = 64
"""The file for people holds a moment; a longer one is somebody else's."""

CAREFUL = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
"""How a file is opened in a folder where anyone may have put anything in its place."""


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
        files.strike("write since")
        _write(path, clock.utc())
        try:
            yield
        finally:
            files.strike("clear since")
            _write(path, "")


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
    """Open the lock's file; if there is none, make one for everybody.

    The folder may be anyone's to write in: a link leads elsewhere and a pipe waits for ever, so
    neither is taken.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _make(path)
        descriptor = os.open(path, os.O_RDONLY | CAREFUL)
    except OSError as error:
        raise _refusal(path, error.strerror or str(error)) from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _refusal(path, "It is no plain file")
    return descriptor


def _refusal(path: Path, reason: str) -> RefusedError:
    return RefusedError(
        f"The lock {path} cannot be taken: {reason}. Let SAMENET_LOCK name a file that every run "
        "on this machine may read."
    )


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
    """Return since when the lock is held, as the file for people says; nothing if it is not ours.

    Raises nothing: whatever stands there, a refusal then just says less.
    """
    with suppress(OSError, UnicodeDecodeError), _note(path, os.O_RDONLY) as descriptor:
        when = os.read(descriptor, NOTE_BYTES_MAX).decode().strip()
        return f" since {when}" if when else ""
    return ""


def _write(path: Path, text: str) -> None:
    """Write the file that is for people only: if that fails, a refusal just says less."""
    with suppress(OSError):
        _make(_holder(path))
        with _note(path, os.O_RDWR) as descriptor:
            os.ftruncate(descriptor, 0)
            os.write(descriptor, text.encode())


@contextmanager
def _note(path: Path, how: int) -> Iterator[int]:
    """Open the file for people beside a lock; raises OSError if it may be anything else.

    Through a link of either kind a stranger could have us empty a file of ours, and a file of
    another length is none that a run has written.
    """
    descriptor = os.open(_holder(path), how | CAREFUL)
    try:
        status = os.fstat(descriptor)
        owners = {0, path.lstat().st_uid, *([os.geteuid()] if os.name == "posix" else [])}
        plain = stat.S_ISREG(status.st_mode) and status.st_nlink == 1
        if not plain or status.st_uid not in owners or status.st_size > NOTE_BYTES_MAX:
            raise PermissionError(f"{_holder(path)} is not the file of a lock")
        yield descriptor
    finally:
        os.close(descriptor)

"""One measuring run at a time on a machine, whoever starts it and whatever cache it uses.

The lock is the operating system's own on an open file: it ends with the process that holds it, so
that a killed run leaves no lock behind. A second file, for people only, says since when.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import filelock

from samenet import clock, machine
from samenet.errors import RefusedError

FOR_ALL = 0o666
"""Everybody may take the lock in turn; the file is empty."""


@contextmanager
def alone() -> Iterator[None]:
    """Hold the machine-wide lock: two runs at once would measure each other.

    Raises RefusedError if another run holds it, or if nobody could be kept out.
    """
    path = machine.lock_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(path, timeout=0, mode=FOR_ALL)
        lock.acquire()
    except filelock.Timeout:
        raise RefusedError(
            f"Another samenet run is measuring on this machine{_since(path)}; wait for it to end."
        ) from None
    except OSError as error:
        raise RefusedError(
            f"The lock {path} cannot be taken: {error.strerror}. Let SAMENET_LOCK name a file that "
            "every run on this machine may write."
        ) from None
    try:
        _write(_holder(path), clock.utc())
        yield
    finally:
        _write(_holder(path), "")
        lock.release()


def _holder(path: Path) -> Path:
    return path.with_suffix(".since")


def _since(path: Path) -> str:
    try:
        when = _holder(path).read_text(encoding="utf-8").strip()[:40]
    except (OSError, UnicodeDecodeError):
        return ""
    return f" since {when}" if when else ""


def _write(path: Path, text: str) -> None:
    """Write a file that everybody may write.

    One that exists is opened as it is: Linux lets nobody "create" another's file in /tmp
    (docs.kernel.org/admin-guide/sysctl/fs.html, protected_regular).
    """
    with suppress(OSError):
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
            path.chmod(FOR_ALL)
        with path.open("r+", encoding="utf-8") as file:
            file.truncate()
            file.write(text)

"""One writer at a time in a run folder, on whatever machine and whatever its own lock is.

The lock is the operating system's, on the file of records itself: it ends with the process that
holds it and leaves nothing behind.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from samenet.errors import RefusedError, RunFolderError


@contextmanager
def writing(folder: Path, file: str) -> Iterator[None]:
    """Hold the lock of a folder, which is that of one file in it; the file is made if need be.

    Raises RefusedError if another process holds it, RunFolderError if the file is no plain one or
    may not be written.
    """
    path = folder / file
    descriptor = _opened(path)
    try:
        if not _is_taken(descriptor):
            raise RefusedError(
                f"Another samenet process is writing to {folder}; wait for it to end. Nothing was "
                "changed."
            )
        yield
    finally:
        os.close(descriptor)


def _opened(path: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        descriptor = os.open(path, flags, 0o666)
    except OSError as error:
        if path.is_symlink():
            raise RunFolderError(f"{path} is a link, and samenet writes into no link.") from None
        raise RunFolderError(f"Cannot write to {path}: {error.strerror}.") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise RunFolderError(f"{path} is no plain file, and samenet writes into no other.")
    return descriptor


def _is_taken(descriptor: int) -> bool:
    """Return whether the lock is ours now; it is given back when the file is closed."""
    if sys.platform == "win32":
        return True  # there the lock of the machine must do: a locked file cannot be read
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

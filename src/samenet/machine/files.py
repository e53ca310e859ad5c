"""Writing files as a whole, and only ever our own: no link is followed, nothing is half-written.

A run folder may come from anyone, and its parts may be links that lead elsewhere. So a file is
written beside its place under a new name and then put there: what stood there is replaced, be it a
link, and what a link led to is left alone.
"""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from pathlib import Path
from typing import IO

from samenet.errors import RunFolderError


def make_folder(path: Path) -> None:
    """Make a folder, or take the one that is there; raises RunFolderError if it is a link."""
    if path.is_symlink():
        raise RunFolderError(f"{path} is a link, and samenet writes into no link: remove it.")
    path.mkdir(exist_ok=True)


def write_whole(path: Path, content: bytes | str) -> None:
    """Put a file in its place whole or not at all.

    Raises RunFolderError if its folder is a link, OSError where it cannot be written.
    """
    if path.parent.is_symlink():
        raise RunFolderError(f"{path.parent} is a link, and samenet writes into no link.")
    data = content.encode() if isinstance(content, str) else content
    handle, part = tempfile.mkstemp(prefix=f".{path.name[:40]}.", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(part).chmod(0o666 & ~_umask())
        Path(part).replace(path)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise


def open_new(path: Path) -> IO[str]:
    """Open a new text file in place of whatever stood there."""
    path.unlink(missing_ok=True)
    return path.open("x", encoding="utf-8")


TEXT_BYTES_MAX = 1_000_000
"""Of a file that a person writes by hand: a task, an adapter. Larger ones are something else."""

JSON_BYTES_MAX = 100_000_000
"""Of a file that samenet writes as one JSON document."""


def read_text(path: Path, most: int = TEXT_BYTES_MAX) -> str:
    """Return the UTF-8 text of a file, whose size is looked at before memory is taken.

    Raises OSError for what is no plain file (a pipe would never end) or cannot be read, and
    ValueError for more bytes than `most`, or if they are not UTF-8.
    """
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "it is no plain file")
    if found.st_size > most:
        raise ValueError(f"it has {found.st_size / 1e6:.1f} MB; at most {most / 1e6:g} MB are read")
    return path.read_text(encoding="utf-8")


def _umask() -> int:
    """Return which permissions new files are not given; it can be read only by setting it."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask

"""Reading files of unknown origin: plain files only, through no link, and never without a bound.

A run folder may come from anyone. What stands in the place of a file may be a link to somebody's
keys, a pipe that never ends, or more bytes than there is memory: it is looked at before it is read.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from samenet.errors import RunFolderError

TEXT_BYTES_MAX = 256 * 2**20
"""Of a plan, a page, a seal: the largest page that was ever written has 40 MB."""

LINE_BYTES_MAX = 64 * 2**20
"""Of a record: raw samples of one phase of one process."""

FILE_BYTES_MAX = 64 * 2**30
"""Of prepared rows, raw outputs, or all records of a run."""

BLOCK_BYTES = 2**20


def open_plain(path: Path, bytes_max: int | None = None) -> IO[bytes]:
    """Open a file for reading; a pipe or a device is refused before it could make anyone wait.

    Raises RunFolderError if it is no plain file, a link, or larger than `bytes_max`; OSError where
    there is none or it may not be read.
    """
    flags = os.O_RDONLY
    for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"):
        flags |= getattr(os, name, 0)
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        if path.is_symlink() or error.errno in (errno.ENXIO, errno.ELOOP):
            raise _not_plain(path) from None
        raise
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        os.close(descriptor)
        raise _not_plain(path)
    if bytes_max is not None and found.st_size > bytes_max:
        os.close(descriptor)
        raise RunFolderError(f"{path} is larger than any that samenet writes: it is not read.")
    return os.fdopen(descriptor, "rb")


def read_plain(path: Path, bytes_max: int = TEXT_BYTES_MAX) -> bytes:
    """Return the content of a file; raises as `open_plain` does."""
    with open_plain(path, bytes_max) as file:
        return file.read(bytes_max)


def read_end(path: Path, bytes_most: int) -> bytes:
    """Return the last bytes of a file, nothing if there is none; raises as `open_plain` does."""
    try:
        with open_plain(path) as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - bytes_most))
            return file.read(bytes_most)
    except FileNotFoundError:
        return b""


def read_text(path: Path, bytes_max: int = TEXT_BYTES_MAX) -> str:
    """Return the text of a file; raises RunFolderError if it is no UTF-8, else as `open_plain`."""
    try:
        return read_plain(path, bytes_max).decode()
    except UnicodeDecodeError:
        raise RunFolderError(f"{path} is damaged: it is no UTF-8 text.") from None


def read_lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of a file one by one; one that is too long comes in parts, without end."""
    with open_plain(path, FILE_BYTES_MAX) as file:
        while line := file.readline(LINE_BYTES_MAX):
            yield line


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits; raises as `open_plain` does."""
    state = hashlib.sha256()
    with open_plain(path, FILE_BYTES_MAX) as file:
        while block := file.read(BLOCK_BYTES):
            state.update(block)
    return state.hexdigest()


def check_archive(file: IO[bytes]) -> None:
    """See that an archive of arrays holds no more than its size; raises ValueError if it does.

    samenet does not compress arrays: a small file that unpacks to a large one is none of ours.
    """
    size = os.fstat(file.fileno()).st_size
    with zipfile.ZipFile(file) as archive:
        if sum(part.file_size for part in archive.infolist()) > size:
            raise ValueError("it unpacks to more than its size")
    file.seek(0)


def _not_plain(path: Path) -> RunFolderError:
    return RunFolderError(f"{path} is no plain file: no link, pipe or device is read.")

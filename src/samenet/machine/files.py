"""Writing files as a whole, and only ever our own: no link is followed, nothing is half-written.

A run folder may come from anyone, and its parts may be links that lead elsewhere. So a file is
written beside its place under a new name and then put there: what stood there is replaced, be it a
link, and what a link led to is left alone.

Every write, fsync, rename and removal passes a failure point, at which a test can end the process
or fail the step (see `strike`): what a crash leaves behind is tried, not argued.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import signal
import stat
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path, PurePath
from typing import IO

from samenet.errors import RunFolderError

STRIKE_VARIABLE = "SAMENET_STRIKE"
"""POINT:COUNT:BLOW of tests, such as "rename plan.json:1:SIGKILL" or "write *.jsonl:2:ENOSPC"."""

PART = ".part"
"""How the name of a file ends that is not whole yet."""

NO_LINK = getattr(os, "O_NOFOLLOW", 0)

_passed: dict[str, int] = {}
"""How often this process has passed the failure point that is to be struck."""


def strike(point: str, torn: Callable[[], object] | None = None) -> None:
    """Fail here if a test says so; `torn` does half of what comes next, as a crash within it does.

    Raises the OSError of a blow that is an error's name; a signal's name is sent to this process.
    """
    told = os.environ.get(STRIKE_VARIABLE)
    if not told:
        return
    pattern, count, blow = told.split(":")
    if not fnmatch(point, pattern):
        return
    _passed[pattern] = _passed.get(pattern, 0) + 1
    if _passed[pattern] != int(count):
        return
    if torn:
        torn()
    if blow.startswith("SIG"):
        os.kill(os.getpid(), signal.Signals[blow])
        return
    number = getattr(errno, blow)
    raise OSError(number, os.strerror(number), point.partition(" ")[2])


def make_folder(path: Path) -> None:
    """Make a folder, or take the one that is there; raises RunFolderError if it is a link."""
    if path.is_symlink():
        raise RunFolderError(f"{path} is a link, and samenet writes into no link: remove it.")
    path.mkdir(exist_ok=True)


def write_whole(path: Path, content: bytes | str, *, durable: bool = True) -> None:
    """Put a file in its place whole or not at all, and if `durable` on the disk when this returns.

    Raises RunFolderError if its folder is a link, OSError where it cannot be written.
    """
    if path.parent.is_symlink():
        raise RunFolderError(f"{path.parent} is a link, and samenet writes into no link.")
    data = content.encode() if isinstance(content, str) else content
    part = path.with_name(f".{path.name[:40]}.{secrets.token_hex(4)}{PART}")
    try:
        strike(f"create {path.name}")
        with part.open("xb", buffering=0) as file:
            _write(file, data, path.name, durable=durable)
        strike(f"rename {path.name}")
        part.replace(path)
        strike(f"leave {path.name}")
        if durable:
            _sync_folder(path.parent)
    except BaseException as error:
        part.unlink(missing_ok=True)
        if isinstance(error, OSError):
            error.filename = str(path)  # the name that a person knows
        raise


def append(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Add to a file in one write, which if `durable` is on the disk when this returns.

    Raises OSError where it cannot be written whole: then the file is as long as it was.
    """
    strike(f"open {path.name}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | NO_LINK
    with os.fdopen(os.open(path, flags, 0o666), "ab", buffering=0) as file:
        length = os.fstat(file.fileno()).st_size
        try:
            _write(file, data, path.name, durable=durable)
        except BaseException as error:
            os.ftruncate(file.fileno(), length)
            if isinstance(error, OSError):
                error.filename = str(path)
            raise
    strike(f"leave {path.name}")


def cut(path: Path, length: int) -> None:
    """Take off what follows the first bytes of a file, on the disk when this returns."""
    strike(f"cut {path.name}")
    with os.fdopen(os.open(path, os.O_RDWR | NO_LINK), "r+b", buffering=0) as file:
        file.truncate(length)
        strike(f"fsync {path.name}")
        os.fsync(file.fileno())


def open_new(path: Path) -> IO[str]:
    """Open a new text file in place of whatever stood there."""
    remove(path)
    return path.open("x", encoding="utf-8")


def remove(path: Path) -> None:
    """Remove a file, if it is there."""
    strike(f"remove {path.name}")
    path.unlink(missing_ok=True)


def remove_folder(path: Path) -> None:
    """Remove a folder that only samenet uses, and what is in it; what cannot be is left."""
    strike(f"remove {path.name}")
    shutil.rmtree(path, ignore_errors=True)


def is_part(path: PurePath) -> bool:
    """Return whether a file is called as `write_whole` calls what is not whole yet."""
    return re.fullmatch(rf"\..{{1,40}}\.[0-9a-f]{{8}}\{PART}", path.name) is not None


def remove_parts(folder: Path) -> None:
    """Remove what a killed process has left half-written directly in a folder."""
    for path in folder.glob(f".*{PART}"):
        if is_part(path) and not path.is_dir():
            remove(path)


def _write(file: IO[bytes], data: bytes, name: str, *, durable: bool) -> None:
    """Write all of the data to an unbuffered file; `name` is that of the file to be."""
    strike(f"write {name}", torn=lambda: file.write(data[: len(data) // 2]))
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]  # a disk that fills up takes a part, then none
    if durable:
        strike(f"fsync {name}")
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Have a new name on the disk as well, where the system lets a folder be opened."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in {errno.EINVAL, errno.ENOTSUP}:  # some network file systems
            raise
    finally:
        os.close(descriptor)


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

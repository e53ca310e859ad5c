"""Reading arrays from an NPZ file of unknown origin: no pickles, no more than fits in memory."""

from __future__ import annotations

import struct
import tokenize
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any
from zipfile import BadZipFile, ZipFile

import numpy as np
from numpy.typing import NDArray

from samenet._text import join_names
from samenet.errors import SamenetError, UsageError, explain_unreadable, reading
from samenet.machine import plain_files
from samenet.machine.readings import memory_available_bytes

DAMAGED = (BadZipFile, EOFError, zlib.error, struct.error, RuntimeError, tokenize.TokenError)
"""What zipfile and NumPy raise beside the usual; the last for a header that is half a literal."""

MEMORY_SHARE = 0.5
"""Of the memory that is free: more than this for the arrays of one file leaves no room to work."""

MEMORY_UNKNOWN_BYTES = 4 * 2**30
"""What a file may unpack to where the system does not say how much memory is free."""


def read_arrays(
    path: Path,
    names: Sequence[str],
    kind: type[SamenetError] = UsageError,
    *,
    is_foreign: bool = False,
) -> list[NDArray[Any]]:
    """Return these arrays of an NPZ file.

    What they unpack to is added up before anything is unpacked. Raises `kind`, in one sentence, if
    the file is damaged, lacks one of them or is too large. A file of a run folder `is_foreign`: it
    may come from anyone, and is read through no link.
    """
    available = memory_available_bytes()
    most = MEMORY_UNKNOWN_BYTES if available is None else MEMORY_SHARE * available
    with reading(f"{join_names(names)} from {path}", kind):
        try:
            with _opened(path, is_foreign=is_foreign) as file:
                with ZipFile(file) as parts:
                    unpacked = sum(part.file_size for part in parts.infolist())
                if unpacked > most:
                    raise ValueError(f"they unpack to {unpacked / 1e9:.1f} GB: too large for here")
                file.seek(0)
                with np.load(file, allow_pickle=False, max_header_size=10_000) as stored:
                    return [stored[name] for name in names]
        except DAMAGED as error:
            raise ValueError(explain_unreadable(error)) from None


def _opened(path: Path, *, is_foreign: bool) -> IO[bytes]:
    return (
        plain_files.open_plain(path, plain_files.FILE_BYTES_MAX) if is_foreign else path.open("rb")
    )

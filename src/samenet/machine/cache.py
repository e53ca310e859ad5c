"""What is remembered between runs: descriptions, certificates and durations, as small JSON files.

A damaged or unwritable cache is an empty cache: nothing depends on it but time.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from samenet.errors import UNREADABLE, SamenetError
from samenet.machine import files, paths


def key_of(*parts: object) -> str:
    """Return a file name that depends on every part."""
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


Kept = TypeVar("Kept")


def _unchanged(value: Any) -> Any:
    return value


def get(kind: str, key: str, read: Callable[[Any], Kept] = _unchanged) -> Kept | None:
    """Return what `read` makes of what was stored; None if nothing was, or it is not as expected.

    The folder is one that anything may have written to: `read` checks what it gets, and may raise
    what parsers raise.
    """
    path = paths.cache_folder() / kind / f"{key}.json"
    try:
        return read(json.loads(files.read_text(path, files.JSON_BYTES_MAX)))
    except (*UNREADABLE, SamenetError):
        return None


def put(kind: str, key: str, value: Any) -> None:
    """Store a value; if that is not possible, do nothing: a read-only home is no reason to fail."""
    path = paths.cache_folder() / kind / f"{key}.json"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write_whole(path, json.dumps(value), durable=False)
    except (OSError, SamenetError):
        return


def remove_parts() -> None:
    """Remove what killed processes have left half-written; whose write that ends loses nothing."""
    with suppress(OSError):
        for folder in paths.cache_folder().iterdir():
            files.remove_parts(folder)

"""What is remembered between runs: descriptions, certificates and durations, as small JSON files.

A damaged or unwritable cache is an empty cache: nothing depends on it but time.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from typing import Any

from samenet.errors import RunFolderError
from samenet.machine import files, paths


def key_of(*parts: object) -> str:
    """Return a file name that depends on every part."""
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def get(kind: str, key: str) -> Any | None:
    """Return what was stored, or None."""
    path = paths.cache_folder() / kind / f"{key}.json"
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def put(kind: str, key: str, value: Any) -> None:
    """Store a value; if that is not possible, do nothing: a read-only home is no reason to fail."""
    path = paths.cache_folder() / kind / f"{key}.json"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write_whole(path, json.dumps(value), durable=False)
    except (OSError, RunFolderError):
        return


def remove_parts() -> None:
    """Remove what killed processes have left half-written; whose write that ends loses nothing."""
    with suppress(OSError):
        for folder in paths.cache_folder().iterdir():
            files.remove_parts(folder)

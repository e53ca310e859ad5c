"""The files of a run, held open while it goes on: what a worker removes is put back.

A worker runs code of anybody, which may clean up "its" folder. A file that is open lives on without
its name, so that its content can be written again under it.
"""

from __future__ import annotations

import os
import secrets
import shutil
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from samenet.machine import files, system

NAMES = ("plan.json", "machine.json", "sources.json", "records.jsonl")
PARTS = ("data", "outputs")
HELD_MOST = 256
"""Of a large run the first so many files are held; each takes a file descriptor."""


class HeldFiles:
    """What was measured, and what it takes to go on."""

    def __init__(self, folder: Path) -> None:
        """Hold what is there; on Windows nothing, for an open file cannot be removed there."""
        self.folder = folder
        self._held: dict[Path, int] = {}
        self._lock = threading.Lock()  # two workers may end at once
        self._most = 0 if os.name == "nt" else min(HELD_MOST, system.descriptors_most() // 4)
        self.hold()

    def hold(self) -> None:
        """Hold every file that is new or was written anew, if it can be opened."""
        with self._lock, suppress(OSError):
            for path in self._files():
                if path in self._held and not self._is_held(path):
                    os.close(self._held.pop(path))
                if path not in self._held and len(self._held) < self._most:
                    self._held[path] = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)

    def put_back(self) -> list[str]:
        """Write every file that is gone anew; return their names in the run.

        Raises OSError where that cannot be done.
        """
        with self._lock:
            gone = [path for path in self._held if not os.path.lexists(path)]
            for path in gone:
                for parent in (self.folder, path.parent):
                    parent.mkdir(exist_ok=True)
                self._write(path)
            return sorted(str(path.relative_to(self.folder)) for path in gone)

    def close(self) -> None:
        """Let go of all."""
        with self._lock:
            while self._held:
                os.close(self._held.popitem()[1])

    def _files(self) -> Iterator[Path]:
        """Yield the plain files of the run that are to be kept."""
        yield from (self.folder / name for name in NAMES if (self.folder / name).is_file())
        for part in PARTS:
            if (self.folder / part).is_dir():
                for path in (self.folder / part).iterdir():
                    if path.is_file() and not files.is_part(path):  # which is renamed, not removed
                        yield path

    def _is_held(self, path: Path) -> bool:
        """Return whether what has this name is the file that is held."""
        return os.path.samestat(path.lstat(), os.fstat(self._held[path]))

    def _write(self, path: Path) -> None:
        """Copy what is held to its name, and hold that."""
        part = path.with_name(f".{path.name[:40]}.{secrets.token_hex(4)}{files.PART}")
        with os.fdopen(self._held.pop(path), "rb") as source, part.open("wb") as target:
            source.seek(0)
            shutil.copyfileobj(source, target)
        part.replace(path)
        self._held[path] = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)

"""Where samenet keeps its cache, its lock and its runs."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path


def cache_folder() -> Path:
    """Return the folder that keeps certificates, descriptions and durations between runs."""
    chosen = os.environ.get("SAMENET_CACHE")
    if chosen:
        return Path(chosen)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "samenet"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "samenet"
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "samenet"


def lock_path() -> Path:
    """Return the file whose lock every measuring run on this machine takes.

    It is the same for all users, whatever their TMPDIR; containers that share processors can share
    a folder and name a file in it.
    """
    chosen = os.environ.get("SAMENET_LOCK")
    if chosen:
        return Path(chosen)
    if sys.platform == "win32":
        return Path(os.environ.get("PROGRAMDATA", "C:/ProgramData")) / "samenet" / "measuring.lock"
    return Path("/tmp/samenet-measuring.lock")  # noqa: S108 - the same for everyone is the point


def runs_folder() -> Path:
    """Return the folder of runs, unless another is named."""
    return Path("runs")


def free_bytes(folder: Path) -> int:
    """Return the free space where a folder is or will be."""
    existing = folder.absolute()
    while not existing.exists():
        existing = existing.parent
    return shutil.disk_usage(existing).free

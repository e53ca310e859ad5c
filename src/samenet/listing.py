"""What the page quotes from adapter files: the loop's source, and the pages of a quick start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from samenet import leaf
from samenet.errors import UsageError
from samenet.leaf import Leaf
from samenet.plan import Arm

GONE = "The adapter’s file is not where it was when this run was made."
CHANGED = "The adapter has been changed since this run; this is its present text."


def source(arm: Arm) -> tuple[str, str]:
    """Return the adapter's text and what must be said about it, "" if it is as it was."""
    path = Path(arm.path)
    try:
        text = path.read_text(encoding="utf-8")
        same = leaf.digest(Leaf(path=path, header=arm.header)) == arm.digest
    except (OSError, UnicodeDecodeError):
        return "", GONE
    return text, "" if same else CHANGED


def pages(arm: Arm, kind: str) -> dict[str, str]:
    """Return what the quick start of a kind of task says about itself; empty if it says nothing."""
    path = Leaf(path=Path(arm.path), header=arm.header).quickstart_path
    try:
        said: Any = leaf.literal(path, "PAGES") if path else None
    except UsageError:
        return {}
    own = said.get(kind) if isinstance(said, dict) else None
    return {str(key): str(value) for key, value in own.items()} if isinstance(own, dict) else {}

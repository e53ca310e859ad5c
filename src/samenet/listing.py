"""What the page quotes from adapter files: the loop's source, and the pages of a quick start."""

from __future__ import annotations

import ast
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
    leaf_file = Leaf(path=Path(arm.path), header=arm.header)
    try:
        text = _file_of(leaf_file.path, arm.mode).read_text(encoding="utf-8")
        same = leaf.digest(leaf_file) == arm.digest
    except (OSError, UnicodeDecodeError):
        return "", GONE
    return text, "" if same else CHANGED


def _file_of(path: Path, mode: str) -> Path:
    """Return the file of a mode: the adapter's own, or the one beside it named after the mode."""
    beside = path.with_name(f"{path.stem.partition('_')[0]}_{mode.replace('-', '_')}.py")
    return beside if beside.exists() else path


def loop(text: str) -> str:
    """Return the classes of a file that have a method `train`; the whole file if there is none."""
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return text
    lines = text.splitlines()
    found = [
        "\n".join(lines[node.lineno - 1 : node.end_lineno])
        for node in tree.body
        if isinstance(node, ast.ClassDef) and "train" in {getattr(n, "name", "") for n in node.body}
    ]
    return "\n\n\n".join(found) or text


def pages(arm: Arm, kind: str) -> dict[str, str]:
    """Return what the quick start of a kind of task says about itself; empty if it says nothing."""
    path = Leaf(path=Path(arm.path), header=arm.header).quickstart_path
    try:
        said: Any = leaf.literal(path, "PAGES") if path else None
    except UsageError:
        return {}
    own = said.get(kind) if isinstance(said, dict) else None
    return {str(key): str(value) for key, value in own.items()} if isinstance(own, dict) else {}

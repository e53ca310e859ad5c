"""What the page quotes from adapter files: the loop's source, and the pages of a quick start."""

from __future__ import annotations

import ast
import io
import tokenize
from pathlib import Path
from typing import Any

from samenet.adapter import discovery, source_files
from samenet.adapter.discovery import Leaf
from samenet.errors import UsageError
from samenet.runs.plan import Arm

GONE = "The adapter’s file is not where it was when this run was made."
CHANGED = "The adapter has been changed since this run; this is its present text."


def source(arm: Arm) -> tuple[str, str]:
    """Return the adapter's text and what must be said about it, "" if it is as it was."""
    leaf_file = Leaf(path=Path(arm.path), header=arm.header)
    try:
        text = _file_of(leaf_file.path, arm.mode).read_text(encoding="utf-8")
        same = discovery.digest(leaf_file) == arm.digest
    except (OSError, UnicodeDecodeError):
        return "", GONE
    return text, "" if same else CHANGED


def _file_of(path: Path, mode: str) -> Path:
    """Return the file of a mode: the adapter's own, or the one beside it named after the mode."""
    beside = path.with_name(f"mode_{mode.replace('-', '_')}.py")
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


def quickstart_lines(leaf_file: Leaf) -> int:
    """Return the lines of code of the quick start, helpers included; 0 if there is none.

    A beginner writes all of it: the file and every file that it imports, directly or through
    another one, from its own folder.
    """
    path = leaf_file.quickstart_path
    try:
        files = source_files.beside(path) if path else ()
        return sum(code_lines(each.read_text(encoding="utf-8")) for each in files)
    except (OSError, SyntaxError, UnicodeDecodeError):
        return 0


def code_lines(text: str) -> int:
    """Return the lines that hold code: no comments, no docstrings, no empty ones, no PAGES."""
    tree = ast.parse(text)
    quoted = {line for node in ast.walk(tree) for line in _said(node)}
    kept = tokenize.generate_tokens(io.StringIO(text).readline)
    lines = {
        line
        for token in kept
        if token.type not in NO_CODE
        for line in range(token.start[0], token.end[0] + 1)
    }
    return len(lines - quoted)


NO_CODE = {
    *(tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.ENCODING),
    *(tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER),
}


def _said(node: ast.AST) -> range:
    """Return the lines of a docstring or of the literal that quotes the followed pages."""
    text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    named = isinstance(node, ast.Assign) and "PAGES" in {getattr(t, "id", "") for t in node.targets}
    if isinstance(node, ast.Expr | ast.Assign) and (text or named):
        return range(node.lineno, (node.end_lineno or node.lineno) + 1)
    return range(0)


def predicting(arm: Arm) -> dict[str, dict[str, str]]:
    """Return what a framework's ways to predict say about themselves; empty without any."""
    path = Leaf(path=Path(arm.path), header=arm.header).predictors_path
    try:
        said: Any = discovery.literal(path, "PREDICT") if path else None
    except UsageError:
        return {}
    return dict(said) if isinstance(said, dict) else {}


def pages(arm: Arm, kind: str) -> dict[str, str]:
    """Return what the quick start of a kind of task says about itself; empty if it says nothing."""
    path = Leaf(path=Path(arm.path), header=arm.header).quickstart_path
    try:
        said: Any = discovery.literal(path, "PAGES") if path else None
    except UsageError:
        return {}
    own = said.get(kind) if isinstance(said, dict) else None
    return {str(key): str(value) for key, value in own.items()} if isinstance(own, dict) else {}

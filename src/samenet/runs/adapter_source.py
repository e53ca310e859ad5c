"""What the page quotes from adapter files: the loop's source, and a quick start's sources."""

from __future__ import annotations

import ast
import io
import tokenize
from pathlib import Path
from typing import Any

from samenet.adapter import discovery, source_files
from samenet.adapter.discovery import AdapterFile
from samenet.errors import UsageError
from samenet.runs.plan import Arm

FILE_GONE = "The adapter’s file is not where it was when this run was made."
FILE_CHANGED = "The adapter has been changed since this run; this is its present text."


def read_source(arm: Arm) -> tuple[str, str]:
    """Return the adapter's text and a note, which is "" if the file is unchanged."""
    leaf_file = AdapterFile(path=Path(arm.path), header=arm.header)
    try:
        # A mode may have a file of its own beside the adapter's.
        mode_file = leaf_file.path.with_name(f"mode_{arm.mode.replace('-', '_')}.py")
        path = mode_file if mode_file.exists() else leaf_file.path
        text = path.read_text(encoding="utf-8")
        same = discovery.digest(leaf_file) == arm.digest
    except (OSError, UnicodeDecodeError):
        return "", FILE_GONE
    return text, "" if same else FILE_CHANGED


def extract_loop(text: str) -> str:
    """Return the classes of a file that have a method `train`; the whole file if there is none."""
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return text
    lines = text.splitlines()
    classes = [
        "\n".join(lines[node.lineno - 1 : node.end_lineno])
        for node in tree.body
        if isinstance(node, ast.ClassDef) and "train" in {getattr(n, "name", "") for n in node.body}
    ]
    return "\n\n\n".join(classes) or text


def count_quickstart_lines(leaf_file: AdapterFile) -> int:
    """Return the lines of code of the quick start, helpers included; 0 if there is none.

    A beginner writes all of it: the file and every file that it imports, directly or through
    another one, from its own folder.
    """
    path = leaf_file.quickstart_path
    try:
        files = source_files.beside(path) if path else ()
        return sum(count_code_lines(each.read_text(encoding="utf-8")) for each in files)
    except (OSError, SyntaxError, UnicodeDecodeError):
        return 0


def count_code_lines(text: str) -> int:
    """Return the number of lines with code: no comments, docstrings, empty lines or PAGES."""
    tree = ast.parse(text)
    quoted = {line for node in ast.walk(tree) for line in _quoted_lines(node)}
    lines = {
        line
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type not in NOT_CODE
        for line in range(token.start[0], token.end[0] + 1)
    }
    return len(lines - quoted)


NOT_CODE = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.ENCODING,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}


def _quoted_lines(node: ast.AST) -> range:
    """Return the lines of a docstring, or of the literal PAGES; none for any other node."""
    if isinstance(node, ast.Expr):
        quoted = isinstance(node.value, ast.Constant)
    elif isinstance(node, ast.Assign):
        quoted = "PAGES" in {getattr(target, "id", "") for target in node.targets}
    else:
        return range(0)
    return range(node.lineno, (node.end_lineno or node.lineno) + 1) if quoted else range(0)


def read_predictors(arm: Arm) -> dict[str, dict[str, str]]:
    """Return the descriptions of a framework's predictors; empty if it has none."""
    path = AdapterFile(path=Path(arm.path), header=arm.header).predictors_path
    try:
        literal: Any = discovery.read_literal(path, "PREDICT") if path else None
    except UsageError:
        return {}
    return dict(literal) if isinstance(literal, dict) else {}


def read_pages(arm: Arm, kind: str) -> dict[str, str]:
    """Return where the quick start of a kind of task comes from; empty if it does not say."""
    path = AdapterFile(path=Path(arm.path), header=arm.header).quickstart_path
    try:
        literal: Any = discovery.read_literal(path, "PAGES") if path else None
    except UsageError:
        return {}
    page = literal.get(kind) if isinstance(literal, dict) else None
    return {str(key): str(value) for key, value in page.items()} if isinstance(page, dict) else {}

"""What the page quotes from adapter files: the loop's source, and a quick start's sources.

The texts are kept with the run when it is measured, under the digest that the plan holds, and are
read from there alone: a path in a run folder, which may be a stranger's, is never followed.
"""

from __future__ import annotations

import ast
import hashlib
import io
import os
import tokenize
from collections.abc import Iterable
from functools import cache
from pathlib import Path, PurePath
from typing import Any

from samenet.adapter import discovery, source_files
from samenet.adapter.discovery import AdapterFile
from samenet.errors import UsageError
from samenet.runs.plan import Arm

NOT_KEPT = "The adapter’s text was not kept when this run was made."

Sources = dict[str, dict[str, str]]
"""By an adapter's digest the texts of its files, each by its path beside the adapter's own."""


def collect_sources(arms: Iterable[Arm]) -> Sources:
    """Return the texts of the adapters that are to be timed, to be kept with what is measured."""
    sources: Sources = {}
    for arm in arms:
        texts = _texts_of(AdapterFile(path=Path(arm.path), header=arm.header))
        if _digest(texts) == arm.digest:
            sources[arm.digest] = texts
    return sources


def check_sources(found: Any) -> Sources:
    """Return the texts that have the digests they are kept under; whatever else is left out.

    No file is read: who made the run folder has no say in what is quoted but these texts.
    """
    kept: Sources = {}
    for digest, texts in found.items() if isinstance(found, dict) else ():
        if isinstance(texts, dict) and all(isinstance(text, str) for text in texts.values()):
            kept |= {digest: texts} if _digest(texts) == digest else {}
    return kept


def read_source(arm: Arm, sources: Sources) -> tuple[str, str]:
    """Return the text of an adapter's mode and a note, which is "" if there is a text."""
    texts = _kept(arm, sources)
    # A mode may have a file of its own beside the adapter's.
    for name in (f"mode_{arm.mode.replace('-', '_')}.py", PurePath(arm.path).name):
        if name in texts:
            return texts[name].encode(errors="replace").decode(), ""
    return "", NOT_KEPT


def quote_predictors(arm: Arm, sources: Sources) -> dict[str, dict[str, str]]:
    """Return the descriptions of a framework's predictors as they were; empty if it has none."""
    literal = _read_literal(_kept(arm, sources).get(arm.header.predictors or "", ""), "PREDICT")
    return {
        str(name): {str(key): str(value) for key, value in way.items()}
        for name, way in literal.items()
        if isinstance(way, dict)
    }


def quote_pages(arm: Arm, kind: str, sources: Sources) -> dict[str, str]:
    """Return where the quick start of a kind of task came from; empty if it does not say."""
    literal = _read_literal(_kept(arm, sources).get(arm.header.quickstart or "", ""), "PAGES")
    page = literal.get(kind)
    return {str(key): str(value) for key, value in page.items()} if isinstance(page, dict) else {}


def _kept(arm: Arm, sources: Sources) -> dict[str, str]:
    """Return the texts of an adapter's files: those kept, or those of samenet's own if unchanged.

    Runs of before texts were kept rest on the latter. Where the plan says that the adapter is plays
    no part: it is a path in a file that may be a stranger's.
    """
    if arm.digest in sources:
        return sources[arm.digest]
    texts = _shipped_texts(arm.header.name)
    return texts if _digest(texts) == arm.digest else {}


@cache
def _shipped_texts(name: str) -> dict[str, str]:
    shipped = discovery.shipped_adapters().get(name)
    return _texts_of(shipped) if shipped else {}


def _texts_of(leaf_file: AdapterFile) -> dict[str, str]:
    """Return the texts of all files that `discovery.digest` is about; empty if one is gone."""
    core = source_files.core_folder()
    try:
        return {
            Path(os.path.relpath(path, leaf_file.path.parent)).as_posix(): path.read_bytes().decode(
                errors="surrogateescape"
            )
            for path in source_files.import_closure(discovery.own_files(leaf_file))
            if core not in path.parents
        }
    except (OSError, ValueError):
        return {}


def _digest(texts: dict[str, str]) -> str:
    """Return the digest of files with these texts, as `source_files.digest_of` gives it."""
    contents = sorted(text.encode(errors="surrogateescape") for text in texts.values())
    return hashlib.sha256(b"".join(contents)).hexdigest()


def _read_literal(text: str, name: str) -> dict[Any, Any]:
    """Return the dictionary that a text assigns to a name, without running it; empty if none."""
    try:
        for node in ast.parse(text).body:
            targets = node.targets if isinstance(node, ast.Assign) else []
            if any(isinstance(target, ast.Name) and target.id == name for target in targets):
                found = ast.literal_eval(node.value)  # type: ignore[attr-defined]
                return found if isinstance(found, dict) else {}
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
        pass
    return {}


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


def read_pages(arm: Arm, kind: str) -> dict[str, str]:
    """Return where the quick start of `Task.example` comes from; empty if it does not say."""
    path = AdapterFile(path=Path(arm.path), header=arm.header).quickstart_path
    try:
        literal: Any = discovery.read_literal(path, "PAGES") if path else None
    except UsageError:
        return {}
    page = literal.get(kind) if isinstance(literal, dict) else None
    return {str(key): str(value) for key, value in page.items()} if isinstance(page, dict) else {}

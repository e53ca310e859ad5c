"""The product's source, parsed: what rules about its shape are asked of."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
CORE = ROOT / "src" / "samenet"
LEAVES = ("adapters", "tasks", "reports")

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Source(NamedTuple):
    """A parsed file; `name` is its path from the root, with slashes."""

    name: str
    lines: int
    tree: ast.Module

    def __repr__(self) -> str:
        """Return the name: a failing test is not to print the file."""
        return self.name


@cache
def source(path: Path) -> Source:
    text = path.read_text(encoding="utf-8")
    return Source(path.relative_to(ROOT).as_posix(), len(text.splitlines()), ast.parse(text))


def sources(*folders: Path | str) -> list[Source]:
    return [source(p) for folder in folders for p in sorted((ROOT / folder).rglob("*.py"))]


def product() -> list[Source]:
    """Return everything a rule about style holds for."""
    return sources(CORE, *LEAVES, "scripts")


def imports(tree: ast.AST) -> Iterator[str]:
    """Yield the dotted name of everything imported, at the top or inside functions.

    `from a import b` yields 'a.b', because b may be a module.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def dotted(node: ast.AST) -> str:
    """Return 'a.b.c' for an attribute chain, or '' for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        base = dotted(node.value)
        return f"{base}.{node.attr}" if base else ""
    return ""


def uses(tree: ast.AST) -> Iterator[str]:
    """Yield every attribute chain that is written down."""
    yield from (dotted(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute))


def calls(tree: ast.AST) -> Iterator[str]:
    """Yield the dotted name of every function that is called."""
    yield from (dotted(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call))


def top(name: str) -> str:
    return name.partition(".")[0]


def functions(tree: ast.AST) -> Iterator[Function]:
    yield from (n for n in ast.walk(tree) if isinstance(n, Function))

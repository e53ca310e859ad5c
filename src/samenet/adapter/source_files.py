"""Which files a program is made of, found by following its imports without running anything.

An adapter, a certificate and a description are remembered under the content of these files, so that
a changed line anywhere in them is seen, and a new or moved file needs no list to be kept.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path


def shipped_folder() -> Path:
    """Return the folder of the adapters that come with samenet."""
    return Path(str(files("samenet.adapters")))


def core_folder() -> Path:
    """Return the folder of samenet's own packages."""
    return Path(__file__).resolve().parents[1]


def core_file(module: str) -> Path:
    """Return the file of one of samenet's modules, e.g. 'samenet.worker.certify'."""
    return core_folder().joinpath(*module.split(".")[1:]).with_suffix(".py")


def digest_of(paths: Iterable[Path]) -> str:
    """Return one SHA-256 of the content of files, wherever they are and in whatever order."""
    return hashlib.sha256(b"".join(sorted(path.read_bytes() for path in paths))).hexdigest()


def package_files(*packages: str) -> set[Path]:
    """Return every file of some of samenet's packages, e.g. ('certificate', 'spec')."""
    return {file for name in packages for file in (core_folder() / name).rglob("*.py")}


def imported_names(path: Path) -> Iterator[str]:
    """Yield the dotted name of everything a file imports, at the top or inside functions.

    `from a import b` yields 'a.b', because b may be a module; relative names begin with a dot. A
    file that cannot be parsed imports nothing: that it is broken is seen when it is loaded.
    """
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, UnicodeDecodeError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield from (f"{module}.{alias.name}" for alias in node.names)


def import_closure(start: Iterable[Path]) -> set[Path]:
    """Return these files and all that they import of samenet or from beside themselves, in turn.

    Of a shipped adapter's folder the whole counts: its modes are loaded by name. An imported
    module's packages count too, since importing it runs their `__init__`.
    """
    shipped = shipped_folder()
    reached: set[Path] = set()
    waiting = list(start)
    while waiting:
        path = waiting.pop()
        if path in reached or not path.is_file():
            continue
        reached.add(path)
        waiting += _imported_files(path, shipped)
        if shipped in path.parents and path.parent != shipped:
            folder = shipped / path.relative_to(shipped).parts[0]
            waiting += folder.rglob("*.py")
    return reached


def beside(start: Path) -> set[Path]:
    """Return this file and those that it imports, in turn, from its own folder.

    An `__init__` that an import runs on the way counts only if it lies below that folder.
    """
    shipped = shipped_folder()
    reached: set[Path] = set()
    waiting = [start]
    while waiting:
        path = waiting.pop()
        if path not in reached:
            reached.add(path)
            imported = _imported_files(path, shipped)
            waiting += [each for each in imported if start.parent in each.parents]
    return reached - {start.parent / "__init__.py"}


def _imported_files(path: Path, shipped: Path) -> Iterator[Path]:
    for name in _names(path, path.stat().st_mtime_ns):
        top, _, rest = name.partition(".")
        if top == "samenet":
            leaf = rest == "adapters" or rest.startswith("adapters.")
            inside = rest.removeprefix("adapters").removeprefix(".") if leaf else rest
            yield from _module_files(shipped if leaf else core_folder(), inside)
        else:
            yield from _module_files(path.parent, name.lstrip("."))


def _module_files(folder: Path, name: str) -> Iterator[Path]:
    """Yield the files that importing a name from below a folder runs; the rest is an attribute."""
    for part in name.split("."):
        if (folder / f"{part}.py").is_file():
            yield folder / f"{part}.py"
            return
        folder = folder / part
        if not (folder / "__init__.py").is_file():
            return
        yield folder / "__init__.py"


@cache
def _names(path: Path, changed_ns: int) -> tuple[str, ...]:
    """Return what a file imports, parsed once for each time it was changed."""
    del changed_ns
    return tuple(imported_names(path))

"""Adapter files: found by their header, read without running them, executed only in workers."""

from __future__ import annotations

import ast
import hashlib
import importlib
import importlib.util
import re
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType

from samenet._text import shorten
from samenet.adapter import source_files
from samenet.adapter.api import Header
from samenet.errors import UsageError, reading, unknown_name
from samenet.machine.files import read_text
from samenet.spec.network import family_of
from samenet.spec.parsing import parse


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterFile:
    """One adapter file and what its header says."""

    path: Path
    header: Header

    def arm(self, mode: str) -> str:
        """Return the name of a mode in tables and records, e.g. 'pytorch:eager'."""
        return f"{self.header.name}:{mode}"

    @property
    def default_modes(self) -> list[str]:
        """Return the modes that run unless others are asked for."""
        chosen = [name for name, mode in self.header.modes.items() if mode.default]
        return chosen or list(self.header.modes)[:1]

    def modes_for(self, kinds: Collection[str]) -> list[str]:
        """Return the modes that run for a network of these kinds of layers.

        They are the best for its family, or the default; a mode that has fewer kinds makes way for
        the first that has them all.
        """
        modes, family = self.header.modes, family_of(kinds)
        best = [name for name, mode in modes.items() if family in mode.best_for]
        chosen = best or self.default_modes
        able = [
            name for name in modes if not modes[name].layers or {*kinds} <= {*modes[name].layers}
        ]
        return [name for name in chosen if name in able] or able[:1] or chosen

    @property
    def quickstart_path(self) -> Path | None:
        """Return the file with the documented first example."""
        return self.path.parent / self.header.quickstart if self.header.quickstart else None

    @property
    def predictors_path(self) -> Path | None:
        """Return the file with the usual and the fast way to predict."""
        return self.path.parent / self.header.predictors if self.header.predictors else None


def shipped_adapters() -> dict[str, AdapterFile]:
    """Return the shipped adapters by name; a file without a header is a helper of one."""
    return dict(_leaves(source_files.shipped_folder()))


def included_adapters() -> dict[str, AdapterFile]:
    """Return the shipped adapters that need nothing beside samenet, in their order."""
    return {name: leaf for name, leaf in shipped_adapters().items() if not leaf.header.extra}


def known_headers(own: Header | None = None) -> list[Header]:
    """Return the headers whose facts about libraries hold for an adapter: the shipped, its own.

    What a shipped adapter says of its library holds for everyone who uses the library: a loop of
    yours for a framework that samenet has, or Keras on top of it, need not say it again.
    """
    return [*(leaf.header for leaf in shipped_adapters().values()), *([own] if own else [])]


COMPILE_SECONDS = 1.0
"""Of a compiler that no header knows, and of a framework that decides by itself."""


def compile_seconds(header: Header, mode: str) -> float:
    """Return a first guess of how long a mode compiles one training step."""
    known = {"none": 0.0}
    for each in known_headers(header):
        known |= each.compile_seconds
    return known.get(header.modes[mode].compiler, COMPILE_SECONDS)


@cache
def _leaves(folder: Path) -> dict[str, AdapterFile]:
    """Read a folder once: parsing all files takes a tenth of a second, and many ask for them."""
    leaves = [read(p) for p in sorted(folder.glob("*/adapter*.py")) if read_literal(p, "ADAPTER")]
    leaves.sort(key=lambda leaf: (leaf.header.order, leaf.header.name))
    return {leaf.header.name: leaf for leaf in leaves}


def read(path: Path) -> AdapterFile:
    """Return the adapter of a file; raises UsageError if it has no readable header."""
    values = read_literal(path, "ADAPTER")
    if values is None:
        raise UsageError(
            f"{path} is not an adapter: it has no line ADAPTER = {{...}} of plain data."
        )
    return AdapterFile(path=path, header=parse(Header, values, where=f"{path.name}, ADAPTER"))


def read_literal(path: Path, name: str) -> object | None:
    """Return the value of `name = <literal>` at the top level of a file, without running it."""
    with reading(f"the adapter {shorten(str(path))}"):
        tree = ast.parse(read_text(path))
        for node in tree.body:
            targets = node.targets if isinstance(node, ast.Assign) else []
            if any(isinstance(target, ast.Name) and target.id == name for target in targets):
                return _evaluate(node, path)
    return None


def _evaluate(node: ast.stmt, path: Path) -> object:
    try:
        return ast.literal_eval(node.value)  # type: ignore[attr-defined]
    except (ValueError, TypeError, MemoryError, RecursionError):
        raise UsageError(f"{path}, line {node.lineno}: this must be plain data.") from None


def choose(
    wanted: Sequence[str], networks: Sequence[Collection[str]] = (("dense",),)
) -> list[tuple[AdapterFile, str]]:
    """Return (adapter, mode) for names like 'pytorch', 'pytorch:compiled', 'mine.py' or 'all'.

    Without a mode a framework runs as is best for each of the networks, given as the kinds of their
    layers. Nothing wanted means the usual frameworks; 'all' means every shipped one in every mode.
    Raises UsageError for an unknown name, with the nearest one as a suggestion.
    """
    pairs = [pair for text in wanted or _usual() for pair in _named(text, networks)]
    distinct = list(dict.fromkeys((leaf.path, mode) for leaf, mode in pairs))
    found = {(leaf.path, mode): (leaf, mode) for leaf, mode in pairs}
    _refuse_same_names([found[key] for key in distinct])
    return [found[key] for key in distinct]


ALL_MODES = "all"


def _usual() -> list[str]:
    return [name for name, leaf in shipped_adapters().items() if leaf.header.default]


def modes_asked_for(wanted: Sequence[str]) -> set[str]:
    """Return the arms that were asked for by their mode: they run whatever the network."""
    found: set[str] = set()
    for text in wanted:
        if text == ALL_MODES:
            shipped = shipped_adapters().values()
            found |= {leaf.arm(mode) for leaf in shipped for mode in leaf.header.modes}
        else:
            leaf, mode = find(text)
            found |= {leaf.arm(mode)} if mode else set()
    return found


def _named(text: str, networks: Sequence[Collection[str]]) -> list[tuple[AdapterFile, str]]:
    """Return what one name stands for."""
    if text == ALL_MODES:
        return [(leaf, mode) for leaf in shipped_adapters().values() for mode in leaf.header.modes]
    leaf, mode = find(text)
    modes = [mode] if mode else [m for kinds in networks for m in leaf.modes_for(kinds)]
    return [(leaf, m) for m in dict.fromkeys(modes)]


FILE = re.compile(r"(?P<path>.+\.py)(:(?P<mode>[^:/\\]+))?")
"""An adapter file, perhaps with one of its modes, as it is written on the command line."""


def find(text: str) -> tuple[AdapterFile, str]:
    """Return the adapter of a name or a file, and the mode that is named with it or nothing."""
    file = FILE.fullmatch(text)
    if file:
        leaf, mode = read(Path(file["path"]).absolute()), file["mode"] or ""
    else:
        name, _, mode = text.partition(":")
        leaves = shipped_adapters()
        if name not in leaves:
            raise unknown_name("framework", name, leaves)
        leaf = leaves[name]
    if mode and mode not in leaf.header.modes:
        raise unknown_name(f"mode of {leaf.header.name}", mode, leaf.header.modes)
    return leaf, mode


def _refuse_same_names(pairs: Sequence[tuple[AdapterFile, str]]) -> None:
    seen: dict[str, Path] = {}
    for leaf, _ in pairs:
        other = seen.setdefault(leaf.header.name, leaf.path)
        if other != leaf.path:
            raise UsageError(
                f"{leaf.path.name} and {other.name} are both called '{leaf.header.name}'; "
                f"change ADAPTER['name'] in {leaf.path.name}."
            )


def load(path: Path) -> ModuleType:
    """Run an adapter file as a module. Only workers call this.

    A shipped file is imported under its own name. Any other gets a name that tells it from files of
    the same name in other folders, and claims none that a library could have.
    """
    shipped = source_files.shipped_folder()
    if shipped in path.parents:
        inside = path.relative_to(shipped).with_suffix("").parts
        return importlib.import_module(".".join(("samenet.adapters", *inside)))
    place = hashlib.sha256(str(path.absolute()).encode()).hexdigest()[:8]
    name = f"samenet_leaf_{path.stem}_{place}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"Cannot load {path}.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def own_files(leaf: AdapterFile) -> list[Path]:
    """Return the files that make up the adapter itself, without what it uses of others.

    Of a shipped one that is its folder; else its file, those its header names, and what these
    import from beside them.
    """
    shipped = source_files.shipped_folder()
    if shipped in leaf.path.parents:
        return sorted(leaf.path.parent.rglob("*.py"))
    named = (leaf.path, leaf.quickstart_path, leaf.predictors_path)
    every = source_files.import_closure(path for path in named if path is not None)
    core = source_files.core_folder()
    return sorted(p for p in every if not {shipped, core} & {*p.parents})


def digest(leaf: AdapterFile) -> str:
    """Return a hash of all files an adapter is made of but for samenet's core.

    An adapter may be built on the parts of a shipped one: then those count too.
    """
    every = source_files.import_closure(own_files(leaf))
    core = source_files.core_folder()
    return source_files.digest_of(path for path in every if core not in path.parents)


def code_digest() -> str:
    """Return a hash of samenet's own code that a worker may run, shipped adapters included."""
    workers = source_files.import_closure(source_files.package_files("worker"))
    return source_files.digest_of({*workers, *source_files.shipped_folder().rglob("*.py")})

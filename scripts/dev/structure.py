"""Draw the house from the code's own imports: `python scripts/dev/structure.py [ROOT] [--json]`.

Nothing is imported or run: every file is parsed, and every import in it is an arrow, those inside
functions and those for type checkers included. A *package* is what stands directly below the
namespace `samenet`, a folder or a single file; `adapters/`, `tasks/` and `reports/` count as
`samenet.adapters` and so on. Needs the standard library only.
"""

from __future__ import annotations

import argparse
import ast
import json
import statistics
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
NAMESPACE = "samenet"
LEAVES = ("adapters", "tasks", "reports")
FACE = "(the namespace)"
"""How `samenet/__init__.py` is called beside the packages."""

ABOVE_ALL = frozenset({FACE, "__main__"})
"""What has no layer and needs none: it is what a user imports or starts."""

NAMED_MOST = 12
"""So many packages without a declared place are named; of more only the number is told."""

LAYERS = (
    "cli",
    "selftest | api",
    "reports",
    "experiments",
    "report",
    "advice | execution",
    "analysis | worker",
    "runs | certificate | tasks | adapters",
    "adapter",
    "spec",
    "machine | stats",
    "errors : _text : _console : _random : _version",
)
"""Used where pyproject.toml holds no contract of layers yet: the order of DESIGN.md, section 3,
from the top down. As in import-linter, those on one line do not import each other (`|`), or may
(`:`)."""

Graph = dict[str, set[str]]
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Module:
    """One file: its dotted name, what is written in it, and the modules that it imports."""

    name: str
    is_package: bool
    lines: int
    functions: tuple[int, ...]
    """Lines of each function, without its decorators and its docstring."""
    imports: frozenset[str]
    lazy: frozenset[str]
    """What only the `__getattr__` of a package imports, when a name is asked for."""

    @property
    def package(self) -> str:
        """Return what stands directly below the namespace."""
        return package_of(self.name)


def package_of(module: str) -> str:
    """Return the first part of a module's name below the namespace."""
    return module.removeprefix(NAMESPACE).lstrip(".").partition(".")[0] or FACE


# From files to modules.


def files_of(root: Path) -> dict[str, Path]:
    """Return every file of the product by its dotted name."""
    folders = {NAMESPACE: root / "src" / NAMESPACE}
    folders |= {f"{NAMESPACE}.{leaf}": root / leaf for leaf in LEAVES}
    return {
        dotted(prefix, path.relative_to(folder)): path
        for prefix, folder in folders.items()
        for path in sorted(folder.rglob("*.py"))
    }


def dotted(prefix: str, path: Path) -> str:
    """Return the module's name of a path below a package: that of the folder for `__init__.py`."""
    parts = path.with_suffix("").parts
    return ".".join((prefix, *(parts[:-1] if parts[-1] == "__init__" else parts)))


def read(root: Path) -> dict[str, Module]:
    """Parse the product and return its modules by name; raises SystemExit if there is none."""
    files = files_of(root)
    if not files:
        raise SystemExit(f"structure: {root} holds no src/{NAMESPACE}")
    return {name: module(name, path, set(files)) for name, path in files.items()}


def module(name: str, path: Path, known: set[str]) -> Module:
    """Parse one file."""
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text, filename=str(path))
    is_package = path.name == "__init__.py"
    everything = Counter(imported(tree, name, known))
    faces = [node for node in tree.body if is_package and is_face(node)]
    lazy = Counter(target for node in faces for target in imported(node, name, known))
    return Module(
        name=name,
        is_package=is_package,
        lines=len(text.splitlines()),
        functions=tuple(length(node) for node in ast.walk(tree) if isinstance(node, Function)),
        imports=frozenset(everything - lazy),
        lazy=frozenset(lazy) - frozenset(everything - lazy),
    )


def is_face(node: ast.stmt) -> bool:
    """Return whether a statement is the function that a package's unknown names are asked of."""
    return isinstance(node, Function) and node.name == "__getattr__"


def imported(tree: ast.AST, name: str, known: set[str]) -> Iterator[str]:
    """Yield the modules of the product that are imported anywhere below a node."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            asked = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            asked = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue  # relative imports are banned by ruff
        for text in asked:
            target = nearest(text, known)
            if target and target != name:
                yield target


def nearest(text: str, known: set[str]) -> str:
    """Return the module that holds a name: `samenet.spec` for `samenet.spec.Network`."""
    while text and text not in known:
        text = text.rpartition(".")[0]
    return text


def length(function: Function) -> int:
    """Return the lines of a function without decorators and docstring."""
    first = function.body[0]
    documented = ast.get_docstring(function, clean=False) is not None
    doc = (first.end_lineno or first.lineno) - first.lineno + 1 if documented else 0
    return (function.end_lineno or function.lineno) - function.lineno + 1 - doc


# From modules to a drawing.


def circles(graph: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """Return the groups of nodes that reach each other, the largest first."""
    groups = (group for group in components(graph) if len(group) > 1)
    return sorted((sorted(group) for group in groups), key=lambda group: (-len(group), group))


def components(graph: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """Return the strongly connected components, those that are imported before their importers.

    Tarjan's algorithm (SIAM Journal on Computing 1, 1972) with a stack of its own: a chain of
    imports may be longer than Python lets functions call each other.
    """
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    waiting: set[str] = set()
    complete: list[list[str]] = []
    for start in sorted(graph):
        if start in index:
            continue
        work = [(start, iter(sorted(graph[start])))]
        while work:
            node, rest = work[-1]
            if node not in index:
                index[node] = low[node] = len(index)
                stack.append(node)
                waiting.add(node)
            following = next(rest, None)
            if following is not None:
                if following not in index:
                    work.append((following, iter(sorted(graph.get(following, ())))))
                elif following in waiting:
                    low[node] = min(low[node], index[following])
                continue
            work.pop()
            if work:
                above = work[-1][0]
                low[above] = min(low[above], low[node])
            if low[node] == index[node]:  # nothing before it is reached: a component is complete
                cut = stack.index(node)
                complete.append(stack[cut:])
                waiting -= set(stack[cut:])
                del stack[cut:]
    return complete


def floors(graph: Graph) -> int:
    """Return the nodes on the longest way down, every circle taken for one node."""
    groups = components(graph)
    group_of = {node: place for place, group in enumerate(groups) for node in group}
    height: dict[int, int] = {}
    for place, group in enumerate(groups):  # what is imported comes first
        below = {group_of[other] for node in group for other in graph[node]} - {place}
        height[place] = 1 + max((height[other] for other in below), default=0)
    return max(height.values(), default=0)


def packages(modules: Iterable[Module], *, lazy: bool = False) -> Graph:
    """Return which package imports which."""
    graph: Graph = {}
    for each in modules:
        targets = each.imports | (each.lazy if lazy else frozenset())
        graph.setdefault(each.package, set()).update(map(package_of, targets))
    return {name: targets - {name} for name, targets in graph.items()}


@dataclass(frozen=True, slots=True)
class Order:
    """The declared direction: on which layer a package stands, counted from the bottom."""

    layer: dict[str, int]
    related: frozenset[int]
    """Layers whose packages may import each other."""

    def allows(self, source: str, target: str) -> bool:
        """Return whether an arrow goes down, or concerns a package without a declared place."""
        if source not in self.layer or target not in self.layer or source == target:
            return True
        above, below = self.layer[source], self.layer[target]
        return above > below or (above == below and above in self.related)


def order(layers: Sequence[str]) -> Order:
    """Return the order of layers written as import-linter writes them, from the top down."""
    heights: dict[str, int] = {}
    related: set[int] = set()
    for height, line in enumerate(reversed(layers)):
        names = line.replace("|", " ").replace(":", " ").split()
        heights |= {package_of(name.strip("()")): height for name in names}
        related |= {height} if ":" in line else set()
    return Order(heights, frozenset(related))


def declared(root: Path) -> tuple[str, ...]:
    """Return the layers of the first contract of layers in pyproject.toml, or LAYERS."""
    path = root / "pyproject.toml"
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    contracts = tomllib.loads(text).get("tool", {}).get("importlinter", {}).get("contracts", [])
    layers = [contract["layers"] for contract in contracts if contract.get("type") == "layers"]
    return tuple(layers[0]) if layers else LAYERS


def against(modules: Iterable[Module], layers: Order) -> list[str]:
    """Return every import from one file to another that goes against the declared direction."""
    return sorted(
        f"{each.name} -> {target}"
        for each in modules
        for target in each.imports
        if not layers.allows(each.package, package_of(target))
    )


def drawn(root: Path) -> dict[str, Any]:
    """Return everything there is to say, as JSON-able values."""
    modules = read(root)
    everything = list(modules.values())
    graph, layers = packages(everything), order(declared(root))
    files: Graph = {each.name: set(each.imports) for each in everything}
    faces: Graph = {each.name: set(each.imports | each.lazy) for each in everything}
    strict = circles(files)
    lengths = [lines for each in everything for lines in each.functions]
    return {
        "files": len(everything),
        "lines": sum(each.lines for each in everything),
        "functions": {"number": len(lengths), **spread(lengths)},
        "packages": {name: described(name, everything) for name in sorted(graph)},
        "arrows": sum(map(len, graph.values())),
        "floors": floors(graph),
        "package_circles": circles(graph),
        "without_a_declared_place": sorted(set(graph) - set(layers.layer) - ABOVE_ALL),
        "against_the_direction": against(everything, layers),
        "file_arrows": sum(map(len, files.values())),
        "file_floors": floors(files),
        "file_circles": strict,
        "file_circles_with_lazy_faces": [c for c in circles(faces) if c not in strict],
        "lazy_faces": {each.name: sorted(each.lazy) for each in everything if each.lazy},
    }


def described(name: str, modules: Iterable[Module]) -> dict[str, Any]:
    """Return files, lines and lengths of functions of one package."""
    own = [each for each in modules if each.package == name]
    lengths = [lines for each in own for lines in each.functions]
    size = {"files": len(own), "lines": sum(each.lines for each in own)}
    return {**size, "functions": {"number": len(lengths), **spread(lengths)}}


def spread(lengths: Sequence[int]) -> dict[str, float]:
    """Return mean, median and ninth tenth of some lengths; nothing of none."""
    if not lengths:
        return {}
    tenths = statistics.quantiles(lengths, n=10) if len(lengths) > 1 else [lengths[0]]
    middle = statistics.median(lengths)
    return {"mean": round(statistics.fmean(lengths), 1), "median": middle, "p90": tenths[-1]}


# From a drawing to a text.


def text(drawing: Mapping[str, Any]) -> str:
    """Return the drawing for a reader."""
    against_it, nowhere = drawing["against_the_direction"], drawing["without_a_declared_place"]
    of_files, lazily = drawing["file_circles"], drawing["file_circles_with_lazy_faces"]
    between = (
        f"{len(drawing['packages'])} packages on {drawing['floors']} floors, "
        f"{drawing['arrows']} arrows between them, {len(drawing['package_circles'])} circles"
    )
    of_file = (
        f"between files: {drawing['file_arrows']} arrows on {drawing['file_floors']} floors, "
        f"{len(of_files)} circles, {len(lazily)} more through lazy faces"
    )
    unplaced = f" ({len(nowhere)} packages have no declared place)" if nowhere else ""
    lines = [
        f"{drawing['files']} files, {drawing['lines']} lines; {in_words(drawing['functions'])}",
        between,
        of_file,
        f"against the declared direction: {len(against_it)}{unplaced}",
        *listed("against", against_it),
        *listed("without a declared place", nowhere if len(nowhere) <= NAMED_MOST else ()),
        *listed("circles of packages", map(", ".join, drawing["package_circles"])),
        *listed("circles of files", map(", ".join, of_files)),
        *listed("more through lazy faces", map(", ".join, lazily)),
        *listed("lazy faces", (f"{a} -> {', '.join(b)}" for a, b in drawing["lazy_faces"].items())),
        "",
        f"{'package':<20}{'files':>7}{'lines':>8}  functions",
        *(
            f"{name:<20}{each['files']:>7}{each['lines']:>8}  {in_words(each['functions'])}"
            for name, each in drawing["packages"].items()
        ),
    ]
    return "\n".join(lines)


def listed(title: str, items: Iterable[str]) -> list[str]:
    """Return a title and its items, or nothing."""
    items = list(items)
    return ["", f"{title}:", *(f"  {item}" for item in items)] if items else []


def in_words(functions: Mapping[str, float]) -> str:
    """Return number and lengths of functions."""
    if not functions["number"]:
        return "no functions"
    return (
        f"{functions['number']} functions, mean {functions['mean']}, "
        f"median {functions['median']:g}, p90 {functions['p90']:g} lines"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw a tree; the exit code is 4 where something stands against the declared direction."""
    parser = argparse.ArgumentParser(
        description="Draw packages, arrows, floors and circles from the code's own imports.",
        epilog="Exit codes: 0, or 4 where an import goes against the declared direction or in a "
        "circle. The direction is the first contract of layers in ROOT/pyproject.toml.",
    )
    parser.add_argument("root", nargs="?", type=Path, default=ROOT, metavar="ROOT")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    chosen = parser.parse_args(arguments)
    drawing = drawn(chosen.root)
    print(json.dumps(drawing, indent=1) if chosen.json else text(drawing))
    return 4 if drawing["against_the_direction"] or drawing["file_circles"] else 0


if __name__ == "__main__":
    sys.exit(main())

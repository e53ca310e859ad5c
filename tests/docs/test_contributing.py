"""What CONTRIBUTING.md and the glossary of the code name exists: files, tests, contracts, words."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from pathlib import Path

import pytest
from source_tree import CORE, LEAVES, ROOT, functions, sources

TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
GLOSSARY = (ROOT / "docs" / "glossary-code.md").read_text(encoding="utf-8")
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"][
    "importlinter"
]["contracts"]
CODE = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", TEXT, flags=re.DOTALL))


def is_path(text: str) -> bool:
    """Return whether a piece of code is a path of the repository, without a place to fill in."""
    root = text.partition("/")[0]
    known = root in {*LEAVES, "src", "scripts", "tests", "docs"}
    return known and "/" in text and not re.search(r"[<>* ]", text)


def test_every_path_exists() -> None:
    """A file or folder that the page sends a reader to is there."""
    paths = {text for text in CODE if is_path(text)}
    assert len(paths) > 30
    assert [path for path in sorted(paths) if not (ROOT / path).exists()] == []


def test_every_link_leads_somewhere() -> None:
    """A link to a page of the repository has its page."""
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", TEXT)
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_test_that_keeps_a_rule_exists() -> None:
    """A test named for a rule is defined in some file of tests."""
    named = {text for text in CODE if re.fullmatch(r"test_\w+", text)}
    there = {f.name for file in sources("tests") for f in functions(file.tree)}
    assert len(named) > 10
    assert sorted(named - there) == []


def test_every_contract_is_named_and_no_other() -> None:
    """The table of rules and pyproject.toml hold the same import contracts."""
    rows = [row for row in TEXT.splitlines() if row.startswith("|") and "contract" in row]
    ids = {contract["id"] for contract in CONTRACTS}
    named = {text for row in rows for text in re.findall(r"`([a-z ]+)`", row.split("|")[2])}
    assert named == ids


def test_the_packages_are_those_of_the_layers() -> None:
    """The table of packages lists every layer of the contract, from the top down."""
    (layers,) = (contract["layers"] for contract in CONTRACTS if contract["id"] == "direction")
    wanted = [set(re.findall(r"\w+", layer)) for layer in layers[:-1]]
    table = TEXT.partition("## Where things are")[2].partition("## Rules")[0]
    rows = re.findall(r"^\| `(\w+)` \|", table, flags=re.MULTILINE)
    for layer in wanted:
        assert set(rows[: len(layer)]) == layer
        rows = rows[len(layer) :]
    assert rows == []


def allowed_by_contracts() -> dict[str, set[str]]:
    """Return what each package may import: the layers below it, but for what contracts forbid."""
    (written,) = (contract["layers"] for contract in CONTRACTS if contract["id"] == "direction")
    layers = [re.findall(r"\w+", layer) for layer in written[:-1]]
    forbidden = [contract for contract in CONTRACTS if contract["type"] == "forbidden"]
    found = {}
    for place, layer in enumerate(layers):
        below = {package for lower in layers[place + 1 :] for package in lower}
        for package in layer:
            denied = {
                module.removeprefix("samenet.")
                for contract in forbidden
                if f"samenet.{package}" in contract["source_modules"]
                for module in contract["forbidden_modules"]
            }
            found[package] = below - denied
    return found


def test_what_a_package_may_import_is_what_the_contracts_say() -> None:
    """The column of the table is derived from the contracts: no package more, none less."""
    table = TEXT.partition("## Where things are")[2].partition("## Rules")[0]
    cells = re.findall(r"^\| `(\w+)` \| [^|]* \| ([^|]*) \|$", table, flags=re.MULTILINE)
    names, said = [name for name, _ in cells], {}
    (written,) = (contract["layers"] for contract in CONTRACTS if contract["id"] == "direction")
    level = {name: i for i, layer in enumerate(written) for name in re.findall(r"\w+", layer)}
    for name, cell in cells:
        below = {other for other in names if level[other] > level[name]}
        assert re.match(r"all below|nothing", cell), name
        said[name] = below - set(re.findall(r"`(\w+)`", cell))
        assert (cell == "nothing") == (not below), name
    assert said == allowed_by_contracts()


@pytest.mark.parametrize("word", sorted(set(re.findall(r"`(samenet\.[\w.]+)`", GLOSSARY))))
def test_the_glossary_names_modules(word: str) -> None:
    """A word of the code is found in the module that the glossary names."""
    assert importlib.util.find_spec(word) is not None


def test_every_package_says_what_it_may_import() -> None:
    """The docstring of each package of the core names packages that there are."""
    packages = {path.name for path in CORE.iterdir() if (path / "__init__.py").exists()}
    for name in sorted(packages):
        text = Path(CORE, name, "__init__.py").read_text(encoding="utf-8")
        allowed = re.search(r"May import: ([^.]*)\.", text)
        assert allowed, name
        if not allowed[1].startswith(("nothing", "everything")):
            named = " ".join(allowed[1].split()).partition(", in the layers")[0]
            named = named.replace("and the small files beside the packages", "")
            words = set(re.findall(r"[a-z]+", named.partition(";")[0]))
            assert words - {"and", "scikit", "learn", "samenet", "tasks"} <= packages, name

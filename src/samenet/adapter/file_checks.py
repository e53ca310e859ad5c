"""What can be said of an adapter's file without running it: one function per item of the contract.

Each returns what was found instead of the expected, or an empty text.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import cache
from importlib import metadata
from typing import get_args

from samenet.adapter import discovery, source_files
from samenet.adapter.api import Capabilities
from samenet.adapter.discovery import Leaf
from samenet.machine import system
from samenet.spec.network import ActivationName
from samenet.spec.parsing import TAGS
from samenet.spec.training import LossName

SHARED = {"numpy", "threadpoolctl"}
"""Libraries any adapter may use beside those that its header names."""

NETWORK = {
    *("socket", "ssl", "http", "ftplib", "smtplib", "xmlrpc", "socketserver"),
    *("requests", "httpx", "aiohttp", "urllib3", "websockets", "pooch", "fsspec"),
}


def defended(found: Leaf) -> str:
    """Every mode has a reason and a public source."""
    wrong = undefended(found)
    return f"missing in {', '.join(wrong)}" if wrong else ""


def undefended(found: Leaf, only: str = "") -> list[str]:
    """Return what is missing in which mode, e.g. "fast: source"; `only` names one of them."""
    return [
        f"{name}: {what}"
        for name, mode in found.header.modes.items()
        if name == only or not only
        for what, there in (
            ("why", bool(mode.why.strip())),
            ("source", mode.source.startswith(("https://", "http://"))),
        )
        if not there
    ]


def named(found: Leaf) -> str:
    """No file of the adapter shadows a library."""
    taken = sys.stdlib_module_names | set(_distributions()) | set(found.header.imports)
    shadowing = sorted(file.name for file in discovery.own_files(found) if file.stem in taken)
    return f"{', '.join(shadowing)} is also the name of a library" if shadowing else ""


def own_imports(found: Leaf) -> str:
    """The core, its own libraries, and helpers of the same framework."""
    foreign = sorted({name for name in imports(found) if not _is_own(name, found)})
    return f"it imports {', '.join(foreign)}" if foreign else ""


def _is_own(name: str, found: Leaf) -> bool:
    top = name.partition(".")[0]
    if top == "samenet":
        return _core_or_family(name, found)
    listed = {_plain(name) for each in _family(found) for name in each.header.distributions}
    own = {each.partition(".")[0] for each in found.header.imports}
    installed_by = {_plain(each) for each in _distributions().get(top, ())}
    known = SHARED | own | sys.stdlib_module_names
    return top in known or _plain(top) in listed or bool(installed_by & listed)


def _family(found: Leaf) -> list[Leaf]:
    """Return the adapter and the shipped ones of the same framework: Keras has three backends."""
    framework = found.header.distributions[:1]
    others = discovery.shipped().values()
    return [found, *(each for each in others if each.header.distributions[:1] == framework)]


def _core_or_family(name: str, found: Leaf) -> bool:
    """Return whether this is the core, or a shipped file of the same framework.

    Which shipped adapters are built on another one is for samenet's own tests to say.
    """
    _, _, rest = name.partition(".")
    if rest.partition(".")[0] in ("tasks", "reports"):
        return False
    if rest.partition(".")[0] != "adapters" or source_files.shipped_folder() in found.path.parents:
        return True
    family = rest.removeprefix("adapters.").partition(".")[0]
    frameworks = {
        each.header.distributions[0]
        for each in discovery.shipped().values()
        if each.path.parent.name == family and each.header.distributions
    }
    return bool(frameworks & set(found.header.distributions[:1]))


@cache
def _distributions() -> dict[str, list[str]]:
    return dict(metadata.packages_distributions())


def _plain(name: str) -> str:
    return name.lower().replace("-", "_").replace(".", "_")


def no_network(found: Leaf) -> str:
    """Nothing that reaches the network is imported."""
    names = sorted(
        name
        for name in set(imports(found))
        if name.partition(".")[0] in NETWORK or name.startswith("urllib.request")
    )
    return f"it imports {', '.join(names)}" if names else ""


def environment(found: Leaf) -> str:
    """No variable is set that samenet sets by itself."""
    by_samenet = set(system.COMMON_VARIABLES)
    own = found.header.variables
    doubled = by_samenet & own.names(own.groups)
    for each in discovery.headers(found.header):
        by_samenet |= each.variables.names(("threads", "cpu", "cuda"))
    doubled |= by_samenet & set(found.header.environment)
    return f"it sets {', '.join(sorted(doubled))}" if doubled else ""


def imports(found: Leaf) -> Iterator[str]:
    """Yield the dotted name of everything that the adapter's files import, wherever it stands."""
    for file in discovery.own_files(found):
        yield from source_files.imported_names(file)


CHECKS: dict[str, Callable[[Leaf], str]] = {
    check.__name__: check for check in (defended, named, own_imports, no_network, environment)
}


def capabilities(offered: Capabilities) -> str:
    """Return what is wrong with what an adapter says it offers."""
    known: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
        "devices": (offered.devices, ("cpu", "cuda")),
        "dtypes": (offered.dtypes, ("float32", "float64")),
        "activations": (offered.activations, get_args(ActivationName)),
        "losses": (offered.losses, get_args(LossName)),
        "optimizers": (offered.optimizers, TAGS),
    }
    empty = [f"no {name}" for name, (there, _) in known.items() if not there]
    strange = [
        f"{name} that samenet does not know: {', '.join(sorted(set(there) - set(names)))}"
        for name, (there, names) in known.items()
        if set(there) - set(names)
    ]
    return "; ".join(empty + strange)

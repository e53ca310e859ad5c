"""What can be said of an adapter's file without running it: one function per item of the contract.

Each returns what was found instead of the expected, or an empty text.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import cache
from importlib import metadata
from typing import get_args
from urllib.parse import urlsplit

from samenet.adapter import discovery, source_files
from samenet.adapter.api import Capabilities
from samenet.adapter.discovery import AdapterFile
from samenet.machine import distributions, system
from samenet.machine.devices import DEVICES
from samenet.spec.layers import ActivationName
from samenet.spec.training import OPTIMIZERS, LossName

SHARED = {"numpy", "threadpoolctl"}
"""Libraries any adapter may use beside those that its header names."""

NETWORK = {
    *("socket", "ssl", "http", "ftplib", "smtplib", "xmlrpc", "socketserver"),
    *("requests", "httpx", "aiohttp", "urllib3", "websockets", "pooch", "fsspec"),
}


def defended(found: AdapterFile) -> str:
    """Every mode has a reason and a public source."""
    wrong = missing_defences(found)
    return f"missing in {', '.join(wrong)}" if wrong else ""


def missing_defences(found: AdapterFile, only: str = "") -> list[str]:
    """Return what is missing in which mode, e.g. "fast: source"; `only` names one of them.

    To be run and shown, an address must be public; what `unrecommended` asks for besides
    counts where a loop is to take the place of ours.
    """
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


PAPERS = ("arxiv.org", "doi.org")
"""Where a loop may be recommended beside the sites of the libraries that it is written in."""

MANY_OWNERS = ("github.com", "gitlab.com", "bitbucket.org", "codeberg.org")
"""Hosts whose pages belong to whom the first part of the path names."""


def unrecommended(found: AdapterFile, mode: str) -> str:
    """Return why the address of a mode does not defend it, or an empty text.

    It must lead to a paper, to the site or repository that an installed package of the adapter
    names as its own, or to a site that a shipped adapter of the same framework quotes.
    """
    source = found.header.modes[mode].source
    allowed = {*PAPERS, *_sites(found)}
    if site_of(source) in allowed:
        return ""
    return (
        f"{mode}: {source} is neither a paper nor a page of {', '.join(sorted(_packages(found)))}"
    )


def site_of(address: str) -> str:
    """Return whose a page is: 'pytorch.org' of docs.pytorch.org, 'github.com/ada' of hers there."""
    parts = urlsplit(address)
    host = (parts.hostname or "").removeprefix("www.")
    if parts.scheme not in ("https", "http") or "." not in host:
        return ""
    owner = parts.path.strip("/").partition("/")[0].lower()
    if host in MANY_OWNERS:
        return f"{host}/{owner}" if owner else ""
    labels = host.split(".")
    own = 3 if labels[-2:] in (["github", "io"], ["readthedocs", "io"]) else 2
    return ".".join(labels[-own:])


def _packages(found: AdapterFile) -> set[str]:
    return {name for each in found.header.distributions for name in each.split("|")}


def _sites(found: AdapterFile) -> set[str]:
    """Return the sites of the packages and those that shipped adapters of the framework quote."""
    shipped = discovery.shipped_adapters().values()
    quoted = [
        mode.source
        for leaf in shipped
        if leaf.header.distributions[:1] == found.header.distributions[:1]
        for mode in leaf.header.modes.values()
    ]
    addresses = [*quoted, *(url for name in _packages(found) for url in distributions.urls(name))]
    return {site_of(each) for each in addresses} - {""}


def named(found: AdapterFile) -> str:
    """No file of the adapter shadows a library."""
    taken = sys.stdlib_module_names | set(_distributions()) | set(found.header.imports)
    shadowing = sorted(file.name for file in discovery.own_files(found) if file.stem in taken)
    return f"{', '.join(shadowing)} is also the name of a library" if shadowing else ""


def own_imports(found: AdapterFile) -> str:
    """The core, its own libraries, and helpers of the same framework."""
    foreign = sorted({name for name in imports(found) if not _is_own(name, found)})
    return f"it imports {', '.join(foreign)}" if foreign else ""


def _is_own(name: str, found: AdapterFile) -> bool:
    top = name.partition(".")[0]
    if top == "samenet":
        return _core_or_family(name, found)
    listed = {_plain(name) for each in _family(found) for name in each.header.distributions}
    listed |= {_plain(name) for name in found.header.quickstart_distributions}
    own = {each.partition(".")[0] for each in found.header.imports}
    installed_by = {_plain(each) for each in _distributions().get(top, ())}
    known = SHARED | own | sys.stdlib_module_names
    return top in known or _plain(top) in listed or bool(installed_by & listed)


def _family(found: AdapterFile) -> list[AdapterFile]:
    """Return the adapter and the shipped ones of the same framework: Keras has three backends."""
    framework = found.header.distributions[:1]
    others = discovery.shipped_adapters().values()
    return [found, *(each for each in others if each.header.distributions[:1] == framework)]


def _core_or_family(name: str, found: AdapterFile) -> bool:
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
        for each in discovery.shipped_adapters().values()
        if each.path.parent.name == family and each.header.distributions
    }
    return bool(frameworks & set(found.header.distributions[:1]))


@cache
def _distributions() -> dict[str, list[str]]:
    return dict(metadata.packages_distributions())


def _plain(name: str) -> str:
    return name.lower().replace("-", "_").replace(".", "_")


def no_network(found: AdapterFile) -> str:
    """Nothing that reaches the network is imported."""
    names = sorted(
        name
        for name in set(imports(found))
        if name.partition(".")[0] in NETWORK or name.startswith("urllib.request")
    )
    return f"it imports {', '.join(names)}" if names else ""


def environment(found: AdapterFile) -> str:
    """No variable is set that samenet sets by itself."""
    by_samenet = set(system.COMMON_VARIABLES)
    own = found.header.variables
    doubled = by_samenet & own.names(own.groups)
    for each in discovery.known_headers(found.header):
        by_samenet |= each.variables.names(("threads", *DEVICES))
    doubled |= by_samenet & set(found.header.environment)
    return f"it sets {', '.join(sorted(doubled))}" if doubled else ""


def imports(found: AdapterFile) -> Iterator[str]:
    """Yield the dotted name of everything that the adapter's files import, wherever it stands."""
    for file in discovery.own_files(found):
        yield from source_files.imported_names(file)


CHECKS: dict[str, Callable[[AdapterFile], str]] = {
    check.__name__: check for check in (defended, named, own_imports, no_network, environment)
}


def capabilities(offered: Capabilities) -> str:
    """Return what is wrong with what an adapter says it offers."""
    known: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
        "devices": (offered.devices, tuple(DEVICES)),
        "dtypes": (offered.dtypes, ("float32", "float64")),
        "activations": (offered.activations, get_args(ActivationName)),
        "losses": (offered.losses, get_args(LossName)),
        "optimizers": (offered.optimizers, tuple(OPTIMIZERS)),
    }
    empty = [f"no {name}" for name, (there, _) in known.items() if not there]
    strange = [
        f"{name} that samenet does not know: {', '.join(sorted(set(there) - set(names)))}"
        for name, (there, names) in known.items()
        if set(there) - set(names)
    ]
    return "; ".join(empty + strange)

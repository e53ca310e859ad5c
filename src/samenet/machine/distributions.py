"""Which distributions are installed, in which version, and what they take."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import metadata

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

Wanted = tuple[str, str]
"""A distribution and one of its extras, or ""."""


def closure(distributions: Iterable[str]) -> tuple[str, ...]:
    """Return these distributions and all that they require here, directly or not, sorted.

    Markers decide as pip's do (https://packaging.python.org/en/latest/specifications/
    dependency-specifiers/); what is required but not installed is left out.
    """
    waiting: list[Wanted] = [(name, "") for name in distributions]
    seen: set[Wanted] = set()
    while waiting:
        name, extra = waiting.pop()
        one = canonicalize_name(name), extra
        if one not in seen and _found(name) is not None:
            seen.add(one)
            waiting += _required(name, extra)
    return tuple(sorted({name for name, _ in seen}))


def size_bytes(distributions: Iterable[str]) -> int:
    """Return the size of all files of these distributions, compiled Python files included."""
    return sum(_size(name) for name in distributions)


def _found(name: str) -> metadata.Distribution | None:
    try:
        return metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return None


def _required(name: str, extra: str) -> list[Wanted]:
    found = [Requirement(text) for text in metadata.requires(name) or ()]
    kept = [r for r in found if r.marker is None or r.marker.evaluate({"extra": extra})]
    return [(r.name, each) for r in kept for each in ("", *r.extras)]


def _size(name: str) -> int:
    places = [file.locate() for file in metadata.files(name) or ()]
    return sum(place.stat().st_size for place in places if place.is_file())  # type: ignore[attr-defined]


def installed(distribution: str) -> tuple[str, str] | None:
    """Return name and version of an installed distribution, or of the first there is of 'a|b'."""
    for name in distribution.split("|"):
        try:
            return name, metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return None


def version(distribution: str) -> str | None:
    """Return the installed version of a distribution, or None."""
    found = installed(distribution)
    return found[1] if found else None


def urls(distribution: str) -> tuple[str, ...]:
    """Return the pages that an installed distribution names as its own; none of any other."""
    found = _found(distribution)
    if found is None:
        return ()
    labelled = found.metadata.get_all("Project-URL") or []
    pairs = [text.partition(",") for text in labelled]
    pages = [page.strip() for label, _, page in pairs if label.strip().lower() != "download"]
    return (*(found.metadata.get_all("Home-page") or []), *pages)

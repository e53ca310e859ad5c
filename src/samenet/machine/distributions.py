"""Which distributions are installed, in which version, and how large they are."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

DistributionExtra = tuple[str, str]
"""A distribution and one of its extras, or ""."""


def find_required(distributions: Iterable[str]) -> tuple[str, ...]:
    """Return these distributions and all that they require here, directly or not, sorted.

    Markers decide as pip's do (https://packaging.python.org/en/latest/specifications/
    dependency-specifiers/); what is required but not installed is left out.
    """
    waiting: list[DistributionExtra] = [(name, "") for name in distributions]
    seen: set[DistributionExtra] = set()
    while waiting:
        name, extra = waiting.pop()
        requirement = (canonicalize_name(name), extra)
        if requirement not in seen and _is_installed(name):
            seen.add(requirement)
            waiting += _required(name, extra)
    return tuple(sorted({name for name, _ in seen}))


def size_bytes(distributions: Iterable[str]) -> int:
    """Return the size of all files of these distributions, compiled Python files included."""
    size = 0
    for name in distributions:
        for file in metadata.files(name) or ():
            path = Path(str(file.locate()))
            size += path.stat().st_size if path.is_file() else 0
    return size


def _is_installed(name: str) -> bool:
    try:
        metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _required(name: str, extra: str) -> list[DistributionExtra]:
    required: list[DistributionExtra] = []
    for text in metadata.requires(name) or ():
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
            required += [(requirement.name, wanted) for wanted in ("", *requirement.extras)]
    return required


def find_installed(distribution: str) -> tuple[str, str] | None:
    """Return name and version of a distribution, for 'a|b' of the first that is installed."""
    for name in distribution.split("|"):
        try:
            return name, metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return None


def installed_version(distribution: str) -> str | None:
    """Return the installed version of a distribution, or None."""
    name_and_version = find_installed(distribution)
    return name_and_version[1] if name_and_version else None


def urls(distribution: str) -> tuple[str, ...]:
    """Return the pages that an installed distribution names as its own; none of any other."""
    try:
        about = metadata.metadata(distribution)
    except metadata.PackageNotFoundError:
        return ()
    labelled = [text.partition(",") for text in about.get_all("Project-URL") or []]
    pages = [page.strip() for label, _, page in labelled if label.strip().lower() != "download"]
    return (*(about.get_all("Home-page") or []), *pages)

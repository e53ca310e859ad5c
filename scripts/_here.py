"""`bench.py --here`: use the active environment, add what it lacks, leave what it has as it is."""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path

from _parts import CORE, ROOT
from _setup import (
    CONSTRAINTS,
    SetupError,
    extras,
    install_parts,
    parts_for,
    pip,
    plan_line,
    say,
    timed,
)

SAME_AS: Mapping[str, tuple[str, ...]] = {
    "tensorflow": ("tensorflow-cpu", "tensorflow-macos", "tensorflow-rocm", "tf-nightly"),
}
"""Other names under which a framework is installed; one of them will do."""


def normal(name: str) -> str:
    """Return a distribution's name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def split(requirement: str) -> tuple[str, tuple[int, ...]]:
    """Return name and least version of a requirement such as 'numpy>=2.0'."""
    name, _, least = requirement.partition(">=")
    return normal(name.strip()), version_numbers(least)


def version_numbers(version: str) -> tuple[int, ...]:
    """Return the release numbers of a version: '2.13.0+cu126' gives (2, 13, 0)."""
    release = re.match(r"[\d.]*", version.strip())
    return tuple(int(part) for part in release[0].split(".") if part) if release else ()


def installed() -> dict[str, str]:
    """Return the version of every distribution of the active environment."""
    versions: dict[str, str] = {}
    for distribution in metadata.distributions():
        name = distribution.metadata["Name"]
        if name:
            versions.setdefault(normal(name), distribution.version)
    return versions


def lacking(requirements: Iterable[str], present: Mapping[str, str]) -> list[str]:
    """Return the requirements that nothing present answers.

    Raises SetupError if something is present but too old: --here never replaces it.
    """
    missing = []
    for requirement in requirements:
        name, least = split(requirement)
        version = next((present[n] for n in (name, *SAME_AS.get(name, ())) if n in present), None)
        if version is None:
            missing.append(requirement)
        elif version_numbers(version) < least:
            raise SetupError(
                f"--here keeps what is installed, but {name} {version} is too old: samenet needs "
                f"{requirement}. Upgrade it yourself, or start without --here."
            )
    return missing


def keeping(present: Mapping[str, str], constraints: str) -> str:
    """Return constraints that hold what is present and give the rest samenet's own versions."""
    held = [f"{name}=={version}" for name, version in present.items() if name != "samenet"]
    lines = [line for line in constraints.splitlines() if "==" in line]
    own = [line for line in lines if normal(line.partition("==")[0]) not in present]
    return "\n".join(sorted(held) + own) + "\n"


def is_this_clone(direct_url: str | None) -> bool:
    """Return whether the installed samenet is this clone, by what pip noted about it."""
    origin = json.loads(direct_url or "{}")
    editable = origin.get("dir_info", {}).get("editable", False)
    return bool(editable and origin.get("url") == ROOT.as_uri())


def clone_is_installed() -> bool:
    """Return whether the active environment runs the samenet of this clone."""
    try:
        return is_this_clone(metadata.distribution("samenet").read_text("direct_url.json"))
    except metadata.PackageNotFoundError:
        return False


def wanting(part: str, present: Mapping[str, str]) -> list[str | Path]:
    """Return what pip has to install for one part: nothing if all is there."""
    missing: list[str | Path] = list(lacking(extras()[part], present))
    if part == CORE and not clone_is_installed():
        missing += ["-e", ROOT]
    return missing


def set_up_here(wanted: Sequence[str]) -> tuple[Path, dict[str, str]]:
    """Add to the active environment what these frameworks lack; as `set_up_venv` otherwise."""
    present = installed()
    needs = {part: wanting(part, present) for part in parts_for(wanted, extras())}
    todo = [part for part, missing in needs.items() if missing]
    if not todo:
        return Path(sys.executable), {}
    say(plan_line(todo, sys.prefix))
    with tempfile.TemporaryDirectory() as folder:
        keep = Path(folder) / "keep.txt"
        keep.write_text(keeping(present, CONSTRAINTS.read_text(encoding="utf-8")), encoding="utf-8")

        def install(part: str) -> str:
            return pip(Path(sys.executable), [*needs[part], "-c", keep])

        left_out = install_parts(todo, lambda part: timed(part, install), lambda _: None)
    return Path(sys.executable), left_out

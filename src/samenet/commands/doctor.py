"""`samenet doctor`: what is installed and what this machine allows, in a second."""

from __future__ import annotations

import json
import shutil

import click

from samenet import leaf, machine

CROWDED = 0.5


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(*, as_json: bool) -> int:
    """Show frameworks, processor, load and free disk, with a remedy where something is missing.

    \b
    Example:
      samenet doctor
    """
    found = findings()
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
        return 0
    for name, value in found.items():
        click.echo(f"{name:<22} {value}")
    return 0


def findings() -> dict[str, str | int | float | bool | None]:
    """Return one finding per line; nothing here imports a framework."""
    facts = machine.describe()
    memory = facts.pop("memory_bytes")
    return {
        **_frameworks(),
        **facts,
        "memory": f"{memory / 2**30:.0f} GiB" if isinstance(memory, int) else machine.NOT_READABLE,
        "pinned": "yes" if facts["pinned"] else "not enforceable here: times are marked",
        "load": _load(),
        "free disk": f"{machine.free_bytes(machine.runs_folder()) / 2**30:.0f} GiB",
        "C++ compiler": _compiler(),
        "cache": str(machine.cache_folder()),
    }


def _frameworks() -> dict[str, str]:
    return {found.header.title: _installed(found) for found in leaf.shipped().values()}


def _installed(found: leaf.Leaf) -> str:
    versions = [machine.installed(name) for name in found.header.distributions]
    if None in versions:
        return f"not installed: pip install 'samenet[{found.header.extra}]'"
    return ", ".join(" ".join(version) for version in versions if version)


def _load() -> str:
    load = machine.load_average()
    if load is None:
        return machine.NOT_READABLE
    crowded = load > CROWDED * len(machine.cores())
    return f"{load:.2f}" + (": something else is running; times will be noisy" if crowded else "")


def _compiler() -> str:
    found = next(filter(None, map(shutil.which, ("c++", "g++", "clang++", "cl"))), None)
    return "yes" if found else "none: pytorch:compiled cannot run; install g++ or clang++"

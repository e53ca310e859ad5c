"""`samenet doctor`: what is installed, what this machine allows, whether a run would be refused."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path

import click

from samenet._console import print_text
from samenet.adapter import discovery
from samenet.adapter.api import Target
from samenet.cli.commands import options
from samenet.errors import RefusedError
from samenet.execution import doctor
from samenet.execution.doctor import Diagnosis, Diagnostic
from samenet.execution.session import DISK_BYTES_MIN
from samenet.machine import distributions, lock, paths
from samenet.runs import environment

REFUSED, FAILED = 6, 3
SCHEMA = "samenet-doctor/1"


@click.command("doctor")
@click.option("--deep", is_flag=True, help="Also start each framework and read back what it does.")
@options.as_json
def command(*, deep: bool, as_json: bool) -> int:
    """Show frameworks and machine, each value or `not readable here`; needs no root.

    Exit code 6 if a standard run would be refused now, with the reasons.

    \b
    Examples:
      samenet doctor
      samenet doctor --deep
    """
    readings = environment.observe(Target())
    diagnosis = Diagnosis(
        frameworks=tuple(_framework(adapter) for adapter in discovery.shipped_adapters().values()),
        machine=(*doctor.machine_items(), *_here()),
        state=doctor.state_items(readings),
        refusals=(*_locked(), *_disk(), *environment.find_breaches(readings)),
        in_force=_read_back(as_json=as_json) if deep else (),
    )
    if as_json:
        options.print_json({"schema": SCHEMA, **asdict(diagnosis)})
    else:
        print_text("\n".join(lines(diagnosis)))
    if diagnosis.refusals:
        return REFUSED
    return 0 if all(item.good for item in diagnosis.in_force) else FAILED


def lines(diagnosis: Diagnosis) -> list[str]:
    """Return the diagnosis for a terminal."""
    chapters = {
        "Frameworks": diagnosis.frameworks,
        "Machine": diagnosis.machine,
        "Now": diagnosis.state,
        "In force, read back from each framework": diagnosis.in_force,
    }
    text: list[str] = []
    for title, items in chapters.items():
        if items:
            text += [title, *(f"  {item.name:<34} {item.text}" for item in items), ""]
    if diagnosis.refusals:
        return [
            *text,
            "A standard run would be refused now:",
            *(f"  {r}" for r in diagnosis.refusals),
        ]
    return [*text, "A standard run would be admitted now."]


def _framework(adapter: discovery.AdapterFile) -> Diagnostic:
    versions = [distributions.find_installed(name) for name in adapter.header.distributions]
    if None in versions:
        remedy = f"not installed: pip install 'samenet[{adapter.header.extra}]'"
        return Diagnostic(name=adapter.header.title, value=remedy)
    value = ", ".join(" ".join(version) for version in versions if version)
    return Diagnostic(name=adapter.header.title, value=value)


def _here() -> list[Diagnostic]:
    """Return what a run needs besides a processor."""
    compiler = next(filter(None, map(shutil.which, ("c++", "g++", "clang++", "cl"))), None)
    lost = [
        adapter.arm(name)
        for adapter in discovery.shipped_adapters().values()
        for name, mode in adapter.header.modes.items()
        if "C++ compiler" in mode.needs
    ]
    none = f"none: {' and '.join(lost)} cannot run; install g++ or clang++"
    free = paths.free_bytes(paths.runs_folder()) / 2**30
    return [
        Diagnostic(name="free disk", value=f"{free:.0f} GiB"),
        Diagnostic(name="C++ compiler", value="yes" if compiler else none),
        Diagnostic(name="cache", value=_cache()),
    ]


def _cache() -> str:
    """Return where certificates are kept, without a path that names a person."""
    if "SAMENET_CACHE" in os.environ:
        return "where SAMENET_CACHE says"
    try:
        return f"~/{paths.cache_folder().relative_to(Path.home()).as_posix()}"
    except ValueError:
        return "outside the home folder"


def _locked() -> list[str]:
    """Return why the machine-wide lock cannot be had, if it cannot."""
    try:
        with lock.machine_lock():
            return []
    except RefusedError as error:
        return [str(error)]


def _disk() -> list[str]:
    """Return that a run would be refused for want of space, if it would."""
    folder = paths.runs_folder()
    if paths.free_bytes(folder) >= DISK_BYTES_MIN:
        return []
    return [f"Less than 200 MB are free where {folder.absolute()} is."]


def _read_back(*, as_json: bool) -> tuple[Diagnostic, ...]:
    """Start every installed framework once, in each usual mode, and read back what is in force."""
    with tempfile.TemporaryDirectory() as folder:
        if not as_json:
            print_text("Starting each framework once …", err=True)
        return doctor.read_back_settings(Path(folder) / "run")

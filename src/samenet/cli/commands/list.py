"""`samenet list`: what there is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from samenet._console import print_text
from samenet.adapter import discovery
from samenet.cli.commands import options
from samenet.machine import distributions, paths
from samenet.spec.task import load_task, shipped_tasks


@click.command("list")
@click.argument("what", type=click.Choice(["tasks", "frameworks", "runs"]), default="tasks")
@options.as_json
def command(what: str, *, as_json: bool) -> int:
    """List the tasks, the frameworks (with their modes) or the runs in ./runs.

    \b
    Example:
      samenet list frameworks
    """
    rows = {"tasks": _tasks, "frameworks": _frameworks, "runs": _runs}[what]()
    if as_json:
        options.print_json(rows)
        return 0
    for row in rows:
        print_text(
            "  ".join(
                f"{value!s:<{width}}"
                for value, width in zip(row.values(), (16, 12, 0), strict=False)
            ).rstrip()
        )
    return 0


def _tasks() -> list[dict[str, Any]]:
    tasks = [load_task(name) for name in shipped_tasks()]
    return [{"name": t.name, "kind": t.kind.value, "title": t.title} for t in tasks]


def _frameworks() -> list[dict[str, Any]]:
    return [
        {"name": name, "version": _version(adapter), "modes": ", ".join(adapter.header.modes)}
        for name, adapter in discovery.shipped_adapters().items()
    ]


def _version(adapter: discovery.AdapterFile) -> str:
    return distributions.installed_version(adapter.header.distributions[0]) or "not installed"


def _runs() -> list[dict[str, Any]]:
    folders: list[Path] = sorted(paths.runs_folder().glob("*/plan.json"))
    return [{"name": folder.parent.name} for folder in folders]

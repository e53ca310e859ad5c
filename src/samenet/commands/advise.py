"""`samenet advise`: one recommendation per task, computed from a run."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from samenet import advise, frames


@click.command("advise")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--task", "tasks", multiple=True, help="Only this task. Repeatable.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(run: Path, tasks: tuple[str, ...], *, as_json: bool) -> int:
    """Say which framework RUN speaks for, task by task, with the numbers it follows from.

    \b
    Example:
      samenet advise runs/2026-11-23-164200-main --task digits
    """
    found = frames.load(run)
    advice = advise.advise(found, tasks)
    if as_json:
        click.echo(json.dumps([asdict(item) for item in advice], ensure_ascii=False))
        return 0
    for item in advice:
        click.echo("\n".join([item.sentence, *(f"  {detail}" for detail in item.details)]))
    if not advice:
        click.echo("This run holds no result that can be compared.")
    return 0

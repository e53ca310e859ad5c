"""`samenet report`: rebuild the page from the run folder."""

from __future__ import annotations

import json
from pathlib import Path

import click

from samenet.report import write_report


@click.command("report")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(run: Path, *, as_json: bool) -> int:
    """Rebuild the page of RUN from its records.

    \b
    Example:
      samenet report runs/2026-11-23-164200-main
    """
    page = write_report(run)
    click.echo(json.dumps({"page": str(page)}) if as_json else f"The page: {page}")
    return 0

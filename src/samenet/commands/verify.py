"""`samenet verify`: recompute every printed number of a run."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from samenet.terminal import say
from samenet.text import counted
from samenet.verifying import verify

MISMATCH = 3
SHOWN_MAX = 20


@click.command("verify")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(run: Path, *, as_json: bool) -> int:
    """Recompute the scores and the page's numbers of RUN; name every record that was changed.

    \b
    Example:
      samenet verify runs/2026-11-23-164200-main
    """
    found = verify(run)
    if as_json:
        click.echo(json.dumps(asdict(found), ensure_ascii=False))
    else:
        looked = ", ".join(f"{count} {what}" for what, count in found.looked_at.items())
        for sentence in found.mismatches[:SHOWN_MAX]:
            say(sentence)
        if len(found.mismatches) > SHOWN_MAX:
            click.echo(f"… and {len(found.mismatches) - SHOWN_MAX} more (--json lists all)")
        count = counted(len(found.mismatches), "mismatch")
        say(count + (f" ({looked})" if looked else ""))
    return MISMATCH if found.mismatches else 0

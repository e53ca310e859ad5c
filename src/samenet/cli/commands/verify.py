"""`samenet verify`: recompute every printed number of a run."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from samenet._console import print_text
from samenet._text import count_noun
from samenet.cli.commands import options
from samenet.report.verify import verify

MISMATCH = 3
SHOWN_MAX = 20


@click.command("verify")
@click.argument("run", type=options.SystemPath())
@options.as_json
def command(run: Path, *, as_json: bool) -> int:
    """Recompute the scores and the page's numbers of RUN; name what was changed, and where.

    Records that are missing, doubled or out of order, and files that were altered, added or taken
    away, are named too. RUN is only read. What was forged with every digest made anew is not seen.

    \b
    Example:
      samenet verify runs/2026-11-23-164200-main
    """
    result = verify(run)
    if as_json:
        options.print_json(asdict(result))
    else:
        checked = ", ".join(f"{count} {what}" for what, count in result.looked_at.items())
        for sentence in (*result.notes, *result.mismatches[:SHOWN_MAX]):
            print_text(sentence)
        if len(result.mismatches) > SHOWN_MAX:
            print_text(f"… and {len(result.mismatches) - SHOWN_MAX} more (--json lists all)")
        count = count_noun(len(result.mismatches), "mismatch")
        print_text(count + (f" ({checked})" if checked else ""))
    return MISMATCH if result.mismatches else 0

"""`samenet compare`: is the new run slower than the earlier one? A gate for CI."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from samenet._console import print_text
from samenet._text import quote_value
from samenet.analysis import regression
from samenet.analysis.fingerprint import Group
from samenet.cli.commands import options as commands_options
from samenet.errors import UsageError
from samenet.report.regression_text import load_document, to_lines, to_markdown
from samenet.report.result import QUANTITIES


def parse_share(ctx: click.Context, param: click.Parameter, text: str) -> float:
    """Return the share that is written as 5% or 0.05; raises BadParameter for anything else."""
    try:
        value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        message = f"{quote_value(text)} is no share between 0 and 100 %: write 5% or 0.05."
        raise click.BadParameter(message, ctx, param)
    return value


@click.command("compare")
@click.argument("base", type=commands_options.SystemPath())
@click.argument("new", type=commands_options.SystemPath())
@click.option(
    "--margin",
    metavar="5%",
    default="5%",
    show_default=True,
    callback=parse_share,
    help="Slowdowns up to this are no regression.",
)
@click.option(
    "--quantity",
    type=click.Choice([quantity.value for quantity in QUANTITIES]),
    default="total",
    show_default=True,
    help="Which time: the whole training, start-up, a step or an epoch.",
)
@click.option("--across-machines", is_flag=True, help="Compare although the machines differ.")
@click.option("--across-versions", is_flag=True, help="Compare although versions differ.")
@click.option("--markdown", is_flag=True, help="Print a table to paste into a pull request.")
@commands_options.as_json
def command(base: Path, new: Path, **options: Any) -> int:
    """Say whether NEW is slower than BASE: run folders, or files written by `run --json`.

    Exit codes: 0 no regression, 4 regression, 5 cannot tell yet, 6 refused (machine, versions or
    settings differ).

    \b
    Examples:
      samenet compare runs/before runs/after
      samenet compare base.json new.json --margin 3% --quantity step --markdown
    """
    if options["as_json"] and options["markdown"]:
        raise UsageError("--json and --markdown are two forms of the answer: give one.")
    groups: tuple[tuple[Group, bool], ...] = (
        ("machine", options["across_machines"]),
        ("versions", options["across_versions"]),
    )
    comparison = regression.compare(
        load_document(base),
        load_document(new),
        quantity=options["quantity"],
        margin=options["margin"],
        admitted=[group for group, wanted in groups if wanted],
    )
    if options["as_json"]:
        commands_options.print_json(comparison.plain())
    else:
        print_text(
            "\n".join(to_markdown(comparison) if options["markdown"] else to_lines(comparison))
        )
    return comparison.exit_code

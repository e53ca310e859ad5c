"""`samenet report`: rebuild the page from the run folder, or put several runs on one page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from samenet._console import print_text
from samenet._text import quote_value
from samenet.cli.commands import options as commands_options
from samenet.cli.commands.run import warn
from samenet.errors import UsageError

FORMATS = ("svg", "png", "pdf")


def parse_formats(ctx: click.Context, param: click.Parameter, text: str | None) -> tuple[str, ...]:
    """Return the formats that are written as svg,png,pdf; raises BadParameter for another one."""
    names = tuple(dict.fromkeys(name.strip().lower() for name in (text or "").split(",") if name))
    wrong = [name for name in names if name not in FORMATS]
    if wrong or (text is not None and not names):
        shown = quote_value(wrong[0] if wrong else text)
        message = f"{shown} is no format: choose of {', '.join(FORMATS)}."
        raise click.BadParameter(message, ctx, param)
    return names


@click.command("report")
@click.argument("runs", nargs=-1, required=True, type=commands_options.SystemPath())
@commands_options.out(
    "Where the page of several runs goes; default comparison-A-B.html beside the first run."
)
@click.option(
    "--figures",
    type=commands_options.SystemPath(),
    metavar="DIR",
    help="Write every figure into a folder as well, in a style fit for a paper.",
)
@click.option(
    "--format",
    "kinds",
    metavar="svg,png,pdf",
    callback=parse_formats,
    help="What the figures are written as; default all three.",
)
@commands_options.as_json
def command(runs: tuple[Path, ...], **options: Any) -> int:
    """Rebuild the page of a run from its records, or put several RUNS on one page.

    Of several runs the page says first in what machines, versions and settings differ.

    \b
    Examples:
      samenet report runs/2026-11-23-164200-main
      samenet report runs/laptop runs/server --out laptop-server.html
      samenet report runs/main --figures figures --format pdf
    """
    from samenet.report import page as report_page

    folder, kinds = options["figures"], options["kinds"] or FORMATS
    if options["kinds"] and not folder:
        raise UsageError("--format is about figures: add --figures DIR to say where they go.")
    if options["out"] and len(runs) == 1:
        raise UsageError("--out is for several runs; one run's page is report.html in its folder.")
    if len(set(map(Path.resolve, runs))) < len(runs):
        raise UsageError("A run is named twice: name each of them once.")
    page = (
        report_page.write_report(runs[0], warn)
        if len(runs) == 1
        else report_page.write_several(runs, options["out"])
    )
    written = report_page.write_figures(runs, folder, kinds) if folder else []
    if options["as_json"]:
        commands_options.print_json({"page": str(page), "figures": [str(path) for path in written]})
        return 0
    print_text(f"The page: {page}")
    if written:
        print_text(f"Figures: {len(written) - 1} files and their captions in {folder}")
    return 0

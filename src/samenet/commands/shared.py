"""Options that several commands have."""

from __future__ import annotations

import click

device = click.option(
    "--device",
    metavar="cpu|cuda|cuda:N",
    default="cpu",
    show_default=True,
    help="Where to compute; cuda:1 is the second GPU.",
)
threads = click.option(
    "--threads",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Processor cores per framework.",
)
dry_run = click.option(
    "--dry-run", is_flag=True, help="Only say what would be measured and how long it takes."
)

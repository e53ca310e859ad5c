"""`samenet init`: write a commented task file for a person's own data."""

from __future__ import annotations

from pathlib import Path

import click

from samenet._console import print_text
from samenet.cli.commands import options
from samenet.errors import UsageError
from samenet.spec import csv_task
from samenet.spec.network import TaskKind
from samenet.spec.task_file import format_task_file


@click.command("init")
@click.argument("file", type=options.SystemPath())
@click.option("--data", type=options.SystemPath(), required=True, help="A CSV file.")
@click.option(
    "--target",
    "targets",
    multiple=True,
    required=True,
    metavar="COLUMN",
    help="The column to predict. Repeatable: several numbers at once.",
)
@click.option(
    "--kind",
    type=click.Choice([kind.value for kind in TaskKind]),
    help="What is predicted, if the guess is wrong.",
)
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
@options.as_json
def command(
    file: Path,
    data: Path,
    targets: tuple[str, ...],
    kind: str | None,
    *,
    force: bool,
    as_json: bool,
) -> int:
    """Write the task file FILE, with a comment on every key.

    \b
    Example:
      samenet init task.toml --data sales.csv --target price
      samenet run task.toml
    """
    if file.suffix != ".toml":
        raise UsageError(f"{file}: a task file ends in .toml.")
    if file.exists() and not force:
        raise UsageError(f"{file} exists; --force replaces it.")
    guessed, reason = (
        csv_task.guess_kind(data, targets) if kind is None else (TaskKind(kind), "as asked")
    )
    task = csv_task.csv_task(data, targets, kind=guessed)
    try:
        file.write_text(format_task_file(task), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"Cannot write {file}: {error.strerror}.") from None
    answer = {"file": str(file), "kind": guessed.value, "reason": reason}
    if as_json:
        options.print_json(answer)
    else:
        print_text(f"{reason}\nWritten: {file}. Next: samenet run {file}")
    return 0

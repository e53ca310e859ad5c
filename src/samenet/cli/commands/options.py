"""Options that several commands share, and helpers for them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from samenet._text import quote_value
from samenet.errors import UsageError, explain_unreadable
from samenet.machine.devices import WRITTEN


class SystemPath(click.Path):
    """A path that this system can have: none with a NUL in it, or of thousands of letters."""

    def __init__(self) -> None:
        """Give it as a Path."""
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path; fails in one sentence if the system cannot even look for it."""
        try:
            with suppress(FileNotFoundError, NotADirectoryError, PermissionError):
                Path(value).stat()
        except (OSError, ValueError) as error:
            reason = explain_unreadable(error)
            self.fail(f"{quote_value(str(value))} is no path here: {reason}.", param, ctx)
        return super().convert(value, param, ctx)


class FiniteRange(click.FloatRange):
    """A number in a range: click's own takes what is not a number for one in every range."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number; fails if it is none."""
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{quote_value(value)} is not a number.", param, ctx)
        return number


class Count(click.IntRange):
    """How many of something: rows, steps, epochs; at least 1, and nobody has a billion of them."""

    most = 1_000_000_000

    def __init__(self) -> None:
        """Show only the lower end in the help."""
        super().__init__(1)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number; fails if it is none, or absurd."""
        number: int = super().convert(value, param, ctx)
        if number > self.most:
            self.fail(f"{quote_value(value)} is more than {self.most}.", param, ctx)
        return number


COUNT = Count()


FRAMEWORK_HELP = "A framework, one of its modes, or your own adapter file. Repeatable."

as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
device = click.option(
    "--device",
    metavar=WRITTEN,
    default="cpu",
    show_default=True,
    help="Where to compute; cuda:1 is the second GPU.",
)
threads = click.option(
    "--threads",
    type=COUNT,
    default=1,
    show_default=True,
    help="Processor cores per framework.",
)
dtype = click.option(
    "--dtype",
    type=click.Choice(["float32", "float64"]),
    default="float32",
    show_default=True,
    help="The precision of all numbers.",
)
dry_run = click.option(
    "--dry-run", is_flag=True, help="Only say what would be measured and how long it takes."
)


def _duration(context: click.Context, parameter: click.Parameter, text: str | None) -> float | None:
    del context, parameter
    from samenet.execution.planner import parse_duration

    return parse_duration(text) if text else None


worker_limit = click.option(
    "--worker-limit",
    "worker_seconds",
    metavar="20m",
    callback=_duration,
    help="End a process after this time; default: what its job and its compiler should need.",
)

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def frameworks(metavar: str = "NAME[:MODE]|FILE.py", *, more: str = "") -> Decorator:
    """Return the option for what is to be run, with more help if there is any."""
    return click.option(
        "--framework",
        "frameworks",
        multiple=True,
        metavar=metavar,
        help=f"{FRAMEWORK_HELP} {more}".strip(),
    )


def out(what: str) -> Decorator:
    """Return the option for the folder that a command writes."""
    return click.option("--out", type=SystemPath(), help=what)


def print_json(document: Any) -> None:
    """Print a document; what is not a finite number, which JSON cannot hold, is null."""
    click.echo(json.dumps(_finite(document), ensure_ascii=False, allow_nan=False))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def refuse(names: Iterable[str], why: str) -> None:
    """Raise UsageError if any of these options of the current command was given."""
    context = click.get_current_context()
    for parameter in context.command.params:
        given = context.get_parameter_source(str(parameter.name)) is not ParameterSource.DEFAULT
        if parameter.name in names and given:
            raise UsageError(f"{parameter.opts[0]} {why}")

"""`samenet resume`: go on with an interrupted run."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager
from pathlib import Path

import click

from samenet._console import print_text
from samenet.analysis import frames
from samenet.cli.commands import options
from samenet.cli.commands.run import finish, keep_measured, warn
from samenet.errors import UsageError
from samenet.execution import session
from samenet.execution.live_table import watch_run
from samenet.execution.runner import Watcher
from samenet.execution.scheduler import extend_plan
from samenet.runs.plan import Plan


@click.command("resume")
@click.argument("run", type=options.SystemPath())
@click.option("--repeats", metavar="+N|N", help="Measure N repeats more, or N in all.")
@click.option(
    "--trust",
    is_flag=True,
    help="Start the programs that the plan of RUN names, though it was "
    "made by another person or on another machine.",
)
@options.as_json
def command(run: Path, repeats: str | None, *, trust: bool, as_json: bool) -> int:
    """Go on where RUN was interrupted: nothing finished is lost or repeated.

    \b
    Examples:
      samenet resume runs/2026-11-23-164200-main
      samenet resume runs/2026-11-23-164200-main --repeats +8
    """

    def extend(plan: Plan) -> Plan:
        return plan if repeats is None else extend_plan(plan, _wanted(repeats, _measured(run)))

    def watching(plan: Plan, done: frozenset[str]) -> AbstractContextManager[Watcher]:
        print_text(f"{len(done)} of {len(plan.jobs)} jobs are done already", err=True)
        return watch_run(plan, done=done)

    with keep_measured(run):
        store = session.resume_run(run, watching, warn, extend=extend, trusted=trust)
    return finish(store, as_json=as_json)


def _measured(run: Path) -> int:
    """Return how many repeats a run has."""
    return frames.load(run).repeats


def _wanted(text: str, measured: int) -> int:
    """Return how many repeats there are to be in all.

    Raises UsageError for no number, and for fewer than were measured.
    """
    if not re.fullmatch(r"\+?[1-9]\d{0,2}", text):
        raise UsageError(f"--repeats {text}: write a number, e.g. 16, or +8 for eight more.")
    wanted = int(text) + (measured if text.startswith("+") else 0)
    if wanted < measured:
        raise UsageError(f"--repeats {text}: {measured} repeats are measured already.")
    return wanted

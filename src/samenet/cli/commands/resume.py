"""`samenet resume`: go on with an interrupted run."""

from __future__ import annotations

import re
from pathlib import Path

import click

from samenet._console import print_text
from samenet.analysis import frames
from samenet.cli.commands import options
from samenet.cli.commands.run import finish, warn
from samenet.errors import UsageError
from samenet.execution import session
from samenet.execution.live_table import watch_run
from samenet.execution.scheduler import extend_plan
from samenet.runs.folder import open_run
from samenet.runs.plan import Plan


@click.command("resume")
@click.argument("run", type=options.SystemPath())
@click.option("--repeats", metavar="+N|N", help="Measure N repeats more, or N in all.")
@options.as_json
def command(run: Path, repeats: str | None, *, as_json: bool) -> int:
    """Go on where RUN was interrupted: nothing finished is lost or repeated.

    \b
    Examples:
      samenet resume runs/2026-11-23-164200-main
      samenet resume runs/2026-11-23-164200-main --repeats +8
    """
    store = open_run(run)
    plan = Plan.model_validate(store.read_json("plan.json"))
    if repeats is not None:
        plan = extend_plan(plan, _wanted(repeats, frames.load(run).repeats))
    done = frozenset(session.finished_jobs(store))
    print_text(f"{len(done)} of {len(plan.jobs)} jobs are done already", err=True)
    with watch_run(plan, done=done) as watch:
        session.resume_run(run, watch, warn, plan)
    return finish(store, as_json=as_json)


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

"""`samenet resume`: go on with an interrupted run."""

from __future__ import annotations

from pathlib import Path

import click

from samenet import session
from samenet.commands.run import finish, warn
from samenet.live import watching
from samenet.plan import Plan
from samenet.store import open_run


@click.command("resume")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(run: Path, *, as_json: bool) -> int:
    """Go on where RUN was interrupted: nothing finished is lost or repeated.

    \b
    Example:
      samenet resume runs/2026-11-23-164200-main
    """
    store = open_run(run)
    plan = Plan.model_validate(store.read_json("plan.json"))
    done = frozenset(session.finished(store))
    click.echo(f"{len(done)} of {len(plan.jobs)} jobs are done already", err=True)
    with watching(plan, done=done) as watch:
        session.resume(run, watch, warn)
    return finish(store, as_json=as_json)

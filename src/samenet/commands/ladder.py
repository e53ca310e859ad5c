"""`samenet ladder`: time small to large networks and fit what a step costs."""

from __future__ import annotations

from typing import Any

import click

from samenet import forecast, frames, held_out, ladder, machine, planning, sizing
from samenet.adapter import Target, placed
from samenet.commands import shared
from samenet.commands.run import SOME_FAILED, dry, failed, measured, say_plan
from samenet.spec import parse
from samenet.store import Store
from samenet.terminal import say

REPEATS = 2


@click.command("ladder")
@shared.frameworks()
@shared.device
@shared.threads
@click.option(
    "--repeats",
    type=click.IntRange(1, 100),
    default=REPEATS,
    show_default=True,
    help="Processes per framework and size.",
)
@shared.out("Folder of the run; default runs/<when>-ladder.")
@shared.dry_run
@shared.as_json
def command(**options: Any) -> int:
    """Time networks of width 16 to 2048, batch 16 to 4096, depth 1 to 4, and fit their cost.

    \b
    Examples:
      samenet ladder --framework numpy
      samenet ladder --framework jax:scan --framework pytorch:eager --threads 2
    """
    plan = ladder.only_steps(planning.make_plan(_request(options)))
    say_plan(plan)
    if options["dry_run"]:
        return dry(plan, as_json=options["as_json"])
    folder = options["out"] or planning.new_folder(plan.name, machine.runs_folder())
    return _finish(measured(plan, folder), as_json=options["as_json"])


def _request(options: dict[str, Any]) -> planning.Request:
    wanted = {**placed(options["device"]), "threads": options["threads"]}
    return planning.Request(
        own=ladder.tasks(),
        frameworks=options["frameworks"],
        target=parse(Target, wanted, where="ladder"),
        repeats=options["repeats"],
        track="same",
        name="ladder",
    )


def _finish(store: Store, *, as_json: bool) -> int:
    """Write the page, print the fitted costs, and return the exit code."""
    from samenet.report import write_report

    page = write_report(store.folder)
    found = frames.load(store.folder)
    forecast.remember(held_out.forecasts(found))
    if as_json:
        shared.print_json(sizing.document(found))
    else:
        say("\n".join(sizing.lines(found)))
        say("")
        say("\n".join(held_out.lines(found, held_out.check(found))))
        say(f"\nThe page: {page}\nPredictions: samenet advise --model 64-256-128-10 …")
    return SOME_FAILED if failed(found) else 0

"""`samenet ladder`: time small to large networks and fit what a step costs."""

from __future__ import annotations

from typing import Any

import click

from samenet._console import print_text
from samenet.adapter.api import Target, parse_device
from samenet.analysis import frames
from samenet.cli.commands import options as commands_options
from samenet.cli.commands.run import SOME_FAILED, has_failures, measure, print_dry_run, say_plan
from samenet.execution import planner
from samenet.experiments.scaling import fit, forecast, ladder, validation
from samenet.machine import paths
from samenet.runs.folder import Store
from samenet.spec.parsing import parse

REPEATS = 2


@click.command("ladder")
@commands_options.frameworks()
@commands_options.device
@commands_options.threads
@click.option(
    "--repeats",
    type=click.IntRange(1, 100),
    default=REPEATS,
    show_default=True,
    help="Processes per framework and size.",
)
@commands_options.out("Folder of the run; default runs/<when>-ladder.")
@commands_options.dry_run
@commands_options.as_json
def command(**options: Any) -> int:
    """Time networks of width 16 to 2048, batch 16 to 4096, depth 1 to 4, and fit their cost.

    \b
    Examples:
      samenet ladder --framework numpy
      samenet ladder --framework jax:scan --framework pytorch:eager --threads 2
    """
    plan = ladder.keep_step_jobs(planner.make_plan(_request(options)))
    say_plan(plan)
    if options["dry_run"]:
        return print_dry_run(plan, as_json=options["as_json"])
    folder = options["out"] or planner.new_folder(plan.name, paths.runs_folder())
    return _finish(measure(plan, folder), as_json=options["as_json"])


def _request(options: dict[str, Any]) -> planner.Request:
    wanted = {**parse_device(options["device"]), "threads": options["threads"]}
    return planner.Request(
        own=ladder.ladder_tasks(),
        frameworks=options["frameworks"],
        target=parse(Target, wanted, where="ladder"),
        repeats=options["repeats"],
        track="same",
        name="ladder",
    )


def _finish(store: Store, *, as_json: bool) -> int:
    """Write the page, seal the run, print the fitted costs, and return the exit code."""
    from samenet.report.page import finish_run

    page = finish_run(store.folder)
    run_frames = frames.load(store.folder)
    forecast.remember(validation.make_forecasts(run_frames))
    if as_json:
        commands_options.print_json(fit.to_document(run_frames))
    else:
        print_text("\n".join(fit.to_lines(run_frames)))
        print_text("")
        print_text("\n".join(validation.to_lines(run_frames, validation.validate(run_frames))))
        print_text(f"\nThe page: {page}\nPredictions: samenet advise --model 64-256-128-10 …")
    return SOME_FAILED if has_failures(run_frames) else 0

"""`samenet study`: the same network with several activations, or losses, from several seeds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from samenet._console import print_text
from samenet._text import count_noun
from samenet.cli.commands import options as commands_options
from samenet.cli.commands.run import SOME_FAILED, warn
from samenet.execution import planner
from samenet.execution.live_table import watch_run
from samenet.experiments.study import figures, outcome, run, text
from samenet.machine import paths
from samenet.runs.plan import Plan
from samenet.spec.study import SEEDS_MAX, StudyKind

OPTIONS = (
    click.argument("task"),
    commands_options.frameworks(more="Default: NumPy, which comes with samenet."),
    click.option(
        "--seeds",
        type=click.IntRange(1, SEEDS_MAX),
        help="Starting points; default: the fewest, from 5 up, that can tell choices apart.",
    ),
    click.option("--epochs", type=commands_options.COUNT, help="In place of the task’s."),
    commands_options.out("Folder of figure and raw data; default runs/<when>-study-…"),
    commands_options.as_json,
)


def add_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that both studies share."""
    for option in reversed(OPTIONS):
        function = option(function)
    return function


@click.group("study")
def command() -> None:
    """Train one network with every activation, or loss, and say what differs beyond the seeds.

    \b
    Examples:
      samenet study activations digits
      samenet study losses digits --framework pytorch
      samenet study losses diabetes --json
    """


@command.command("activations")
@add_options
@click.option(
    "--activation",
    "choices",
    multiple=True,
    metavar="NAME",
    help="What to compare; default: sigmoid, tanh, relu, leaky_relu. Repeatable.",
)
def activations(**options: Any) -> int:
    """Compare activations on TASK: scores, vanishing gradients in ten layers, dead units.

    \b
    Examples:
      samenet study activations digits
      samenet study activations digits --activation relu --activation gelu
    """
    return _studied("activations", options)


@command.command("losses")
@add_options
@click.option(
    "--loss",
    "choices",
    multiple=True,
    metavar="NAME",
    help="What to compare; default: the task’s own loss and those for values. Repeatable.",
)
def losses(**options: Any) -> int:
    """Compare losses on TASK: the one that matches it, and ones that do not.

    \b
    Examples:
      samenet study losses digits
      samenet study losses diabetes --loss mean_squared_error --loss "huber(delta=0.5)"
    """
    return _studied("losses", options)


def _studied(kind: StudyKind, options: dict[str, Any]) -> int:
    plan = run.make_study(
        kind,
        options["task"],
        frameworks=options["frameworks"],
        choices=options["choices"],
        seeds=options["seeds"] or 0,
        epochs=options["epochs"],
    )
    _say(plan, kind)
    folder = options["out"] or planner.new_folder(plan.name, paths.runs_folder())
    outcome = _carried_out(plan, folder)
    if options["as_json"]:
        commands_options.print_json(text.to_document(outcome))
    else:
        print_text("\n".join(text.to_lines(outcome)))
        for path in figures.figure_paths(outcome):
            print_text(f"\nThe figure: {path}")
    return SOME_FAILED if outcome.failed else 0


def _carried_out(plan: Plan, folder: Path) -> outcome.StudyOutcome:
    try:
        with watch_run(plan) as watch:
            return run.carry_out(plan, folder, watch, warn)
    except KeyboardInterrupt:
        print_text("\nInterrupted: a study is concluded from all of its seeds or not.", err=True)
        raise


def _say(plan: Plan, kind: StudyKind) -> None:
    study = plan.study
    if study is None:
        return
    trainings = len(study.variants) * study.seeds * len(plan.arms)
    names = ", ".join(arm.name for arm in plan.arms)
    print_text(
        f"{kind.capitalize()} of {plan.tasks[0].name} on {names}: {', '.join(study.choices)}; "
        f"{count_noun(study.seeds, 'seed')}, {trainings} trainings, "
        f"about {plan.predicted_seconds / 60:.1f} minutes",
        err=True,
    )

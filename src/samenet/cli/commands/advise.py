"""`samenet advise`: what to use, from a run that was measured or from costs fitted here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from samenet._console import print_text
from samenet.adapter.api import Offer
from samenet.advice.needs import Wishes
from samenet.cli.commands import options as commands_options
from samenet.errors import UsageError
from samenet.execution.planner import parse_duration
from samenet.experiments.scaling import forecast
from samenet.machine.devices import WRITTEN

if TYPE_CHECKING:
    from samenet.advice.recommend import Advice

NOTHING = 6
"""The exit code where no framework can be named: none was compared, or none meets the needs."""

MISSED = 3


@click.command("advise")
@click.argument("run", required=False, type=commands_options.SystemPath())
@click.option("--task", "tasks", multiple=True, help="Only this task of RUN. Repeatable.")
@click.option("--device", metavar=WRITTEN, help="Only what was measured there.")
@click.option("--epochs", type=commands_options.COUNT, help="Length of the training.")
@click.option("--steps", type=commands_options.COUNT, help="The same in steps.")
@click.option("--time-limit", metavar="DURATION", help="For the whole training: 90s, 10m, 1h.")
@click.option(
    "--max-install-mb",
    type=commands_options.FiniteRange(0),
    help="Including everything it requires.",
)
@click.option(
    "--max-import-seconds", type=commands_options.FiniteRange(0), help="In a bare interpreter."
)
@click.option(
    "--serve",
    type=click.Choice(["latency", "throughput"]),
    help="Of RUN: rank by predicting instead.",
)
@click.option(
    "--need", "needs", multiple=True, type=click.Choice(get_args(Offer)), help="Repeatable."
)
@click.option("--model", metavar="64-256-128-10", help="Predict for these layers instead of RUN.")
@click.option("--batch", type=commands_options.COUNT, help="With --model: rows of a step.")
@click.option("--samples", type=commands_options.COUNT, help="With --model: rows to train on.")
@click.option(
    "--check", is_flag=True, help="How right the predictions were: RUN is a ladder’s run."
)
@commands_options.as_json
def command(run: Path | None, *, as_json: bool, **options: Any) -> int:
    """Say which framework RUN speaks for, or which is fastest for a network of your own.

    \b
    Examples:
      samenet advise runs/2026-11-23-164200-main --task digits --epochs 500
      samenet advise runs/2026-11-23-164200-main --need autodiff --max-install-mb 500
      samenet advise --model 64-256-128-10 --batch 512 --samples 100000 --epochs 20
    """
    if options["model"] is not None:
        return _predict(run, options, as_json=as_json)
    if run is None:
        raise UsageError("Name a RUN, or describe a network: --model 64-256-128-10 --batch 512 …")
    commands_options.refuse(("batch", "samples"), "belongs to --model.")
    if options["check"]:
        others = [name for name in options if name != "check"]
        commands_options.refuse(
            others, "does not go with --check, which judges all predictions of RUN."
        )
        return _check(run, as_json=as_json)
    return _advise(run, options, as_json=as_json)


def _advise(run: Path, options: dict[str, Any], *, as_json: bool) -> int:
    from samenet.advice import recommend
    from samenet.analysis import frames

    wishes = _wishes(options)
    run_frames = frames.load(run)
    if run_frames.left_out:
        print_text(run_frames.left_out, err=True)
    answers = recommend.advise(run_frames, options["tasks"], wishes)
    if as_json:
        commands_options.print_json([item.plain() for item in answers])
    else:
        print_text("\n".join(_lines(answers)))
    return 0 if any(item.choice for item in answers) else NOTHING


def _wishes(options: dict[str, Any]) -> Wishes:
    limit = options["time_limit"]
    return Wishes(
        device=options["device"],
        epochs=options["epochs"],
        steps=options["steps"],
        time_limit_seconds=None if limit is None else parse_duration(limit),
        install_mb_most=options["max_install_mb"],
        import_seconds_most=options["max_import_seconds"],
        serve=options["serve"],
        needs=tuple(dict.fromkeys(options["needs"])),
    )


def _lines(answers: list[Advice]) -> list[str]:
    lines = []
    for answer in answers:
        excluded = [each.text for each in answer.excluded]
        lines += [answer.sentence, *(f"  {detail}" for detail in (*answer.details, *excluded))]
    return lines or ["This run holds no result that can be compared."]


def _predict(run: Path | None, options: dict[str, Any], *, as_json: bool) -> int:
    """Predict a training that nobody measured."""
    if run is not None:
        raise UsageError("--model asks about a network of your own: leave RUN out.")
    commands_options.refuse(
        ("tasks",), "names a task of a RUN, --model a network of your own: give one."
    )
    commands_options.refuse(
        ("serve",), "ranks by predicting; --model is about how long a training takes."
    )
    commands_options.refuse(
        ("check",), "judges the predictions of a RUN: name one in place of --model."
    )
    wishes = _wishes(options)
    length = {"batch": options["batch"], "samples": options["samples"]}
    length["epochs"] = options["epochs"] or options["steps"]
    lacking = [name for name, value in length.items() if value is None]
    if lacking:
        raise UsageError(f"--model also needs --{' and --'.join(lacking)}.")
    training = forecast.TrainingSize(
        widths=forecast.parse_widths(options["model"]),
        batch_size=options["batch"],
        samples=options["samples"],
    )
    steps, epochs = options["steps"], options["epochs"]
    training = training.lasting(epochs) if steps is None else training.of_steps(steps)
    answer = forecast.answer(forecast.recall(), training, wishes)
    if as_json:
        commands_options.print_json(answer.plain())
    else:
        print_text("\n".join(answer.lines()))
    return 0 if answer.left else NOTHING


def _check(run: Path, *, as_json: bool) -> int:
    """Compare predictions with the held-out trainings of a ladder's run."""
    from samenet.analysis import frames
    from samenet.experiments.scaling import validation

    run_frames = frames.load(run)
    validated = validation.validate(run_frames)
    if as_json:
        commands_options.print_json(validated.plain())
    else:
        print_text("\n".join(validation.to_lines(run_frames, validated)))
    return 0 if validated.passed else MISSED

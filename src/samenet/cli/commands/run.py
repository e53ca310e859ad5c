"""`samenet run`: measure, then print the table, the advice and the path of the page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import click

from samenet._console import print_text
from samenet._text import count_noun, shorten
from samenet.adapter.api import Target
from samenet.analysis import frames
from samenet.cli.commands import options as commands_options
from samenet.errors import MachineError, UsageError, WorkerError, machine_sentence
from samenet.execution import planner, session
from samenet.execution.live_table import watch_run
from samenet.machine import paths
from samenet.machine.devices import parse_device
from samenet.report import result
from samenet.runs.attempts import to_do_again
from samenet.runs.folder import Store
from samenet.runs.plan import Plan
from samenet.spec.network import TaskKind
from samenet.spec.parsing import parse
from samenet.stats import intervals

SOME_FAILED = 3


@click.command("run")
@click.argument("tasks", nargs=-1)
@commands_options.frameworks(
    "NAME[:MODE]|FILE.py|all", more="'all' is every framework in every mode."
)
@click.option(
    "--python",
    "pythons",
    multiple=True,
    metavar="NAME=PATH",
    help="The Python of another environment, in which this framework is installed. Repeatable.",
)
@click.option("--data", type=commands_options.SystemPath(), help="Your own table: a CSV file.")
@click.option(
    "--target",
    "target_columns",
    multiple=True,
    metavar="COLUMN",
    help="The column of --data to predict. Repeatable: several numbers at once.",
)
@click.option(
    "--kind",
    type=click.Choice([kind.value for kind in TaskKind]),
    help="With --data: what is predicted, if the guess is wrong.",
)
@click.option("--hidden", metavar="64,32", help="Units of the hidden layers; 0 for none.")
@click.option("--epochs", type=commands_options.COUNT, help="Passes over the training rows.")
@click.option("--batch", "batch_size", type=commands_options.COUNT, help="Rows of one step.")
@click.option(
    "--profile",
    type=click.Choice(["quick", "standard", "rigorous"]),
    default="quick",
    show_default=True,
    help="How much is measured: 3, 8 to 12, or 12 to 30 repeats.",
)
@click.option(
    "--repeats", type=click.IntRange(1, 100), help="Repeats, if not those of the profile."
)
@click.option("--budget", metavar="10m", help="Stop after the repeat in which this time is spent.")
@commands_options.worker_limit
@click.option(
    "--cache",
    type=click.Choice(["cold", "warm"]),
    default="cold",
    show_default=True,
    help="Whether each process compiles anew, or finds what an earlier one compiled.",
)
@click.option(
    "--margin",
    type=commands_options.FiniteRange(0.5, 50),
    default=100 * intervals.MARGIN,
    show_default=True,
    metavar="PERCENT",
    help="Differences that are too small to matter to you.",
)
@click.option(
    "--track",
    type=click.Choice(["both", "same", "quickstart"]),
    default="both",
    show_default=True,
    help="The same network, the quick starts, or both.",
)
@commands_options.device
@commands_options.dtype
@click.option(
    "--precision",
    type=click.Choice(["strict-float32", "tf32"]),
    default="strict-float32",
    show_default=True,
    help="How a GPU multiplies float32 matrices.",
)
@commands_options.threads
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE[,VALUE]",
    help="Change a task, e.g. model.layers.0.units=32,64 for a sweep.",
)
@commands_options.out("Folder of the run; default runs/<when>-<name>.")
@click.option("--name", default="", help="Name of the run.")
@commands_options.dry_run
@commands_options.as_json
def command(**options: Any) -> int:
    """Measure the frameworks on TASKS (names or task files; default: the main job).

    \b
    Examples:
      samenet run                                   the main job: 3 data sets, one of each kind
      samenet run digits --framework pytorch --framework numpy
      samenet run --data sales.csv --target price --epochs 20
    """
    plan = planner.make_plan(_request(options))
    say_plan(plan)
    if options["dry_run"]:
        return print_dry_run(plan, as_json=options["as_json"])
    planner.refuse_empty_plan(plan)
    folder = options["out"] or planner.new_folder(plan.name, paths.runs_folder())
    store = measure(plan, folder)
    return finish(store, as_json=options["as_json"])


def measure(plan: Plan, folder: Path) -> Store:
    """Carry out a plan in a new folder; whatever ends it early, that says how to go on."""
    with keep_measured(folder), watch_run(plan) as watch:
        return session.start_run(plan, folder, watch, warn)


@contextmanager
def keep_measured(folder: Path) -> Iterator[None]:
    """Say how to go on with a run that an interruption or the machine ends.

    Raises MachineError in place of what the operating system refused.
    """
    before = (folder / "plan.json").exists()
    hint = f"What was measured is kept: samenet resume {folder}"
    try:
        yield
    except KeyboardInterrupt:
        if (folder / "plan.json").exists():
            with suppress(OSError):  # a closed terminal is one reason to be here
                print_text(f"\nInterrupted. {hint}", err=True)
        raise
    except (OSError, MemoryError) as error:
        sentence = machine_sentence(error)
        if before or (folder / "plan.json").exists():
            sentence += f" {hint}"
        raise MachineError(sentence) from error
    except WorkerError as error:
        raise WorkerError(f"{error} {hint}") from None


def warn(sentence: str) -> None:
    """Say on standard error what a person should know before the times."""
    print_text(f"Warning: {sentence}", err=True)


def _request(options: dict[str, Any]) -> planner.Request:
    if options["track"] == "quickstart":
        commands_options.refuse(
            ("repeats", "cache", "dtype", "precision"),
            "is about the same network; a quick start is run as its page says: leave it out, "
            "or measure both tracks.",
        )
    own = _own(options)
    if options["target_columns"] and not options["data"]:
        raise UsageError("--target names a column of a table: add --data FILE.csv.")
    if options["kind"] and not options["data"]:
        raise UsageError("--kind is about the column of a table: add --data FILE.csv.")
    budget = options["budget"]
    return planner.Request(
        tasks=options["tasks"],
        own=own,
        frameworks=options["frameworks"],
        pythons=options["pythons"],
        target=_target(options),
        profile=options["profile"],
        repeats=options["repeats"],
        budget_seconds=planner.parse_duration(budget) if budget else None,
        worker_seconds=options["worker_seconds"],
        margin=options["margin"] / 100,
        cache=options["cache"],
        track=options["track"],
        settings=options["settings"],
        epochs=options["epochs"],
        batch_size=options["batch_size"],
        hidden=parse_units(options["hidden"]),
        name=options["name"],
    )


def _target(options: dict[str, Any]) -> Target:
    values = {key: options[key] for key in ("dtype", "threads", "precision")}
    return parse(Target, {**parse_device(options["device"]), **values}, where="run")


def _own(options: dict[str, Any]) -> tuple[Any, ...]:
    if options["data"] is None:
        return ()
    if not options["target_columns"]:
        raise UsageError("--data needs --target COLUMN: the column to predict.")
    from samenet.spec import csv_task

    columns, kind = options["target_columns"], options["kind"]
    if kind is None:
        guessed, reason = csv_task.guess_kind(options["data"], columns)
        print_text(f"{reason} (--kind overrides this)", err=True)
        kind = guessed
    return (csv_task.csv_task(options["data"].absolute(), columns, kind=TaskKind(kind)),)


def parse_units(text: str | None) -> tuple[int, ...] | None:
    """Return the layer sizes of a text like '64,32'; '0' means no hidden layer."""
    if text is None:
        return None
    try:
        sizes = tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise UsageError(f"--hidden {shorten(text)}: write whole numbers, e.g. 64,32.") from None
    if any(size < 0 for size in sizes) or not sizes:
        raise UsageError(
            f"--hidden {shorten(text)}: write positive numbers, e.g. 64,32, or 0 for none."
        )
    return tuple(size for size in sizes if size)


def say_plan(plan: Plan) -> None:
    """Say what will be measured, how long it takes, and what cannot be."""
    names = ", ".join(arm.name for arm in plan.arms) or "no framework"
    time = f"about {plan.predicted_seconds / 60:.1f} minutes"
    tasks, most = count_noun(len(plan.tasks), "task"), plan.most > plan.repeats
    repeats = (f"{plan.repeats} to " if most else "") + count_noun(plan.most, "repeat")
    if most:
        time += " at most: it stops when its intervals are narrow enough"
    print_text(f"{tasks} on {names}: {repeats}, {time}", err=True)
    for skipped in plan.skipped:
        print_text(f"  {skipped.task} · {skipped.arm}: {skipped.reason}", err=True)


def print_dry_run(plan: Plan, *, as_json: bool) -> int:
    """Print what would be timed, and return the exit code."""
    timed = [job for job in plan.jobs if job.kind.progress_unit]
    if as_json:
        commands_options.print_json(plan.model_dump(mode="json", by_alias=True))
        return 0
    for job in timed:
        print_text(f"{job.pass_name:<10} {job.arm:<18} {', '.join(job.tasks)}  r{job.repeat}")
    return 0


def finish(store: Store, *, as_json: bool) -> int:
    """Write the page, seal the run, print the result, and return the exit code."""
    from samenet.report.page import finish_run

    with keep_measured(store.folder):
        page = finish_run(store.folder)
    run_frames = frames.load(store.folder)
    if as_json:
        commands_options.print_json(result.to_document(run_frames))
    else:
        print_text("\n".join(result.to_lines(run_frames)))
        print_text(f"\nThe page: {page}")
    cut_short = to_do_again(store.records())
    if cut_short:
        count = count_noun(len(cut_short), "job")
        print_text(
            f"{count} could not be done because of this machine, not of a framework: "
            f"samenet resume {store.folder} tries again.",
            err=True,
        )
    return SOME_FAILED if has_failures(run_frames) else 0


def has_failures(run_frames: frames.Frames) -> bool:
    """Return whether some results are missing that should be there, or predict something wrong.

    What is not installed is no failure; but where nothing at all was measured, nothing went well.
    """
    lacking = run_frames.failures[~run_frames.failures.mark.isin(["not installed", "unsupported"])]
    nothing = not run_frames.samples.track.isin(["same", "quickstart"]).any()
    checks = (run_frames.checks, run_frames.predicted)
    return nothing or bool(len(lacking)) or not all(bool(each.passed.all()) for each in checks)

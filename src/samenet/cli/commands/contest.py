"""`samenet contest`: a stranger's loop head to head with a shipped one, and the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from samenet._console import print_text
from samenet._text import count_noun
from samenet.adapter import discovery, file_checks
from samenet.adapter.api import Target, parse_device
from samenet.adapter.discovery import AdapterFile
from samenet.analysis import frames
from samenet.cli.commands import options as commands_options
from samenet.errors import UsageError
from samenet.execution import planner, session
from samenet.execution.progress import Progress
from samenet.experiments.contest import networks, result
from samenet.machine import paths
from samenet.runs import seal
from samenet.runs.folder import open_run
from samenet.runs.passes import ADMISSION_PASSES, BLOCK_PASSES
from samenet.runs.plan import Job, Plan
from samenet.runs.records import Record
from samenet.spec.parsing import parse
from samenet.spec.task import MAIN_JOB
from samenet.stats.verdicts import VerdictWord

EXIT_CODES = {VerdictWord.NOT_COMPARED: 3, VerdictWord.UNKNOWN: 5}
"""Any other verdict is an answer: 0."""

ContestLoop = tuple[AdapterFile, str]


@click.command("contest")
@click.argument("ours", metavar="NAME[:MODE]")
@click.argument("challenger", metavar="FILE.py[:MODE]")
@click.option(
    "--task",
    "tasks",
    multiple=True,
    metavar="TASK",
    help="A task name or file. Repeatable. Default, and needed to replace ours: those of the main "
    "job, a medium and a large network.",
)
@click.option(
    "--repeats",
    type=click.IntRange(1, 400),
    help="Fresh processes per loop and task; default 8, the fewest that allow a verdict.",
)
@commands_options.device
@commands_options.threads
@commands_options.worker_limit
@commands_options.out("Folder of the raw data; default runs/<when>-…")
@commands_options.as_json
def command(**options: Any) -> int:
    """Check a loop, race it against a shipped one, print a verdict that can be pasted.

    A loop that is checked, defensible and faster beyond 5 %, in the whole training or in the step,
    and in neither slower, replaces ours.

    \b
    Examples:
      samenet contest pytorch:eager mine.py
      samenet contest numpy:buffers mine.py:fast --task digits --repeats 16
    """
    ours, challenger = choose_loops(options["ours"], options["challenger"])
    target = parse(
        Target, {**parse_device(options["device"]), "threads": options["threads"]}, where="contest"
    )
    request = planner.Request(
        tasks=options["tasks"] or MAIN_JOB,
        own=() if options["tasks"] else networks.larger(),
        target=target,
        profile="standard",
        repeats=options["repeats"],
        worker_seconds=options["worker_seconds"],
        track="same",
        name=f"contest-{challenger[0].path.stem}",
    )
    plan = planner.make_plan(request, [ours, challenger])
    plan = plan.only(*ADMISSION_PASSES, *BLOCK_PASSES)
    _say_plan(plan)
    folder = options["out"] or planner.new_folder(plan.name, paths.runs_folder())
    _carried_out(plan if not plan.skipped else plan.only(), folder)
    outcome = result.settle(
        frames.load(folder),
        open_run(folder).records(),
        ours=ours[0].arm(ours[1]),
        challenger=challenger[0].arm(challenger[1]),
        undefended=_undefended(*challenger),
    )
    print_text(f"Everything that was measured: {folder}\n", err=True)
    if options["as_json"]:
        commands_options.print_json(result.to_document(outcome))
    else:
        print_text(result.to_markdown(outcome))
    return EXIT_CODES.get(outcome.verdict.word, 0)


def _undefended(found: AdapterFile, mode: str) -> list[str]:
    """Return what does not speak for a loop: nothing there, or an address of no weight."""
    wrong = [f"{what} missing in the header" for what in file_checks.missing_defences(found, mode)]
    return wrong or [text for text in [file_checks.unrecommended(found, mode)] if text]


class _Refused(Exception):  # noqa: N818 - the way out of a run that has become pointless
    """A check has failed, so that the loops will not be compared."""


def _carried_out(plan: Plan, folder: Path) -> None:
    """Check both loops, then time them in turn; stop at the first check that fails."""
    progress = Progress(plan)

    def watch(job: Job, records: Sequence[Record], seconds: float) -> None:
        progress.watch(job, records, seconds)
        if result.has_refusal(records):
            raise _Refused

    with suppress(_Refused):
        session.start_run(plan, folder, watch)
    store = open_run(folder)
    with store.writing():
        seal.seal_run(store, plan)


def choose_loops(ours: str, challenger: str) -> tuple[ContestLoop, ContestLoop]:
    """Return the two loops under distinct names; most challengers start from a copy of our file.

    A challenger without a mode runs in that of ours, if it has one of this name.
    Raises UsageError if both are one and the same loop.
    """
    (our_file, our_mode), (their_file, their_mode) = (
        discovery.find(ours),
        discovery.find(challenger),
    )
    our_mode = our_mode or our_file.default_modes[0]
    same_mode = our_mode if our_mode in their_file.header.modes else their_file.default_modes[0]
    their_mode = their_mode or same_mode
    if (our_file.path, our_mode) == (their_file.path, their_mode):
        raise UsageError(f"Both are {our_file.arm(our_mode)}: name two different loops.")
    if our_file.path != their_file.path and our_file.header.name == their_file.header.name:
        their_file = rename_challenger(their_file)
    return (our_file, our_mode), (their_file, their_mode)


def rename_challenger(adapter: AdapterFile) -> AdapterFile:
    """Return an adapter under a name of its own, which the file itself need not have."""
    header = adapter.header
    changes = {"name": f"{header.name}-challenger", "title": f"{header.title}, challenger"}
    return replace(adapter, header=header.model_copy(update=changes))


def _say_plan(plan: Plan) -> None:
    tasks, repeats = count_noun(len(plan.tasks), "task"), count_noun(plan.repeats, "repeat")
    minutes = f"about {plan.predicted_seconds / 60:.1f} minutes"
    print_text(f"2 loops on {tasks}: checked, then {repeats} in turn, {minutes}", err=True)

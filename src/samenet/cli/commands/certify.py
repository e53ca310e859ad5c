"""`samenet certify`: prove that the frameworks compute the same network, without timing them."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from samenet._console import print_text
from samenet.adapter import discovery
from samenet.adapter.api import Target
from samenet.analysis import certificate_table
from samenet.certificate import cases as certificate_cases
from samenet.cli.commands import options
from samenet.errors import UsageError
from samenet.execution import planner, session
from samenet.execution.progress import Progress
from samenet.machine.devices import parse_device
from samenet.report import certificate_text
from samenet.runs.passes import ADMISSION_PASSES
from samenet.spec.parsing import parse
from samenet.spec.task import shipped_tasks

NOT_SHOWN = 3
QUICK_TASKS = ("single_neuron", "iris")


@click.command("certify")
@click.argument("tasks", nargs=-1)
@options.frameworks()
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Every mode (unless --framework chooses), function and optimiser.",
)
@click.option("--quick", is_flag=True, help="Two small tasks and the cases they rest on.")
@options.device
@options.worker_limit
@options.as_json
def command(
    tasks: tuple[str, ...],
    frameworks: tuple[str, ...],
    *,
    device: str,
    worker_seconds: float | None,
    everything: bool,
    quick: bool,
    as_json: bool,
) -> int:
    """Check every framework on TASKS (default: all shipped ones) against the float64 oracle.

    \b
    Examples:
      samenet certify
      samenet certify --all
      samenet certify digits --framework mine.py
    """
    if everything and quick:
        raise UsageError("--all and --quick exclude each other.")
    if tasks and quick:
        raise UsageError("--quick chooses the tasks: leave it out, or name none.")
    request = planner.Request(
        tasks=tasks or (QUICK_TASKS if quick else tuple(shipped_tasks())),
        frameworks=frameworks or ((discovery.ALL_MODES,) if everything else ()),
        cases=tuple(certificate_cases.names()) if everything else (),
        track="same",
        worker_seconds=worker_seconds,
        target=parse(Target, parse_device(device), where="certify"),
    )
    plan = planner.make_plan(request).only(*ADMISSION_PASSES)
    with tempfile.TemporaryDirectory() as folder:
        store = session.start_run(plan, Path(folder) / "run", Progress(plan, quiet=as_json).watch)
        records = store.records()
    outcome = certificate_table.outcome_of(records)
    if as_json:
        options.print_json(certificate_text.to_document(outcome, plan))
    else:
        print_text(certificate_text.to_text(outcome, plan))
    lacking = [s for s in plan.skipped if frameworks or s.mark == "failed"]
    return 0 if certificate_table.is_proved(outcome, plan) and not lacking else NOT_SHOWN

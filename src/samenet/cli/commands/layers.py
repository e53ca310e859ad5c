"""`samenet layers`: single layers, forward and backward, framework beside framework."""

from __future__ import annotations

from typing import Any

import click

from samenet._console import print_text
from samenet._text import count_noun
from samenet.adapter.api import Target
from samenet.analysis import frames
from samenet.cli.commands import options as commands_options
from samenet.cli.commands.run import SOME_FAILED, keep_measured, measure, print_dry_run
from samenet.execution import planner
from samenet.experiments.layers import networks, result
from samenet.experiments.layers import plan as layers_plan
from samenet.machine import paths
from samenet.machine.devices import parse_device
from samenet.runs.folder import Store
from samenet.runs.plan import Plan
from samenet.spec.layers import KINDS
from samenet.spec.parsing import parse


@click.command("layers")
@click.option(
    "--layer",
    "kinds",
    multiple=True,
    metavar="KIND[,KIND]",
    help=f"Default: all of {', '.join(KINDS)}.",
)
@click.option("--size", "sizes", multiple=True, metavar="S[,M,L]", help="Default: all three.")
@commands_options.frameworks()
@commands_options.device
@commands_options.dtype
@commands_options.threads
@click.option(
    "--repeats",
    type=click.IntRange(1, 100),
    default=layers_plan.REPEATS,
    show_default=True,
    help="Processes per framework and layer, all frameworks in turn.",
)
@click.option("--no-memory", is_flag=True, help="Leave out the processes that measure memory.")
@commands_options.worker_limit
@commands_options.out("Folder of the run; default runs/<when>-layers.")
@commands_options.dry_run
@commands_options.as_json
def command(**options: Any) -> int:
    """Time single layers: forward, forward + backward, memory; proved the same before.

    Every kind of layer stands in the smallest network that holds it, at three sizes.

    \b
    Examples:
      samenet layers --layer conv2d,lstm
      samenet layers --layer attention --size M,L --framework pytorch --framework jax
      samenet layers --json > layers.json
    """
    plan = layers_plan.make_plan(
        kinds=_split(options["kinds"]),
        sizes=_split(options["sizes"]),
        frameworks=options["frameworks"],
        target=_target(options),
        repeats=options["repeats"],
        memory=not options["no_memory"],
        worker_seconds=options["worker_seconds"],
    )
    _say_plan(plan)
    if options["dry_run"]:
        return print_dry_run(plan, as_json=options["as_json"])
    planner.refuse_empty_plan(plan, needs_arms=True)
    folder = options["out"] or planner.new_folder(plan.name, paths.runs_folder())
    return _finish(measure(plan, folder), as_json=options["as_json"])


def _split(texts: tuple[str, ...]) -> list[str]:
    """Return the names of a repeatable option that takes several at once."""
    return [part.strip() for text in texts for part in text.split(",") if part.strip()]


def _target(options: dict[str, Any]) -> Target:
    values = {key: options[key] for key in ("dtype", "threads")}
    return parse(Target, {**parse_device(options["device"]), **values}, where="layers")


def _say_plan(plan: Plan) -> None:
    """Say what will be measured and how long it takes; what cannot be, once per framework."""
    kinds = {networks.kind_of(task) for task in plan.tasks}
    names = ", ".join(arm.name for arm in plan.arms) or "no framework"
    print_text(
        f"{count_noun(len(kinds), 'layer')} in {count_noun(len(plan.tasks), 'network')} on "
        f"{names}: {count_noun(plan.repeats, 'repeat')}, "
        f"about {plan.predicted_seconds / 60:.1f} minutes",
        err=True,
    )
    absent = {(s.arm, s.reason) for s in plan.skipped if not s.reason.startswith(result.OTHER_MODE)}
    for arm, reason in sorted(absent):
        print_text(f"  {arm}: {reason}", err=True)


def _finish(store: Store, *, as_json: bool) -> int:
    """Write the page, seal the run, print the table, and return the exit code."""
    from samenet.report.page import finish_run

    with keep_measured(store.folder):
        page = finish_run(store.folder)
    run_frames = frames.load(store.folder)
    if as_json:
        commands_options.print_json(result.to_document(run_frames))
    else:
        print_text("\n".join(result.to_lines(run_frames)))
        print_text(f"\nThe page: {page}")
    return SOME_FAILED if result.has_failures(run_frames) else 0

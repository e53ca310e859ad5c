"""`samenet show`: the layers of a task's network, with shapes, numbers and operations."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path
from typing import Any

import click

from samenet._console import print_text
from samenet._text import count_noun
from samenet.adapter import discovery
from samenet.cli.commands import options
from samenet.errors import UsageError
from samenet.execution import planner, session
from samenet.execution.progress import Progress
from samenet.runs.records import DataPrepared, FailureRecord
from samenet.spec.layers import IDENTITY, Place, describe
from samenet.spec.network import Network
from samenet.spec.task import Task

BYTES = 4
"""Of a number in float32."""
PASSES = 3
"""A training step takes the forward pass and about twice as much backwards."""
SHOWN_KEYS = ("units", "filters", "size", "stride", "padding", "width", "heads", "rate")
HEADS = ("layer", "kind", "", "gives", "trained", "operations")


@click.command("show")
@click.argument("task", default="digits")
@click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="Change the task before."
)
@options.as_json
def command(task: str, settings: tuple[str, ...], *, as_json: bool) -> int:
    """Print the layers of TASK's network: shapes, trained numbers, floating-point operations.

    \b
    Examples:
      samenet show glyphs
      samenet show digits --set "model=mlp(64, 32)"
    """
    frameworks = tuple(discovery.included_adapters())[:1]  # one that is always there
    request = planner.Request(tasks=(task,), settings=settings, frameworks=frameworks, track="same")
    shown = [describe_network(spec.name, net) for spec, net in prepare_networks(request)]
    if as_json:
        options.print_json(shown if len(shown) > 1 else shown[0])
    else:
        print_text("\n\n".join("\n".join(table(facts)) for facts in shown))
    return 0


def prepare_networks(request: planner.Request) -> list[tuple[Task, Network]]:
    """Return the network of each task on its data, which are prepared for it.

    Raises UsageError if they cannot be prepared, or if a layer does not fit them.
    """
    plan = planner.make_plan(request)
    with tempfile.TemporaryDirectory() as folder:
        watch = Progress(plan, quiet=True).watch
        store = session.prepare_data(plan, Path(folder) / "run", watch)
        records = store.records()
    for record in records:
        if isinstance(record, FailureRecord):
            raise UsageError(f"{record.task}: {record.reason}")
    shown = {record.task: record for record in records if isinstance(record, DataPrepared)}
    return [(task, _network(task, shown[task.name])) for task in plan.tasks]


def _network(task: Task, prepared: DataPrepared) -> Network:
    return task.model.network(
        inputs=task.data.shape or prepared.features,
        outputs=prepared.outputs,
        vocabulary=task.data.vocabulary,
    )


def describe_network(task: str, network: Network) -> dict[str, Any]:
    """Return all that is shown, as plain data."""
    layers = [_describe_place(place) for place in network.places]
    return {
        "task": task,
        "inputs": list(network.input_shape),
        "vocabulary": network.vocabulary,
        "outputs": network.outputs,
        "family": network.family,
        "layers": layers,
        "trained": network.parameters,
        "kept": sum(layer["kept"] for layer in layers),
        "operations": network.operations,
    }


def _describe_place(place: Place) -> dict[str, Any]:
    parameters = place.parameters.values()
    return {
        "path": place.path,
        "kind": place.kind,
        "details": _details(place),
        "inputs": list(place.inputs),
        "outputs": list(place.outputs),
        "parameters": {name: list(shown.shape) for name, shown in place.parameters.items()},
        "trained": sum(shown.size for shown in parameters if shown.is_trained),
        "kept": sum(shown.size for shown in parameters if not shown.is_trained),
        "operations": place.operations,
    }


def _details(place: Place) -> str:
    layer = place.layer
    parts = [
        f"{key} {_written(value)}"
        for key in SHOWN_KEYS
        if (value := getattr(layer, key, None)) and not (key == "padding" and value == "valid")
    ]
    if place.activation != IDENTITY:
        parts.append(str(place.activation))
    if place.dropout:
        parts.append(f"dropout {place.dropout:g}")
    parts += [key for key in ("sequences", "causal") if getattr(layer, key, False)]
    return ", ".join(parts)


def _written(value: Any) -> str:
    return " × ".join(map(str, value)) if isinstance(value, tuple) else str(value)


KINDS_SHOWN = {"fork": "residual", "join": "… added"}


def table(facts: dict[str, Any]) -> list[str]:
    """Return the lines: a row per layer, then the totals."""
    rows = [
        (
            layer["path"],
            KINDS_SHOWN.get(layer["kind"], layer["kind"]),
            layer["details"],
            describe(tuple(layer["outputs"])),
            f"{layer['trained']:,}" if layer["trained"] else "–",
            f"{layer['operations']:,}" if layer["operations"] else "–",
        )
        for layer in facts["layers"]
    ]
    wide = [max(len(row[i]) for row in (HEADS, *rows)) for i in range(len(HEADS))]
    lines = [
        "  ".join(
            f"{cell:>{width}}" if i >= 4 else f"{cell:<{width}}"
            for i, (cell, width) in enumerate(zip(row, wide, strict=True))
        ).rstrip()
        for row in (HEADS, *rows)
    ]
    return [_heading(facts), "", *lines, "", *_totals(facts)]


def _heading(facts: dict[str, Any]) -> str:
    shape = describe(tuple(facts["inputs"]))
    row = f"{facts['inputs'][0]} tokens of {facts['vocabulary']}" if facts["vocabulary"] else shape
    return f"{facts['task']}: a row is {row}; {count_noun(facts['outputs'], 'output')}."


def _totals(facts: dict[str, Any]) -> list[str]:
    kept = f", and {facts['kept']:,} that are kept" if facts["kept"] else ""
    size = BYTES * (facts["trained"] + facts["kept"]) / 1e6
    operations = facts["operations"]
    power = f"{PASSES * operations:.3g}" if operations < 1e3 else _in_words(PASSES * operations)
    counted = f"{operations:,} multiplications and additions in products and windows"
    return [
        f"Trained numbers: {facts['trained']:,}{kept} ({size:.3g} MB in float32).",
        f"The forward pass of one row: {counted}.",
        f"A row in a training step takes about {PASSES} times as many: {power}.",
    ]


def _in_words(number: int) -> str:
    power = min(int(math.log10(number)) // 3, 4)
    return f"{number / 1000**power:.3g} {('', 'thousand', 'million', 'billion', 'trillion')[power]}"

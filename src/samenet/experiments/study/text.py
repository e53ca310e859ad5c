"""A study in words: short tables for a terminal, one JSON document for programs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict
from statistics import median
from typing import Any, NamedTuple

from samenet._text import counted
from samenet.experiments.study.conclusions import Conclusion, agreement, conclusions, small
from samenet.experiments.study.outcome import Outcome
from samenet.spec.metrics import METRICS
from samenet.spec.network import Kind
from samenet.spec.study import SCENES, SCENES_OF, SCORES, Scene, matching, units
from samenet.stats.formatting import duration
from samenet.stats.intervals import Interval

SCHEMA = "samenet-study/1"
WIDTH = 26


def plain(spread: Interval) -> str:
    """Return a number with its range, if it has one."""
    low, middle, high = map(small, (spread.low, spread.value, spread.high))
    return middle if low == high else f"{middle} [{low}, {high}]"


class Column(NamedTuple):
    """One quantity of a table: its head, one number per seed, and how a number is written."""

    head: str
    values: Callable[[str], Sequence[float]]
    shown: Callable[[Interval], str] = plain


def lines(outcome: Outcome) -> list[str]:
    """Return what a person reads: per framework the tables, then what follows from them."""
    shown = []
    for arm in outcome.arms:
        shown += [*_of_arm(outcome, arm), ""]
    return shown + _closing(outcome)


def _of_arm(outcome: Outcome, arm: str) -> list[str]:
    title = outcome.task.title or outcome.task.name
    count = outcome.study.seeds
    shown = [f"{title}, {_title(outcome, arm)}: {counted(count, 'seed')}", ""]
    for table in tables(outcome, arm):
        shown += [*_table(table), ""]
    shown.append("What the seeds show")
    shown += [f"  {headed(conclusion)}" for conclusion in conclusions(outcome, arm)]
    return [*shown, *_lacking(outcome, arm)]


def headed(conclusion: Conclusion) -> str:
    """Return a sentence with its subject in front."""
    return f"{conclusion.about[0].upper()}{conclusion.about[1:]}: {conclusion.sentence}"


def _title(outcome: Outcome, arm: str) -> str:
    planned = outcome.plan.arm(arm)
    return f"{planned.header.title} ({planned.mode})"


Plain = tuple[str, list[str], list[list[str]]]
"""A table as texts: title, heads, rows."""


def tables(outcome: Outcome, arm: str) -> list[Plain]:
    """Return one table per scene."""
    return [_plain_table(outcome, arm, scene) for scene in SCENES_OF[outcome.study.kind]]


def _plain_table(outcome: Outcome, arm: str, scene: Scene) -> Plain:
    columns = list(_columns(outcome, arm, scene))
    rows = [
        [_named(outcome, choice), *(_cell(column, choice) for column in columns)]
        for choice in outcome.choices(arm)
    ]
    return _scene_title(outcome, scene), ["", *(column.head for column in columns)], rows


def _table(table: Plain) -> list[str]:
    title, heads, rows = table
    wide = max(WIDTH, *(len(row[0]) + 2 for row in rows))
    shown = [title]
    for first, *cells in (heads, *rows):
        spaced = "".join(f"{cell:<{WIDTH}}" for cell in cells).rstrip()
        shown.append(f"  {first:<{wide}}{spaced}")
    return shown


def _scene_title(outcome: Outcome, scene: Scene) -> str:
    widths = units(outcome.task, scene)
    if scene == "deep":
        return f"{SCENES[scene]} of {widths[0]}"
    shown = "-".join(map(str, widths)) or "none"
    return f"{SCENES[scene][0].upper()}{SCENES[scene][1:]} (hidden layers: {shown})"


def _named(outcome: Outcome, choice: str) -> str:
    """Return a choice; a loss of a task with classes says whether it matches."""
    if outcome.study.kind == "activations" or outcome.task.kind is Kind.REGRESSION:
        return choice
    return f"{choice} ({'matching' if matching(outcome.task.kind, choice) else 'mismatching'})"


def _columns(outcome: Outcome, arm: str, scene: Scene) -> list[Column]:
    def values(quantity: str, **more: Any) -> Callable[[str], list[float]]:
        return lambda choice: outcome.values(arm, scene, choice, quantity, **more)

    scores = [
        Column(f"test {METRICS[metric].in_sentence}", values(metric, split="test"))
        for metric in SCORES[outcome.task.kind]
    ]
    last = len(units(outcome.task, scene)) + 1
    gradients = [Column("gradient, first layer", values("gradient", epoch=0, layer=1))]
    if last > 1:
        gradients.append(Column("… and last layer", values("gradient", epoch=0, layer=last)))
    dead = Column("dead units", values("dead"))
    if scene == "fast":
        return [*scores, dead]
    if scene == "deep":
        return [*scores, *gradients, dead]
    timed = Column("an epoch", lambda c: outcome.epoch_seconds(arm, scene, c), duration)
    return [*scores, *gradients, timed]


def _cell(column: Column, choice: str) -> str:
    """Return the median of the seeds and their range."""
    values = column.values(choice)
    if not all(map(math.isfinite, values)):
        return "diverged"
    spread = Interval(value=median(values), low=min(values), high=max(values), n=len(values))
    return column.shown(spread)


def _lacking(outcome: Outcome, arm: str) -> list[str]:
    reasons = [
        f"  {c}: left out: {why}" for (a, c), why in outcome.left_out.items() if a == arm and c
    ]
    return ["", *reasons] if reasons else []


def _closing(outcome: Outcome) -> list[str]:
    """Return what concerns all frameworks: whether they agree, what is missing, how to read it."""
    closing = [f"{arm}: {why}" for (arm, choice), why in outcome.left_out.items() if not choice]
    if len(outcome.arms) > 1:
        same, all_ = agreement([conclusions(outcome, arm) for arm in outcome.arms])
        names = " and ".join(_title(outcome, arm) for arm in outcome.arms)
        closing += [f"{names} find the same in {same} of {all_} points (times aside).", ""]
    return [*closing, _how_to_read(outcome)]


def _how_to_read(outcome: Outcome) -> str:
    return (
        "Each number is the median of the seeds with its smallest and largest. All choices of a "
        "seed start from the same weights and see the same batches; gradients (before training), "
        "dead units and scores are computed from the framework’s weights in float64. The "
        f"framework’s own outputs differ from those by at most {outcome.worst_check:.0e} of their "
        "size."
    )


def document(outcome: Outcome) -> dict[str, Any]:
    """Return the study as plain data, for `--json`."""
    frame = outcome.frame.merge(outcome.seconds, on=["arm", "scene", "choice", "seed"])
    trainings = [
        {**dict(zip(("framework", "scene", "choice", "seed"), key, strict=True)), **_training(rows)}
        for key, rows in frame.groupby(["arm", "scene", "choice", "seed"], sort=False)
    ]
    return {
        "schema": SCHEMA,
        "kind": outcome.study.kind,
        "task": outcome.task.name,
        "choices": list(outcome.study.choices),
        "seeds": outcome.study.seeds,
        "trainings": trainings,
        "conclusions": {
            arm: [asdict(c) for c in conclusions(outcome, arm)] for arm in outcome.arms
        },
        "left_out": [
            {"framework": arm, "choice": choice, "reason": why}
            for (arm, choice), why in outcome.left_out.items()
        ],
        "largest_difference": outcome.worst_check,
        "folder": str(outcome.folder),
    }


def _training(rows: Any) -> dict[str, Any]:
    """Return one training: its time and, per quantity, [epoch, layer, value] of every reading."""
    quantities = {}
    for (split, quantity), readings in rows.groupby(["split", "quantity"], sort=False):
        quantities[f"{split} {quantity}"] = [
            [int(epoch), int(layer), None if math.isnan(value) else float(value)]
            for epoch, layer, value in zip(
                readings.epoch, readings.layer, readings.value, strict=True
            )
        ]
    return {"epoch_seconds": float(rows.seconds.iloc[0]), "looks": quantities}

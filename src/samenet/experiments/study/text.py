"""A study in words: short tables for a terminal, one JSON document for programs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict
from statistics import median
from typing import Any, NamedTuple

from samenet._text import count_noun, join_names
from samenet.experiments.study.conclusions import (
    Conclusion,
    compare_conclusions,
    draw_conclusions,
    format_small,
)
from samenet.experiments.study.outcome import StudyOutcome
from samenet.spec.metrics import METRICS
from samenet.spec.network import TaskKind
from samenet.spec.study import (
    SCENE_TITLES,
    SCENES_OF_KIND,
    STUDY_SCORES,
    Scene,
    hidden_widths,
    is_matching_loss,
)
from samenet.stats.formatting import format_duration
from samenet.stats.intervals import Interval

SCHEMA = "samenet-study/1"
WIDTH = 26


def format_spread(spread: Interval) -> str:
    """Return a number with its range, if it has one."""
    low, middle, high = map(format_small, (spread.low, spread.value, spread.high))
    return middle if low == high else f"{middle} [{low}, {high}]"


class StudyColumn(NamedTuple):
    """One quantity of a table: its head, one number per seed, and how a number is written."""

    head: str
    values: Callable[[str], Sequence[float]]
    shown: Callable[[Interval], str] = format_spread


def to_lines(outcome: StudyOutcome) -> list[str]:
    """Return what a person reads: per framework the tables, then what follows from them."""
    shown = []
    for arm in outcome.arms:
        shown += [*_of_arm(outcome, arm), ""]
    return shown + _closing(outcome)


def _of_arm(outcome: StudyOutcome, arm: str) -> list[str]:
    title = outcome.task.title or outcome.task.name
    count = outcome.study.seeds
    shown = [f"{title}, {_title(outcome, arm)}: {count_noun(count, 'seed')}", ""]
    for table in text_tables(outcome, arm):
        shown += [*_table(table), ""]
    shown.append("What the seeds show")
    shown += [f"  {with_heading(conclusion)}" for conclusion in draw_conclusions(outcome, arm)]
    return [*shown, *_lacking(outcome, arm)]


def with_heading(conclusion: Conclusion) -> str:
    """Return a sentence with its subject in front."""
    return f"{conclusion.about[0].upper()}{conclusion.about[1:]}: {conclusion.sentence}"


def _title(outcome: StudyOutcome, arm: str) -> str:
    planned = outcome.plan.arm(arm)
    return f"{planned.header.title} ({planned.mode})"


TextTable = tuple[str, list[str], list[list[str]]]
"""A table as texts: title, heads, rows."""


def text_tables(outcome: StudyOutcome, arm: str) -> list[TextTable]:
    """Return one table per scene."""
    return [_plain_table(outcome, arm, scene) for scene in SCENES_OF_KIND[outcome.study.kind]]


def _plain_table(outcome: StudyOutcome, arm: str, scene: Scene) -> TextTable:
    columns = list(_columns(outcome, arm, scene))
    rows = [
        [_named(outcome, choice), *(_cell(column, choice) for column in columns)]
        for choice in outcome.choices(arm)
    ]
    return _scene_title(outcome, scene), ["", *(column.head for column in columns)], rows


def _table(table: TextTable) -> list[str]:
    title, heads, rows = table
    wide = max(WIDTH, *(len(row[0]) + 2 for row in rows))
    shown = [title]
    for first, *cells in (heads, *rows):
        spaced = "".join(f"{cell:<{WIDTH}}" for cell in cells).rstrip()
        shown.append(f"  {first:<{wide}}{spaced}")
    return shown


def _scene_title(outcome: StudyOutcome, scene: Scene) -> str:
    widths = hidden_widths(outcome.task, scene)
    if scene == "deep":
        return f"{SCENE_TITLES[scene]} of {widths[0]}"
    shown = "-".join(map(str, widths)) or "none"
    return f"{SCENE_TITLES[scene][0].upper()}{SCENE_TITLES[scene][1:]} (hidden layers: {shown})"


def _named(outcome: StudyOutcome, choice: str) -> str:
    """Return a choice; a loss of a task with classes says whether it matches."""
    if outcome.study.kind == "activations" or outcome.task.kind is TaskKind.REGRESSION:
        return choice
    return (
        f"{choice} ({'matching' if is_matching_loss(outcome.task.kind, choice) else 'mismatching'})"
    )


def _columns(outcome: StudyOutcome, arm: str, scene: Scene) -> list[StudyColumn]:
    def values(quantity: str, **more: Any) -> Callable[[str], list[float]]:
        return lambda choice: outcome.values(arm, scene, choice, quantity, **more)

    scores = [
        StudyColumn(f"test {METRICS[metric].in_sentence}", values(metric, split="test"))
        for metric in STUDY_SCORES[outcome.task.kind]
    ]
    last = len(hidden_widths(outcome.task, scene)) + 1
    gradients = [StudyColumn("gradient, first layer", values("gradient", epoch=0, layer=1))]
    if last > 1:
        gradients.append(StudyColumn("… and last layer", values("gradient", epoch=0, layer=last)))
    dead = StudyColumn("dead units", values("dead"))
    if scene == "fast":
        return [*scores, dead]
    if scene == "deep":
        return [*scores, *gradients, dead]
    timed = StudyColumn("an epoch", lambda c: outcome.epoch_seconds(arm, scene, c), format_duration)
    return [*scores, *gradients, timed]


def _cell(column: StudyColumn, choice: str) -> str:
    """Return the median of the seeds and their range."""
    values = column.values(choice)
    if not all(map(math.isfinite, values)):
        return "diverged"
    spread = Interval(value=median(values), low=min(values), high=max(values), n=len(values))
    return column.shown(spread)


def _lacking(outcome: StudyOutcome, arm: str) -> list[str]:
    reasons = [
        f"  {c}: left out: {why}" for (a, c), why in outcome.left_out.items() if a == arm and c
    ]
    return ["", *reasons] if reasons else []


def _closing(outcome: StudyOutcome) -> list[str]:
    """Return what concerns all frameworks: whether they agree, what is missing, how to read it."""
    closing = [f"{arm}: {why}" for (arm, choice), why in outcome.left_out.items() if not choice]
    if len(outcome.arms) > 1:
        same, all_ = compare_conclusions(outcome)
        names = join_names(_title(outcome, arm) for arm in outcome.arms)
        if all_:
            closing += [f"{names} find the same in {same} of {all_} points (times aside).", ""]
        else:
            closing += [f"{names} have no finding to compare (times aside).", ""]
    return [*closing, _how_to_read(outcome)]


def _how_to_read(outcome: StudyOutcome) -> str:
    return (
        "Each number is the median of the seeds with its smallest and largest. All choices of a "
        "seed start from the same weights and see the same batches; gradients (before training), "
        "dead units and scores are computed from the framework’s weights in float64. The "
        f"framework’s own outputs differ from those by at most {outcome.worst_check:.0e} of their "
        "size."
    )


def to_document(outcome: StudyOutcome) -> dict[str, Any]:
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
            arm: [asdict(c) for c in draw_conclusions(outcome, arm)] for arm in outcome.arms
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

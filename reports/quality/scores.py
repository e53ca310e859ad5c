"""Every score on training and test rows, of networks and of models that are not networks."""

from __future__ import annotations

from statistics import fmean, stdev

import pandas as pd

from samenet.analysis.frames import Frames
from samenet.report.blocks import Cell, Column, Section, Table, arm_cell, missing_cell
from samenet.runs.plan import task_title
from samenet.spec import Task
from samenet.spec.metrics import metrics_of
from samenet.stats.formatting import format_small

ORDER = 1


def section(frames: Frames) -> Section | None:
    """Return one table per task."""
    tables = tuple(table for task in frames.plan.tasks if (table := _table(frames, task)).rows)
    if not tables:
        return None
    return Section(
        id="scores",
        title="Scores",
        summary="Every score by scikit-learn from raw outputs, beside models that are no networks.",
        blocks=tables,
    )


def _table(frames: Frames, task: Task) -> Table:
    metrics = metrics_of(task.kind)
    heads = (Column(title=metric.title, help=metric.direction) for metric in metrics)
    directions = "; ".join(f"{metric.title}: {metric.direction}" for metric in metrics)
    return Table(
        task=task.name,
        title=task_title(frames.plan, task.name),
        columns=(Column(title="Framework", numeric=False), *heads),
        rows=tuple(
            _row(frames, task, track, arm)
            for track in ("same", "reference")
            for arm in _arms(frames, task, track)
        ),
        notes=(f"On test rows. {directions}. ± is the deviation between trainings.",),
    )


def _arms(frames: Frames, task: Task, track: str) -> list[str]:
    rows = frames.scores
    return [*rows[(rows.track == track) & (rows.task == task.name)].arm.unique()]


def _row(frames: Frames, task: Task, track: str, arm: str) -> tuple[Cell, ...]:
    rows = frames.scores
    rows = rows[(rows.track == track) & (rows.task == task.name) & (rows.arm == arm)]
    if track == "reference":
        below: tuple[str, ...] = ("not a network",)
    else:
        below = () if frames.result(task, arm).passed else ("another network: a check failed",)
    return (
        arm_cell(frames, arm, *below),
        *(_cell(rows[rows.metric == metric.name]) for metric in metrics_of(task.kind)),
    )


def _cell(rows: pd.DataFrame) -> Cell:
    """Return the score on test rows with its spread, and the one on training rows below it."""
    last = rows[rows.epoch == rows.epoch.max()]
    test, train = (last[last.split == split].value.tolist() for split in ("test", "train"))
    if not test:
        return missing_cell()
    spread = f" ± {format_small(stdev(test))}" if len(test) > 1 else ""
    below = f"{fmean(train):.4g} in training" if train else ""
    mean = fmean(test)
    return Cell(text=f"{mean:.4g}{spread}", value=mean, below=(below,))

"""Every score on training and test rows, of networks and of models that are not networks."""

from __future__ import annotations

from samenet.frames import Frames
from samenet.sections import Cell, Column, Section, Table, arm_cell, missing, title_of
from samenet.statistics import arithmetic
from samenet.task import HIGHER_IS_BETTER, METRICS, Task

ORDER = 60
NAMES = {
    "accuracy": "Accuracy",
    "log_loss": "Log loss",
    "roc_auc": "ROC AUC",
    "f1": "F1",
    "rmse": "RMSE",
    "mae": "MAE",
    "r2": "R²",
}


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
    metrics = METRICS[task.kind]
    heads = [
        Column(title=f"{NAMES[metric]}, {split}", help=_direction(metric))
        for metric in metrics
        for split in ("test", "train")
    ]
    rows = [
        _row(frames, task, track, arm)
        for track in ("same", "reference")
        for arm in _arms(frames, task, track)
    ]
    return Table(
        title=title_of(frames.plan, task.name),
        columns=(Column(title="Framework", numeric=False), *heads),
        rows=tuple(rows),
        notes=("Mean over the trainings; ± is their standard deviation. " + _directions(task),),
    )


def _direction(metric: str) -> str:
    return "higher is better" if HIGHER_IS_BETTER[metric] else "lower is better"


def _directions(task: Task) -> str:
    said = [f"{NAMES[metric]}: {_direction(metric)}" for metric in METRICS[task.kind]]
    return "; ".join(said) + "."


def _arms(frames: Frames, task: Task, track: str) -> list[str]:
    rows = frames.scores
    return [*rows[(rows.track == track) & (rows.task == task.name)].arm.unique()]


def _row(frames: Frames, task: Task, track: str, arm: str) -> tuple[Cell, ...]:
    cells = [
        _cell(frames, task, track, arm, metric, split)
        for metric in METRICS[task.kind]
        for split in ("test", "train")
    ]
    below = ("not a network",) if track == "reference" else ()
    return (arm_cell(frames, arm, *below), *cells)


def _cell(frames: Frames, task: Task, track: str, arm: str, metric: str, split: str) -> Cell:
    rows = frames.scores
    rows = rows[(rows.track == track) & (rows.task == task.name) & (rows.arm == arm)]
    rows = rows[(rows.metric == metric) & (rows.split == split)]
    values = rows[rows.epoch == rows.epoch.max()].value.tolist()
    if not values:
        return missing()
    mean = arithmetic(values).value
    spread = (sum((v - mean) ** 2 for v in values) / max(1, len(values) - 1)) ** 0.5
    below = (f"± {spread:.2g}",) if len(values) > 1 else ()
    return Cell(text=f"{mean:.4g}", value=mean, below=below)

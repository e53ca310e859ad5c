"""The product in one picture: first examples disagree, the same network coincides."""

from __future__ import annotations

from functools import partial

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from samenet.analysis.frames import Frames
from samenet.report import line_labels, plotting
from samenet.report.blocks import (
    Cell,
    Figure,
    Section,
    Table,
    columns,
    missing_cell,
    subject_of,
)
from samenet.reports.quickstart import scores_and_settings
from samenet.runs.plan import task_title
from samenet.spec import Task, TaskKind
from samenet.spec.metrics import main_metric

ORDER = 1
Ends = dict[str, tuple[float, float, str]]
LEFT = "Quick start: each one’s own first example"
RIGHT = "Same network: equal weights and formulas"


def section(frames: Frames) -> Section | None:
    """Return the hero figure of one task."""
    task = choose_task(frames)
    if task is None:
        return None
    name = task_title(frames.plan, task.name)
    figure = Figure(
        name="hero",
        title=f"{name}: first examples, and the same network",
        help=(
            "Left: what you get by following each framework’s own beginner page, with its own "
            "starting weights, settings and number of updates: the test score of "
            f"{_marks(frames)}. Right: the training loss per "
            "epoch, lower is better, when every framework starts from the same weights and does "
            "the same arithmetic: the line is striped because all frameworks lie on it."
        ),
        draw=partial(_draw, frames, task),
        table=_table(frames, task),
        task=task.name,
    )
    return Section(
        id="hero",
        title="The same network learns the same everywhere",
        summary="First examples differ because their settings differ, not the frameworks.",
        blocks=(figure,),
        top=True,
    )


def _marks(frames: Frames) -> str:
    """Say what the marks of the first examples are; one training each says nothing of luck."""
    if frames.plan.seeds == 1:
        return "one training of each, so how far luck moves it is not known"
    return "each training, one mark per seed; the upright line is their mean"


def choose_task(frames: Frames) -> Task | None:
    """Return the task to show: digits, else the first multi-class one, else the first."""
    tasks = [
        task
        for task in frames.plan.tasks
        if not (
            scores_and_settings.final(frames, task).empty
            and same_network_losses(frames, task.name).empty
        )
    ]
    digits = [task for task in tasks if task.name == "digits"]
    classes = [task for task in tasks if task.kind == TaskKind.MULTICLASS]
    return next(iter([*digits, *classes, *tasks]), None)


def same_network_losses(frames: Frames, task: str) -> pd.DataFrame:
    """Return the training losses of the same network; epoch 0 is the untrained one."""
    rows = frames.scores
    rows = rows[(rows.track == "same") & (rows.task == task) & (rows.split == "train")]
    return rows[(rows.metric == "loss") & rows.arm.isin(frames.compared(frames.plan.task(task)))]


def _draw(frames: Frames, task: Task, narrow: bool) -> Drawing:  # noqa: FBT001 - Figure.draw
    picture, (left, right) = plotting.make_panels(
        2, narrow=narrow, height=3.3 if not narrow else 2.9
    )
    quick, equal = scores_and_settings.final(frames, task), same_network_losses(frames, task.name)
    if quick.empty:
        plotting.write_in_panel(left, "not measured in this run")
    else:
        scores_and_settings.strip(frames, left, task, quick.arm.nunique())
        left.set_xlabel(f"test {main_metric(task.kind).words}")
    if not equal.empty:
        plotting.log_scale(right, equal.value.tolist())
    plotting.epochs_axis(right)
    ends = _same(frames, right, task.name, equal)
    named = {frames.title(arm): subject_of(arm, task.name) for arm in equal.arm.unique()}
    line_labels.label_ends(right, ends, named)
    left.set_title(LEFT)
    right.set_title(RIGHT)
    right.set_ylabel("training loss")
    return picture


def _same(frames: Frames, axes: Axes, task: str, rows: pd.DataFrame) -> Ends:
    if rows.empty:
        plotting.write_in_panel(axes, "not measured in this run")
    arms = rows.arm.unique().tolist()
    ends: Ends = {}
    for number, arm in enumerate(arms):
        mean = rows[rows.arm == arm].groupby("epoch").value.mean()
        look = plotting.style_of(frames, arm)
        values = plotting.positive_or_gap(mean.tolist())
        line = plotting.draw_striped(axes, number, len(arms), mean.index.tolist(), values, look)
        plotting.mark_subject(line, subject_of(arm, task))
        ends[frames.title(arm)] = (mean.index[-1], mean.iloc[-1], look.color)
    return ends


def _table(frames: Frames, task: Task) -> Table:
    """Return the curves of the right panel; the scores stand in the section of the quick starts."""
    rows = same_network_losses(frames, task.name)
    means = {arm: rows[rows.arm == arm].groupby("epoch").value.mean() for arm in rows.arm.unique()}
    epochs = sorted({int(epoch) for mean in means.values() for epoch in mean.index})
    return Table(
        title=f"Training loss per epoch, {task_title(frames.plan, task.name)}",
        columns=columns(*(frames.title(arm) for arm in means), first="Epoch"),
        rows=tuple(
            (Cell(text=str(epoch), value=epoch), *(_loss(mean, epoch) for mean in means.values()))
            for epoch in epochs
        ),
        folded=True,
        task=task.name,
    )


def _loss(mean: pd.Series[float], epoch: int) -> Cell:
    if epoch not in mean.index:
        return missing_cell()
    value = float(mean[epoch])
    return Cell(text=f"{value:.4g}", value=value)

"""The product in one picture: first examples disagree, the same network coincides."""

from __future__ import annotations

from collections.abc import Callable
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
    Subject,
    Table,
    columns,
    framework_of,
    missing,
    quick_start_of,
    subject_of,
)
from samenet.runs.plan import title_of
from samenet.spec import Kind, Task

ORDER = 1
Ends = dict[str, tuple[float, float, str]]
LEFT = "Quick start: each one’s own first example"
RIGHT = "Same network: equal weights and formulas"


def _own_losses(task: Task) -> str:
    """Return a warning where the examples report different losses: heights do not compare."""
    if task.kind != Kind.REGRESSION:
        return ""
    return (
        "On the left compare shapes, not heights: Keras’ example reports the mean absolute error, "
        "the others the mean squared error. "
    )


def section(frames: Frames) -> Section | None:
    """Return the hero figure of one task."""
    task = hero_task(frames)
    if task is None:
        return None
    name = title_of(frames.plan, task.name)
    figure = Figure(
        name="hero",
        title=f"{name}: training loss per epoch, twice",
        help=(
            f"Lower is better. {_own_losses(task)}Left: what you get by following each "
            "framework’s own beginner page, with its own starting weights and settings; a thin "
            "line is one training, a bold one their mean, as the example itself reports its loss. "
            "Right: what is left of "
            "the difference when every framework starts from the same weights and does the same "
            "arithmetic: the line is striped because all frameworks lie on it."
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


def hero_task(frames: Frames) -> Task | None:
    """Return the task to show: digits, else the first multi-class one, else the first."""
    tasks = [task for task in frames.plan.tasks if not _both(frames, task.name).empty]
    digits = [task for task in tasks if task.name == "digits"]
    classes = [task for task in tasks if task.kind == Kind.MULTICLASS]
    return next(iter([*digits, *classes, *tasks]), None)


def reported(frames: Frames, task: str) -> pd.DataFrame:
    """Return the losses that the quick starts report: arm, repeat, epoch, value."""
    rows = frames.scores
    rows = rows[(rows.track == "quickstart") & (rows.task == task)]
    return rows[rows.metric == "reported_loss"]


def same(frames: Frames, task: str) -> pd.DataFrame:
    """Return the training losses of the same network; epoch 0 is the untrained one."""
    rows = frames.scores
    rows = rows[(rows.track == "same") & (rows.task == task) & (rows.split == "train")]
    return rows[(rows.metric == "loss") & rows.arm.isin(frames.compared(frames.plan.task(task)))]


def _both(frames: Frames, task: str) -> pd.DataFrame:
    return pd.concat([reported(frames, task), same(frames, task)])


def _draw(frames: Frames, task: Task, narrow: bool) -> Drawing:  # noqa: FBT001 - Figure.draw
    picture, (left, right) = plotting.panels(
        2, narrow=narrow, height=3.3 if not narrow else 2.9, sharey=True, sharex=True
    )
    plotting.log_scale(left, _both(frames, task.name).value.tolist())
    for axes in (left, right):
        plotting.epochs_axis(axes)
        axes.tick_params(labelleft=True, labelbottom=True)
    quick, equal = reported(frames, task.name), same(frames, task.name)
    ends = _quick(frames, left, task.name, quick)
    ends_same = _same(frames, right, task.name, equal)
    # after both: the axes are shared
    line_labels.label_ends(left, ends, _named(frames, task, quick, framework_of, quick_start_of))
    line_labels.label_ends(right, ends_same, _named(frames, task, equal, Frames.title, subject_of))
    left.set_title(LEFT)
    right.set_title(RIGHT)
    left.set_ylabel("training loss")
    return picture


def _quick(frames: Frames, axes: Axes, task: str, rows: pd.DataFrame) -> Ends:
    if rows.empty:
        plotting.say(axes, "not measured in this run")
    ends: Ends = {}
    for arm, trainings in rows.groupby("arm", sort=False):
        look = plotting.look(frames, str(arm))
        for _, seed in trainings.groupby("repeat"):
            values = plotting.finite(seed.value.tolist())
            thin = axes.plot(seed.epoch, values, color=look.color, linewidth=0.7, alpha=0.45)
            plotting.marked(thin, quick_start_of(str(arm), task))
        mean = trainings.groupby("epoch").value.mean()
        bold = axes.plot(
            mean.index,
            plotting.finite(mean.tolist()),
            color=look.color,
            linewidth=2.4,
            marker=look.marker,
            markersize=5,
            markevery=max(1, len(mean) // 6),
        )
        plotting.marked(bold, quick_start_of(str(arm), task))
        ends[framework_of(frames, str(arm))] = (mean.index[-1], mean.iloc[-1], look.color)
    return ends


def _same(frames: Frames, axes: Axes, task: str, rows: pd.DataFrame) -> Ends:
    if rows.empty:
        plotting.say(axes, "not measured in this run")
    arms = rows.arm.unique().tolist()
    ends: Ends = {}
    for number, arm in enumerate(arms):
        mean = rows[rows.arm == arm].groupby("epoch").value.mean()
        look = plotting.look(frames, arm)
        values = plotting.finite(mean.tolist())
        line = plotting.coinciding(axes, number, len(arms), mean.index.tolist(), values, look)
        plotting.marked(line, subject_of(arm, task))
        ends[frames.title(arm)] = (mean.index[-1], mean.iloc[-1], look.color)
    return ends


def _named(
    frames: Frames,
    task: Task,
    rows: pd.DataFrame,
    name: Callable[[Frames, str], str],
    subject: Callable[[str, str], Subject],
) -> dict[str, Subject]:
    """Return what each curve is about, by its name in the figure."""
    return {name(frames, arm): subject(arm, task.name) for arm in rows.arm.unique()}


def _table(frames: Frames, task: Task) -> Table:
    quick, equal = reported(frames, task.name), same(frames, task.name)
    means = {
        (key, arm): rows[rows.arm == arm].groupby("epoch").value.mean()
        for key, rows in (("quick start", quick), ("same network", equal))
        for arm in rows.arm.unique()
    }
    names = [(framework_of(frames, a) if k == "quick start" else frames.title(a)) for k, a in means]
    titles = [f"{name}, {key}" for name, (key, _) in zip(names, means, strict=True)]
    epochs = sorted({int(epoch) for mean in means.values() for epoch in mean.index})
    rows = tuple(
        (Cell(text=str(epoch), value=epoch), *(_loss(mean, epoch) for mean in means.values()))
        for epoch in epochs
    )
    return Table(
        title=f"Training loss per epoch, {title_of(frames.plan, task.name)}",
        columns=columns(*titles, first="Epoch"),
        rows=rows,
        folded=True,
        task=task.name,
    )


def _loss(mean: pd.Series[float], epoch: int) -> Cell:
    if epoch not in mean.index:
        return missing()
    value = float(mean[epoch])
    return Cell(text=f"{value:.4g}", value=value)

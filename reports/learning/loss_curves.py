"""The same network's losses on both parts of the data, and how far the frameworks are apart."""

from __future__ import annotations

from functools import partial

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from samenet.analysis.frames import Frames
from samenet.report import line_labels, plotting
from samenet.report.blocks import Cell, Figure, Section, Table, arm_cell, columns, slug, subject_of
from samenet.runs.plan import task_title
from samenet.spec import Task

ORDER = 2
GAP_OPACITY = 0.1
FLOOR = 1e-17
"""Smaller distances, and none at all, are drawn here: the axis is logarithmic."""


def section(frames: Frames) -> Section | None:
    """Return one figure per task."""
    tasks = [task for task in frames.plan.tasks if not losses_of(frames, task, "train").empty]
    if not tasks:
        return None
    return Section(
        id="curves",
        title="Learning curves",
        summary="Same network: loss on training and test rows, how far frameworks are apart.",
        blocks=tuple(_figure(frames, task) for task in tasks),
    )


def losses_of(frames: Frames, task: Task, split: str) -> pd.DataFrame:
    """Return the losses of the same network: arm, repeat, epoch, value."""
    rows = frames.scores
    rows = rows[(rows.track == "same") & (rows.task == task.name) & (rows.split == split)]
    return rows[(rows.metric == "loss") & rows.arm.isin(frames.compared(task))]


def distances(frames: Frames, task: Task) -> dict[str, pd.Series[float]]:
    """Return per arm and epoch the largest |loss - first arm's| / first arm's over the repeats."""
    rows = losses_of(frames, task, "train")
    tables = {
        str(arm): trainings.set_index(["repeat", "epoch"]).value
        for arm, trainings in rows.groupby("arm", sort=False)
    }
    first, *others = tables
    gaps = {arm: ((tables[arm] - tables[first]) / tables[first]).abs().dropna() for arm in others}
    return {arm: gap.groupby(level="epoch").max() for arm, gap in gaps.items() if not gap.empty}


def _figure(frames: Frames, task: Task) -> Figure:
    first = frames.title(str(losses_of(frames, task, "train").arm.iloc[0]))
    return Figure(
        name=f"curves-{slug(frames.plan, task.name)}",
        task=task.name,
        title=f"{task_title(frames.plan, task.name)}: loss per epoch",
        help=(
            "Left and middle: lower is better; a line is striped where frameworks coincide. "
            "Shaded: the gap between test and training loss; dotted: the lowest test loss. "
            "A test loss that rises while the training loss falls means that the "
            f"network learns its rows by heart. Right: how far each training loss is from that of "
            f"{first}, as a share of it; 1e-6 is a millionth. Rounding differs from one library "
            "to the next, and single precision keeps seven digits."
        ),
        draw=partial(_draw, frames, task),
        table=_table(frames, task),
    )


def _draw(frames: Frames, task: Task, narrow: bool) -> Drawing:  # noqa: FBT001
    picture, (train, test, apart) = plotting.make_panels(3, narrow=narrow, height=2.6)
    both = [losses_of(frames, task, split) for split in ("train", "test")]
    for axes, rows, title in zip((train, test), both, ("Training rows", "Test rows"), strict=True):
        plotting.log_scale(axes, [value for part in both for value in part.value])
        _curves(frames, axes, task, rows)
        axes.set_title(title)
    low = min(axes.get_ylim()[0] for axes in (train, test))
    high = max(axes.get_ylim()[1] for axes in (train, test))
    for axes in (train, test):
        axes.set_ylim(low, high)
    train.set_ylabel("loss")
    _gap(test, *(_mean_curve(rows) for rows in both))
    _apart(frames, apart, task)
    return picture


def _curves(frames: Frames, axes: Axes, task: Task, rows: pd.DataFrame) -> None:
    plotting.epochs_axis(axes)
    arms = rows.arm.unique().tolist()
    for number, arm in enumerate(arms):
        mean = rows[rows.arm == arm].groupby("epoch").value.mean()
        values = plotting.positive_or_gap(mean.tolist())
        look = plotting.style_of(frames, arm)
        line = plotting.draw_striped(axes, number, len(arms), mean.index.tolist(), values, look)
        plotting.mark_subject(line, subject_of(arm, task.name))


def _mean_curve(rows: pd.DataFrame) -> pd.Series[float]:
    """Return the mean loss per epoch of the first framework: the others coincide with it."""
    return rows[rows.arm == rows.arm.iloc[0]].groupby("epoch").value.mean()


def _gap(axes: Axes, train: pd.Series[float], test: pd.Series[float]) -> None:
    """Shade what lies between test and training loss, and mark where the test loss is lowest."""
    if test.empty:
        return
    low, high = plotting.positive_or_gap(train.tolist()), plotting.positive_or_gap(test.tolist())
    axes.fill_between(test.index.tolist(), low, high, color=plotting.INK, alpha=GAP_OPACITY, lw=0)
    axes.axvline(test.index[int(test.argmin())], color=plotting.INK, linewidth=0.8, linestyle=":")


def _apart(frames: Frames, axes: Axes, task: Task) -> None:
    axes.set_title("Distance between frameworks")
    plotting.epochs_axis(axes)
    gaps = distances(frames, task)
    if not gaps:
        plotting.write_in_panel(axes, "one framework only")
        return
    plotting.log_scale(axes, [max(v, FLOOR) for gap in gaps.values() for v in gap])
    ends = {}
    for arm, gap in gaps.items():
        look = plotting.style_of(frames, arm)
        values = gap.clip(lower=FLOOR)
        line = axes.plot(gap.index, values, color=look.color, linewidth=1.6, linestyle=look.dash)
        plotting.mark_subject(line, subject_of(arm, task.name))
        ends[frames.title(arm)] = (float(gap.index[-1]), float(values.iloc[-1]), look.color)
    named = {frames.title(arm): subject_of(arm, task.name) for arm in gaps}
    line_labels.label_ends(axes, ends, named)


def _table(frames: Frames, task: Task) -> Table:
    rows = losses_of(frames, task, "train")
    gaps = distances(frames, task)
    return Table(
        title="Losses after the last epoch, and the largest distance",
        columns=columns("Training loss", "Test loss", "Largest distance"),
        rows=tuple(_row(frames, task, arm, gaps.get(arm)) for arm in rows.arm.unique()),
        folded=True,
        task=task.name,
    )


def _row(frames: Frames, task: Task, arm: str, gap: pd.Series[float] | None) -> tuple[Cell, ...]:
    cells = []
    for split in ("train", "test"):
        rows = losses_of(frames, task, split)
        last = rows[(rows.arm == arm) & (rows.epoch == rows.epoch.max())]
        mean = float(last.value.mean())
        cells.append(Cell(text=f"{mean:.8g}", value=mean))
    largest = 0.0 if gap is None else float(gap.max())
    far = Cell(text="–" if gap is None else f"{largest:.1e}", value=largest)
    return (arm_cell(frames, arm), *cells, far)

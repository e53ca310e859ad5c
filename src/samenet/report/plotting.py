"""How every picture looks: one style, shared axes, direct labels, a shape beside each colour."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import is_color_like
from matplotlib.figure import Figure as Drawing
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from samenet.analysis.frames import Frames
from samenet.report import annotations as report_annotations
from samenet.report.blocks import Subject, sign_of, subject_of
from samenet.runs.plan import task_title
from samenet.spec.task import Task

INK = "#1c2024"
"""Everything that is not data; on the page it becomes the colour of the text around it."""

ACROSS_MAX = 3
WIDE_INCHES, NARROW_INCHES = 10.6, 4.5

STYLE: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": INK,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.labelcolor": INK,
    "axes.labelsize": 9,
    "axes.linewidth": 0.6,
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlecolor": INK,
    "axes.titlepad": 10,
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.h_pad": 0.08,
    "figure.constrained_layout.w_pad": 0.08,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "font.family": "sans-serif",
    "font.size": 10,
    "grid.alpha": 0.13,
    "grid.color": INK,
    "grid.linewidth": 0.7,
    "hatch.linewidth": 0.8,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "lines.scale_dashes": False,
    "lines.solid_capstyle": "round",
    "svg.fonttype": "none",
    "svg.hashsalt": "samenet",
    "text.color": INK,
    "text.parse_math": False,  # a dollar sign in a column's name is a dollar sign
    "xtick.color": INK,
    "xtick.labelsize": 8.5,
    "xtick.major.size": 0,
    "xtick.major.width": 0.6,
    "ytick.color": INK,
    "ytick.labelsize": 8.5,
    "ytick.major.size": 0,
}
DASHES: tuple[Any, ...] = ("-", (0, (8, 2.5)), (0, (2, 2)), (0, (9, 2, 2, 2)))
STRIPE_POINTS = 9.0
TEXT_QUIET = 0.72
"""Opacity of secondary text; keeps a contrast of 4.5 on both grounds."""


def mark_subject(artists: Artist | Iterable[Artist], subject: Subject, *, tip: str = "") -> None:
    """Mark what drawn things are about; on the page these become data attributes."""
    for artist in [artists] if isinstance(artists, Artist) else artists:
        report_annotations.mark(artist, task=subject.task, arm=subject.arm, tip=tip)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmStyle:
    """How one framework is drawn everywhere."""

    color: str
    marker: str
    dash: Any


def style_of(frames: Frames, arm: str) -> ArmStyle:
    """Return the colour, marker and dashes of an arm."""
    sign = sign_of(frames, arm)
    arms = [known.name for known in frames.plan.arms]
    number = arms.index(arm) if arm in arms else 0
    color = sign.color if is_color_like(sign.color) else "#777777"
    return ArmStyle(color=color, marker=sign.marker, dash=DASHES[number % len(DASHES)])


def make_panels(
    count: int,
    *,
    narrow: bool,
    height: float,
    legend_of: int = 0,
    across: int = ACROSS_MAX,
    **shared: Any,
) -> tuple[Drawing, list[Axes]]:
    """Return a drawing of equal panels, side by side or (narrow) one below the other.

    `height` is that of a panel in inches; a legend of `legend_of` names gets room of its own; at
    most `across` panels stand side by side.
    """
    across = 1 if narrow else min(count, across)
    down = math.ceil(count / across)
    legend_rows = math.ceil(legend_of / (2 if narrow else LEGEND_ACROSS))
    width = NARROW_INCHES if narrow else WIDE_INCHES
    drawing = Drawing(figsize=(width, height * down + 0.22 * legend_rows))
    axes = drawing.subplots(down, across, squeeze=False, **shared).ravel().tolist()
    for unused in axes[count:]:
        unused.remove()
    return drawing, axes[:count]


@dataclass(frozen=True, slots=True, kw_only=True)
class Legend:
    """What explains a figure below its panels."""

    handles: Sequence[Artist]
    names: Sequence[str]
    subjects: Sequence[Subject] = ()
    """What the handles are about, where the page filters by them."""


def task_panels(
    frames: Frames,
    tasks: Sequence[Task],
    draw_panel: Callable[[Axes, Task], None],
    *,
    height: float,
    legend: Callable[[], Legend] | None = None,
) -> Callable[[bool], Drawing]:
    """Return the `draw` of a figure that has one panel per task, each under its task's title.

    `height` is that of a panel in inches. `legend` is called anew for every drawing: artists take
    on the style that is in force when they are made.
    """

    def draw(narrow: bool) -> Drawing:  # noqa: FBT001 - Figure.draw
        explained = legend() if legend else Legend(handles=(), names=())
        drawing, all_axes = make_panels(
            len(tasks), narrow=narrow, height=height, legend_of=len(explained.names)
        )
        for axes, task in zip(all_axes, tasks, strict=True):
            draw_panel(axes, task)
            title_panel(axes, frames, task.name)
        if explained.names:
            add_legend(drawing, explained, narrow=narrow)
        return drawing

    return draw


def row_panels(
    frames: Frames,
    tasks: Sequence[Task],
    results_of: Callable[[Frames, Task], Collection[Any]],
    draw_rows: Callable[[Frames, Axes, Task, int], None],
    legend: Callable[[], Legend] | None = None,
) -> Callable[[bool], Drawing]:
    """Return the `draw` of a figure of one panel per task with one row, often a bar, per result.

    `results_of` gives a task's results. `draw_rows` gets the largest number of them in any panel,
    so that the rows of all panels are equally thick.
    """
    most = max(len(results_of(frames, task)) for task in tasks)

    def draw_panel(axes: Axes, task: Task) -> None:
        draw_rows(frames, axes, task, most)

    return task_panels(frames, tasks, draw_panel, height=bars_height(most), legend=legend)


def log_scale(axes: Axes, values: Sequence[float]) -> None:
    """Give the vertical axis a logarithmic scale with plainly written numbers."""
    axes.set_yscale("log")
    _plain_ticks(axes.yaxis, values, most=8)


def log_scale_across(axes: Axes, values: Sequence[float]) -> None:
    """Give the horizontal axis a logarithmic scale with plainly written numbers."""
    axes.set_xscale("log")
    _plain_ticks(axes.xaxis, values, most=6)


def _plain_ticks(axis: Axis, values: Sequence[float], *, most: int) -> None:
    positive = [value for value in values if value > 0]
    decades = math.log10(max(positive) / min(positive)) if positive else 1.0
    steps = (1.0, 2.0, 5.0) if decades < 1.5 else (1.0, 3.0) if decades < 3.5 else (1.0,)
    axis.set_major_locator(LogLocator(subs=steps, numticks=most))
    axis.set_major_formatter(FuncFormatter(lambda value, _: format_tick(value)))
    axis.set_minor_locator(NullLocator())


def format_tick(value: float) -> str:
    """Return a number of an axis: 0.01, 1, 1e-7."""
    return (
        f"{value:g}"
        if value == 0 or 1e-4 <= abs(value) < 1e5
        else f"{value:.0e}".replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")
    )


def epochs_axis(axes: Axes) -> None:
    """Label the horizontal axis with whole epochs."""
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.set_xlabel("epoch")


def seconds_axis(axes: Axes, longest: float) -> None:
    """Label the horizontal axis with seconds from zero; bars carry their numbers, so no grid."""
    axes.set_xlim(0, longest)
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.grid(visible=False)
    axes.set_xlabel("seconds")


def bars_height(most: int) -> float:
    """Return the height in inches of a panel with at most so many bars."""
    return 1.0 + 0.32 * max(most, 2)


def name_arm_rows(axes: Axes, frames: Frames, task: str, arms: Sequence[str], most: int) -> None:
    """Name the bars of one task's arms."""
    subjects = [subject_of(arm, task) for arm in arms]
    name_rows(axes, [frames.title(arm) for arm in arms], most, subjects)


def name_rows(
    axes: Axes, names: Sequence[str], most: int, subjects: Sequence[Subject] = ()
) -> None:
    """Name the bars, the first on top; panels of one figure have bars of one thickness."""
    labels = axes.set_yticks(range(len(names)), names)
    for label, subject in zip(labels, subjects, strict=False):
        mark_subject((label.label1,), subject)
    axes.set_ylim(max(most, 2) - 0.45, -0.55)


LEGEND_ACROSS = 5


def add_legend(drawing: Drawing, legend: Legend, *, narrow: bool) -> None:
    """Explain colours and shapes below the panels."""
    across = 2 if narrow else min(len(legend.names), LEGEND_ACROSS)
    box = drawing.legend(
        legend.handles, legend.names, loc="outside lower left", ncols=max(1, across)
    )
    entries = zip(box.legend_handles, box.get_texts(), legend.subjects, strict=False)
    for handle, text, subject in entries:
        mark_subject([part for part in (handle, text) if part is not None], subject)


def legend_key(marker: Any, *, hollow: bool = False) -> Line2D:
    """Return a legend's handle that explains a shape, not a colour."""
    inside = "none" if hollow else INK
    return Line2D(
        [], [], color=INK, linestyle="none", marker=marker, markersize=7, markerfacecolor=inside
    )


def write_at_end(axes: Axes, text: str, x: float, y: float) -> Artist:
    """Write a bar's number just beyond its end."""
    return axes.annotate(
        text, (x, y), (5, 0), textcoords="offset points", va="center", fontsize="small"
    )


def title_panel(axes: Axes, frames: Frames, task: str) -> None:
    """Title a panel after its task and mark it for the page's filter."""
    axes.set_title(task_title(frames.plan, task))
    mark_subject(axes, Subject(task=task))


def write_in_panel(axes: Axes, text: str) -> None:
    """Write into an empty panel why it is empty."""
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", alpha=TEXT_QUIET)
    axes.grid(visible=False)


def draw_striped(
    axes: Axes, number: int, count: int, xs: Sequence[float], ys: Sequence[float], look: ArmStyle
) -> list[Line2D]:
    """Draw curve `number` of `count` curves that lie on each other, each with stripes of its own.

    Curves that part are seen as separate dashed lines, curves that coincide as one striped line.
    """
    period = STRIPE_POINTS * count
    stripes = (-STRIPE_POINTS * number, (STRIPE_POINTS, period - STRIPE_POINTS))
    return axes.plot(
        xs,
        ys,
        color=look.color,
        linewidth=3.6,
        linestyle=stripes if count > 1 else "-",
        dash_capstyle="butt",
        zorder=2 + number,
    )


def positive_or_gap(values: Sequence[float]) -> list[float]:
    """Return values that a logarithmic axis can show; the others as gaps."""
    return [value if np.isfinite(value) and value > 0 else math.nan for value in values]

"""The cross-over map: at which width and batch size which framework's step is the fastest."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from itertools import groupby, pairwise
from string import ascii_lowercase, ascii_uppercase

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.patches import Patch, Rectangle

from samenet._text import join_names, pluralize
from samenet.adapter import discovery
from samenet.analysis.frames import Frames
from samenet.experiments.scaling import crossover
from samenet.experiments.scaling.crossover import (
    BATCHES,
    DEPTHS,
    STEPS,
    WIDTHS,
    Contender,
    MapField,
)
from samenet.report import plotting
from samenet.report.blocks import Cell, Column, Figure, Section, Subject, Table, subject_of
from samenet.report.multi_run import Run
from samenet.report.plotting import Legend
from samenet.stats import formatting

ORDER = 3
WITH_LADDER = True
FEWEST = 2
PALE = 0.38
HATCH = "////"
Runs = Sequence[tuple[Frames, Contender]]


def section(frames: Frames) -> Section | None:
    """Return the map of a run that holds a size ladder of at least two frameworks."""
    return _map([(frames, contender) for contender in crossover.find_contenders(frames)])


def section_of_runs(runs: Sequence[Run]) -> Section | None:
    """Return the map of the ladders of several runs, e.g. of two devices."""
    return _map(
        [(run.frames, each) for run in runs for each in crossover.find_contenders(run.frames)]
    )


def _map(runs: Runs) -> Section | None:
    if len(runs) < FEWEST:
        return None
    return Section(
        id="cross-over",
        title="Which framework at which size",
        summary="Who is fastest depends on width and batch size; this is where the lead changes.",
        blocks=(_figure(runs),),
        top=True,
    )


def _figure(runs: Runs) -> Figure:
    return Figure(
        name="cross-over",
        title="The fastest step by batch size and width, for networks of 1 to 4 hidden layers",
        help=_help([contender for _, contender in runs]),
        draw=partial(_draw, runs),
        table=_table(runs),
    )


HELP = (
    "One field is one size; its colour and letter name the framework whose step is predicted to "
    "be the fastest, from costs fitted to measured sizes (the dots). A pale field with several "
    "letters is a tie: the predictions differ by less than they err on sizes that were not "
    "fitted. Hatched fields lie beyond what was measured."
)
PLAIN_HELP = (
    "Inside the thick line {} is enough: over 100 trainings of "
    f"{STEPS} steps it costs less than a minute more than the fastest, start-up not counted."
)
GRAPHICS_HELP = "Inside the dashed line a GPU is faster than every processor that was measured."


def _help(contenders: Sequence[Contender]) -> str:
    plain = any(crossover.is_plain(contender) for contender in contenders)
    several = len({contender.device for contender in contenders}) > 1
    lines = [HELP]
    if plain:
        lines.append(PLAIN_HELP.format(_plain()))
    if several:
        lines.append(GRAPHICS_HELP)
    return " ".join(lines)


def _plain() -> str:
    return join_names(
        (found.header.title for found in discovery.included_adapters().values()), last="or"
    )


def _names(runs: Runs) -> list[str]:
    """Return the contenders' names, with the device where there are several."""
    several = len({contender.device for _, contender in runs}) > 1
    return [
        f"{frames.title(contender.arm)}{f', {contender.device.upper()}' if several else ''}"
        for frames, contender in runs
    ]


def _letter(number: int) -> str:
    """Return A to Z, then a to z, then numbers in brackets: as many as there may be modes."""
    return LETTERS[number] if number < len(LETTERS) else f"({number + 1})"


LETTERS = f"{ascii_uppercase}{ascii_lowercase}"


def _draw(runs: Runs, narrow: bool) -> Drawing:  # noqa: FBT001 - Figure.draw
    contenders = [contender for _, contender in runs]
    names = _names(runs)
    picture, panels = plotting.make_panels(
        len(DEPTHS), narrow=narrow, height=2.9, legend_of=len(runs) + 2, across=2
    )
    for axes, depth in zip(panels, DEPTHS, strict=True):
        _panel(axes, runs, crossover.make_map(contenders, depth))
        _dots(axes, contenders, depth)
        axes.set_title(f"{depth} hidden {pluralize(depth, 'layer')}")
    handles = [
        *(Patch(color=_color(frames, contender)) for frames, contender in runs),
        Patch(color=plotting.INK, alpha=0.15),
        Patch(facecolor="none", edgecolor=plotting.INK, hatch=HATCH, linewidth=0),
    ]
    labels = [f"{_letter(k)}  {name}" for k, name in enumerate(names)]
    labels += ["tie (pale)", "not measured"]
    subjects = [_subject(contender) for _, contender in runs]
    legend = Legend(handles=handles, names=labels, subjects=subjects)
    plotting.add_legend(picture, legend, narrow=narrow)
    return picture


def _color(frames: Frames, contender: Contender) -> str:
    return plotting.style_of(frames, contender.arm).color


def _tip(runs: Runs, field: MapField) -> str:
    """Return a field's size and the predicted times of its contenders, fastest first."""
    names = _names(runs)
    times = (f"{names[k]} {formatting.format_seconds(field.seconds[k])}" for k in field.best)
    return f"{field.point}: {', '.join(times)}{'' if field.measured else ' (not measured)'}"


def _subject(contender: Contender) -> Subject:
    return subject_of(contender.arm)


def _panel(axes: Axes, runs: Runs, rows: Sequence[Sequence[MapField]]) -> None:
    for y, row in enumerate(rows):
        for x, field in enumerate(row):
            _field(axes, runs, field, x, y)
    _border(axes, [[field.plain_enough for field in row] for row in rows], "-")
    _border(axes, [[field.graphics_pays for field in row] for row in rows], (0, (3, 2)))
    axes.set_xlim(-0.5, len(BATCHES) - 0.5)
    axes.set_ylim(-0.5, len(WIDTHS) - 0.5)
    axes.set_xticks(range(len(BATCHES)), [str(batch) for batch in BATCHES])
    axes.set_yticks(range(len(WIDTHS)), [str(width) for width in WIDTHS])
    axes.set_xlabel("batch size, rows")
    axes.set_ylabel("width, units per layer")
    axes.grid(visible=False)


def _field(axes: Axes, runs: Runs, field: MapField, x: int, y: int) -> None:
    frames, winner = runs[field.best[0]]
    tie = len(field.best) > 1
    fill = Rectangle(
        (x - 0.5, y - 0.5),
        1,
        1,
        facecolor=_color(frames, winner),
        alpha=PALE if tie else 1.0,
        linewidth=0,
    )
    letters = "".join(map(_letter, field.best))
    text = axes.text(
        x - 0.4,
        y + 0.36,
        letters if len(letters) < 5 else f"{letters[:3]}+",
        ha="left",
        va="top",
        fontsize="x-small",
        color=plotting.INK if tie else "white",
    )
    axes.add_patch(fill)
    plotting.mark_subject((fill,), _subject(winner), tip=_tip(runs, field))
    plotting.mark_subject((text,), _subject(winner))
    if not field.measured:
        axes.add_patch(
            Rectangle(
                (x - 0.5, y - 0.5),
                1,
                1,
                fill=False,
                edgecolor=plotting.INK if tie else "white",
                hatch=HATCH,
                alpha=0.45,
                linewidth=0,
            )
        )


def _border(axes: Axes, inside: Sequence[Sequence[bool]], style: object) -> None:
    """Draw a line around the fields that are inside; the edge of the map needs none."""
    upright = [
        ([x + 0.5, x + 0.5], [y - 0.5, y + 0.5])
        for y, row in enumerate(inside)
        for x, (left, right) in enumerate(pairwise(row))
        if left != right
    ]
    level = [
        ([x - 0.5, x + 0.5], [y + 0.5, y + 0.5])
        for y, (row, next_row) in enumerate(pairwise(inside))
        for x, (upper, lower) in enumerate(zip(row, next_row, strict=True))
        if upper != lower
    ]
    for xs, ys in (*upright, *level):
        axes.plot(xs, ys, color=plotting.INK, linewidth=2.2, linestyle=style)


def _dots(axes: Axes, contenders: Sequence[Contender], depth: int) -> None:
    """Mark the sizes of this depth that were measured for any contender."""
    points = sorted({p for contender in contenders for p in contender.measured if p.depth == depth})
    axes.plot(
        [math.log2(p.batch_size / BATCHES[0]) for p in points],
        [math.log2(p.width / WIDTHS[0]) for p in points],
        linestyle="none",
        marker="o",
        markersize=4,
        markerfacecolor="white",
        markeredgecolor=plotting.INK,
        markeredgewidth=1,
    )


def _table(runs: Runs) -> Table:
    """Return who is fastest at which batch sizes, one row per depth and width."""
    contenders = [contender for _, contender in runs]
    names = _names(runs)
    heads = ("Hidden layers", "Width", "Batch sizes and who is fastest", "Plain is enough")
    rows = [
        (
            Cell(text=str(depth), value=depth),
            Cell(text=str(row[0].point.width), value=row[0].point.width),
            Cell(text=_leads(row, names)),
            Cell(text=_where(row)),
        )
        for depth in DEPTHS
        for row in crossover.make_map(contenders, depth)
    ]
    spreads = [
        f"{name} {100 * contender.spread:.0f} %"
        for name, contender in zip(names, contenders, strict=True)
    ]
    return Table(
        title="Who is fastest, by depth, width and batch size",
        columns=tuple(Column(title=head, numeric=head in heads[:2]) for head in heads),
        rows=tuple(rows),
        notes=(
            f"In round brackets: beyond what was measured. Plain is {_plain()}.",
            (
                "Spread of the predictions (root mean square of log errors on sizes not fitted): "
                f"{'; '.join(spreads)}."
            ),
        ),
        folded=True,
    )


def _leads(row: Sequence[MapField], names: Sequence[str]) -> str:
    """Return in one line which framework leads over which batch sizes."""
    parts = []
    for (best, measured), fields in groupby(row, key=lambda field: (field.best, field.measured)):
        sizes = [field.point.batch_size for field in fields]
        span = str(sizes[0]) if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"
        text = f"{span}: {join_names((names[k] for k in best), last='or')}"
        parts.append(text if measured else f"({text})")
    return "; ".join(parts)


def _where(row: Sequence[MapField]) -> str:
    sizes = [str(field.point.batch_size) for field in row if field.plain_enough]
    if len(sizes) == len(row):
        return "everywhere"
    return f"at batch {join_names(sizes)}" if sizes else "nowhere"

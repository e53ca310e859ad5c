"""Names beside the ends of curves, moved apart where they would lie on each other."""

from __future__ import annotations

import math
from collections.abc import Mapping

from matplotlib.axes import Axes

from samenet.report.blocks import Subject
from samenet.report.plotting import mark_subject


def label_ends(
    axes: Axes,
    ends: Mapping[str, tuple[float, float, str]],
    subjects: Mapping[str, Subject] | None = None,
) -> None:
    """Write each curve's name beside its end {name: (x, y, colour)}, moved apart on a clash."""
    if not ends:
        return
    axes.get_xlim(), axes.get_ylim()  # settles the limits, which matplotlib puts off
    height = axes.get_figure().get_size_inches()[1] / axes.get_subplotspec().get_gridspec().nrows  # type: ignore[union-attr]
    to_axes = axes.transData + axes.transAxes.inverted()
    wanted = {name: float(to_axes.transform((x, y))[1]) for name, (x, y, _) in ends.items()}
    places = spread_labels(wanted, gap=0.19 / (height * 0.75))
    for name, (x, y, color) in ends.items():
        label = axes.annotate(
            name,
            xy=(x, y),
            xytext=(1.035, places[name]),
            textcoords="axes fraction",
            va="center",
            fontsize="small",
            arrowprops={
                "arrowstyle": "-",
                "color": color,
                "linewidth": 0.8,
                "relpos": (0, 0.5),
                "shrinkA": 1,
                "shrinkB": 3,
            },
            annotation_clip=False,
        )
        if subjects and name in subjects:
            parts = [label, *([label.arrow_patch] if label.arrow_patch else [])]
            mark_subject(parts, subjects[name])


def spread_labels(wanted: Mapping[str, float], gap: float) -> dict[str, float]:
    """Return positions near the wanted ones, in the same order, at least a gap apart."""
    names = sorted(wanted, key=lambda name: wanted[name])
    places: list[float] = []
    for name in names:
        lowest = places[-1] + gap if places else -math.inf
        places.append(max(min(max(wanted[name], 0.02), 0.98), lowest))
    overshoot = max(0.0, places[-1] - 1.0) if places else 0.0
    for index in reversed(range(len(places))):
        ceiling = places[index + 1] - gap if index + 1 < len(places) else places[index] - overshoot
        places[index] = min(places[index], ceiling)
    return dict(zip(names, places, strict=True))

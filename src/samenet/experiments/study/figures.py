"""A study in pictures: curves with the band of their seeds, gradients by layer, dead units."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from samenet.experiments.study.outcome import StudyOutcome
from samenet.machine.files import write_whole
from samenet.report import svg
from samenet.report.line_labels import label_ends
from samenet.report.plotting import DASHES, STYLE, Legend, add_legend, epochs_axis, log_scale
from samenet.spec.metrics import METRICS
from samenet.spec.study import SCENE_TITLES, STUDY_SCORES, Scene

COLORS = ("#0b6e99", "#c2410c", "#3f7d20", "#7c3aed", "#b45309", "#be185d", "#0f766e", "#4b5563")
LINE_POINTS = 1.8


def write_figures(outcome: StudyOutcome) -> None:
    """Write study.svg and study.png, or one pair per framework if there are several."""
    for path, arm in zip(figure_paths(outcome), outcome.arms, strict=True):
        drawing = draw_figure(outcome, arm)
        drawing.set_facecolor("white")
        for kind in ("svg", "png"):
            write_whole(path.with_suffix(f".{kind}"), svg.save(drawing, kind))


def figure_paths(outcome: StudyOutcome) -> list[Path]:
    """Return the PNG file of each framework; figures/ belongs to the page."""
    arms = outcome.arms
    names = ["study"] if len(arms) == 1 else [f"study-{arm.replace(':', '-')}" for arm in arms]
    return [outcome.folder / f"{name}.png" for name in names]


def draw_figure(outcome: StudyOutcome, arm: str) -> Drawing:
    """Return the picture of one framework's study."""
    with rc_context(STYLE):
        return (
            _activations(outcome, arm)
            if outcome.study.kind == "activations"
            else _losses(outcome, arm)
        )


def _activations(outcome: StudyOutcome, arm: str) -> Drawing:
    drawing = Drawing(figsize=(10.6, 7.2))
    (own_network, deep_network), (gradient, dead) = drawing.subplots(2, 2).tolist()
    metric = STUDY_SCORES[outcome.task.kind][0]
    scenes: tuple[tuple[Axes, Scene], ...] = ((own_network, "own"), (deep_network, "deep"))
    for axes, scene in scenes:
        draw_curves(axes, outcome, arm, scene, metric, split="test")
        axes.set_title(f"Test {METRICS[metric].in_sentence}: {SCENE_TITLES[scene]}")
    draw_by_layer(gradient, outcome, arm)
    draw_curves(dead, outcome, arm, "fast", "dead", split="train")
    dead.set_title(f"Dead hidden units: {SCENE_TITLES['fast']}")
    dead.set_ylim(bottom=-0.5)
    return drawing


def _losses(outcome: StudyOutcome, arm: str) -> Drawing:
    metrics = STUDY_SCORES[outcome.task.kind]
    drawing = Drawing(figsize=(10.6, 4.3))
    *scores, gradient = drawing.subplots(1, len(metrics) + 1).tolist()
    for axes, metric in zip(scores, metrics, strict=True):
        draw_curves(axes, outcome, arm, "own", metric, split="test")
        axes.set_title(f"Test {METRICS[metric].in_sentence}")
    draw_curves(gradient, outcome, arm, "own", "gradient", split="train", layer=1)
    gradient.set_title("Gradient norm, first layer")
    choices = outcome.choices(arm)
    # losses have long names, which would not fit beside the ends of their lines
    legend = Legend(handles=gradient.lines, names=choices)
    add_legend(drawing, legend, narrow=len(choices) > 3)
    return drawing


def draw_curves(  # noqa: PLR0913 - one argument per column that is chosen
    axes: Axes,
    outcome: StudyOutcome,
    arm: str,
    scene: Scene,
    quantity: str,
    *,
    split: str,
    layer: int | None = None,
) -> None:
    """Draw a quantity over the epochs: per choice the median of the seeds and their range."""
    rows = outcome.frame
    rows = rows[(rows.arm == arm) & (rows.scene == scene) & (rows.quantity == quantity)]
    rows = rows[(rows.split == split) & ((rows.layer == layer) | (layer is None))]
    summed = rows.groupby(["choice", "seed", "epoch"]).value.sum(min_count=1)
    _bands(axes, outcome, arm, summed, log=quantity == "gradient")
    epochs_axis(axes)


def draw_by_layer(axes: Axes, outcome: StudyOutcome, arm: str) -> None:
    """Draw the gradient's norm of every layer of the deep network before training."""
    rows = outcome.frame
    rows = rows[(rows.arm == arm) & (rows.scene == "deep") & (rows.quantity == "gradient")]
    rows = rows[rows.epoch == 0]
    _bands(axes, outcome, arm, rows.groupby(["choice", "seed", "layer"]).value.sum(), log=True)
    layers = sorted(set(rows.layer))
    axes.set_xticks(layers, ["first", *layers[1:-1], "last"])
    axes.set_xlabel("layer")
    axes.set_title("Gradient norm by layer, before training")


def _bands(
    axes: Axes, outcome: StudyOutcome, arm: str, values: pd.Series[float], *, log: bool
) -> None:
    """Draw one line and one band per choice; `values` by choice, seed and what lies below."""
    ends: dict[str, tuple[float, float, str]] = {}
    for choice in outcome.choices(arm):
        number = outcome.study.choices.index(choice)
        color = COLORS[number % len(COLORS)]
        table = values.xs(choice).unstack("seed")  # noqa: PD010 - one value per place already
        xs, middle = table.index.tolist(), table.median(axis=1).tolist()
        axes.fill_between(xs, table.min(axis=1), table.max(axis=1), color=color, alpha=0.15, lw=0)
        axes.plot(xs, middle, color=color, lw=LINE_POINTS, ls=DASHES[number % len(DASHES)])
        # a training that diverged ends before the others
        there = [index for index, value in enumerate(middle) if math.isfinite(value)]
        if there:
            ends[choice] = (xs[there[-1]], middle[there[-1]], color)
    if log:
        drawn = np.concatenate([line.get_ydata() for line in axes.lines]).tolist()
        log_scale(axes, [value for value in drawn if math.isfinite(value)])
    if outcome.study.kind == "activations":
        label_ends(axes, ends)

"""How cost grows with size: each framework's fitted costs, and how well they predict."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from samenet._text import join_names
from samenet.analysis.frames import Frames
from samenet.experiments.scaling import fit
from samenet.experiments.scaling.cost_model import (
    BEYOND,
    CALL,
    COST_NAMES,
    TERMS,
    WITHIN,
    CostModel,
)
from samenet.experiments.scaling.fit import FittedArm, StepPrediction, median_error, worst_error
from samenet.report import plotting
from samenet.report.blocks import (
    Cell,
    Column,
    Figure,
    Section,
    Table,
    Text,
    arm_cell,
    columns,
    missing_cell,
)
from samenet.stats import formatting

ORDER = 5
WITH_LADDER = True
PERCENT = f"{WITHIN * 100:.0f} %"

LINES = (
    (
        "Small to large networks were trained: width is that of the inputs and of every hidden "
        "layer. To each framework’s times a cost is fitted per call, step, layer, row, value, "
        "weight and multiplication; none can be negative, and all sizes count alike. "
        "Sizes that are held out are then predicted and compared with what was measured there."
    ),
    (
        "What is large costs more once it leaves the processor’s caches: “beyond cache” is what "
        "comes on top for all numbers a step touches, and for weights, above a number that is "
        "fitted too. A dash is a cost that the fit does without. What no cost explains is taken "
        "from the measured sizes nearby."
    ),
)


def section(frames: Frames) -> Section | None:
    """Return the fitted costs of a run that holds a size ladder."""
    fits, lacking = fit.fit_arms(frames), fit.arms_not_fitted(frames)
    if not fits and not lacking:
        return None
    return Section(
        id="sizes",
        title="How cost grows with size",
        summary=_summary(frames, fits),
        blocks=(
            Text(lines=(*LINES, *_lacking(frames, lacking))),
            *(make(frames, fits) for make in (_figure, _judged, _costs) if fits),
        ),
        top=True,
    )


def _summary(frames: Frames, fits: Sequence[FittedArm]) -> str:
    """Say for which frameworks the model predicts sizes it has not seen, and for which not."""
    good = [frames.title(fitted.arm) for fitted in fits if fitted.fits]
    bad = [frames.title(fitted.arm) for fitted in fits if not fitted.fits]
    parts = [f"predicted within {PERCENT} for {join_names(good)}"] if good else []
    parts += [f"not within {PERCENT} for {join_names(bad, last='or')}"] if bad else []
    return f"Sizes that were held out are {', '.join(parts) or 'not predicted: too few sizes'}."


def _lacking(frames: Frames, lacking: dict[str, int]) -> list[str]:
    return [
        f"{frames.title(arm)} is not fitted: {count} sizes were measured and passed every check, "
        f"and {len(COST_NAMES)} are needed."
        for arm, count in lacking.items()
    ]


def _judged(frames: Frames, fits: Sequence[FittedArm]) -> Table:
    """Return how far off the predictions are, per framework."""
    return Table(
        title="How well the fitted costs predict a step",
        columns=(
            Column(title="Framework", numeric=False),
            Column(title="Held-out sizes", numeric=False),
            Column(title="Median error", help="Of the held-out sizes."),
            Column(title="Worst error", help="Of the held-out sizes."),
            Column(title="Median, one left out", help="Each size predicted from the others."),
            Column(title="Worst, one left out", help="Each size predicted from the others."),
        ),
        rows=tuple(
            (
                arm_cell(frames, fitted.arm),
                Cell(text=fitted.verdict),
                *_errors(fitted.held_out),
                *_errors(fitted.left_out),
            )
            for fitted in fits
        ),
    )


def _errors(predictions: Sequence[StepPrediction]) -> tuple[Cell, Cell]:
    if not predictions:
        return missing_cell(), missing_cell()
    median, worst = median_error(predictions), worst_error(predictions)
    return Cell(text=f"{median:.0%}", value=median), Cell(text=f"{worst:.0%}", value=worst)


def _costs(frames: Frames, fits: Sequence[FittedArm]) -> Table:
    """Return the fitted costs per framework; the tiny ones stand as rates per second."""
    heads = [CALL, *(term.name for term in TERMS if not term.rated)]
    rates = [f"{term.name.capitalize()}s/s" for term in TERMS if term.rated]
    return Table(
        title="What it costs",
        columns=columns(
            *(f"Per {head}" for head in heads), *rates, *(name.capitalize() for name in BEYOND)
        ),
        rows=tuple((arm_cell(frames, fitted.arm), *_cells(fitted.model)) for fitted in fits),
        notes=(
            (
                "A multiplication of a matrix product is followed by an addition: twice as many "
                "floating-point operations per second."
            ),
        ),
    )


def _cells(model: CostModel) -> list[Cell]:
    rated = {term.name for term in TERMS if term.rated}
    limits = dict(zip(BEYOND, (model.cached_numbers, model.cached_weights), strict=True))
    return [
        _rate(model.seconds[name])
        if name in rated
        else _duration(model.seconds[name], limits.get(name))
        for name in COST_NAMES
    ]


def _rate(seconds: float) -> Cell:
    return (
        Cell(text=f"{1e-9 / seconds:.3g} · 10⁹", value=1 / seconds) if seconds else missing_cell()
    )


def _duration(seconds: float, above: int | None) -> Cell:
    below = (f"above {above:,}".replace(",", " "),) if above else ()
    return (
        Cell(text=formatting.format_seconds(seconds), value=seconds, below=below)
        if seconds
        else missing_cell()
    )


def _figure(frames: Frames, fits: Sequence[FittedArm]) -> Figure:
    return Figure(
        name="sizes",
        title="Predicted against measured time of a step",
        help=(
            "One mark per size and framework; a perfect prediction lies in the middle of the band, "
            f"which is {PERCENT} to both sides. Full marks were held out; pale ones are predicted "
            "from all the other sizes."
        ),
        draw=partial(_draw, frames, fits),
        table=_table(frames, fits),
    )


def _draw(frames: Frames, fits: Sequence[FittedArm], narrow: bool) -> Drawing:  # noqa: FBT001
    picture, panels = plotting.make_panels(
        len(fits), narrow=narrow, height=2.6, sharex=True, sharey=True
    )
    for axes, fitted in zip(panels, fits, strict=True):
        _scatter(frames, axes, fitted)
        axes.set_title(frames.title(fitted.arm))
    return picture


def _scatter(frames: Frames, axes: Axes, fitted: FittedArm) -> None:
    look = plotting.style_of(frames, fitted.arm)
    every = [*fitted.left_out, *fitted.held_out]
    ends = [min(p.measured_seconds for p in every) / 2, max(p.measured_seconds for p in every) * 2]
    axes.fill_between(
        ends,
        [seconds * (1 - WITHIN) for seconds in ends],
        [seconds * (1 + WITHIN) for seconds in ends],
        color=plotting.INK,
        alpha=0.12,
        linewidth=0,
    )
    for predictions, alpha in ((fitted.left_out, 0.35), (fitted.held_out, 1.0)):
        axes.plot(
            [p.measured_seconds for p in predictions],
            [p.predicted_seconds for p in predictions],
            color=look.color,
            marker=look.marker,
            markersize=5,
            linestyle="none",
            alpha=alpha,
        )
    for name, axis in (("x", axes.xaxis), ("y", axes.yaxis)):
        getattr(axes, f"set_{name}scale")("log")
        axis.set_major_locator(LogLocator(numticks=8))
        axis.set_major_formatter(FuncFormatter(lambda value, _: formatting.format_seconds(value)))
        axis.set_minor_locator(NullLocator())
    axes.set_xlabel("measured")
    axes.set_ylabel("predicted")


def _table(frames: Frames, fits: Sequence[FittedArm]) -> Table:
    """Return every prediction."""
    return Table(
        title="Every prediction of a step",
        columns=columns("Width × depth, batch", "Held out", "Measured", "Predicted", "Error"),
        rows=tuple(
            (arm_cell(frames, fitted.arm), *_prediction(prediction, held_out=held_out))
            for fitted in fits
            for held_out, predictions in ((True, fitted.held_out), (False, fitted.left_out))
            for prediction in predictions
        ),
        folded=True,
    )


def _prediction(prediction: StepPrediction, *, held_out: bool) -> tuple[Cell, ...]:
    measured, predicted = prediction.measured_seconds, prediction.predicted_seconds
    return (
        Cell(text=prediction.size),
        Cell(text="yes" if held_out else "no"),
        Cell(text=formatting.format_seconds(measured), value=measured),
        Cell(text=formatting.format_seconds(predicted), value=predicted),
        Cell(text=f"{prediction.error:+.0%}", value=prediction.error),
    )

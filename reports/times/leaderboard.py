"""Per task, every framework's times, memory and checks; failures with their reasons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean, median

from samenet._text import count_noun, join_names
from samenet.advice import evidence
from samenet.analysis import certificates, own_fit, roofline, subset
from samenet.analysis import totals as analysis_totals
from samenet.analysis.deviations import deviations
from samenet.analysis.frames import Frames
from samenet.analysis.quantities import Quantity
from samenet.report.blocks import Cell, Column, Section, Table, Text, arm_cell, missing_cell, slug
from samenet.runs.plan import task_title
from samenet.spec import Task
from samenet.spec.baselines import BEST_FIRST
from samenet.stats import formatting, verdicts
from samenet.stats.intervals import VERDICT_REPEATS_MIN, Interval
from samenet.stats.verdicts import VerdictWord

ORDER = 1
EVERY_TASK = True
PART_QUANTITIES = (
    (Quantity.EPOCH, "all steps of one pass over the training rows, no evaluation"),
    (Quantity.STEP, "one update of all weights, gathering the batch included"),
)
WHOLE = ("Whole training", "Factor", "Rank", "More per training", "Peak memory")
UNIT_SECONDS = {"h": 3600.0, "min": 60.0, "s": 1.0, "ms": 1e-3, "µs": 1e-6, "ns": 1e-9}


def section(frames: Frames) -> Section | None:
    """Return two tables per task: the whole training, and its parts."""
    if not frames.plan.tasks:
        return None
    detailed = {task.name for task in subset.detailed_part(frames).plan.tasks}
    tables: list[Table | None] = []
    for task in frames.plan.tasks:
        tables.append(_whole_table(frames, task))
        if task.name in detailed:
            tables.append(_parts_table(frames, task))
    return Section(
        id="leaderboards",
        title="Times per task",
        summary="Every framework with its interval, factor and rank, and what failed and why.",
        blocks=(Text(lines=_lines(frames)), *(table for table in tables if table is not None)),
    )


def _whole_table(frames: Frames, task: Task) -> Table:
    baseline = _baseline(frames, task)
    numbers = (
        Column(title=f"{title} against {baseline}" if title == "Factor" and baseline else title)
        for title in WHOLE
    )
    return Table(
        task=task.name,
        view="total",
        anchor=f"rows-{slug(frames.plan, task.name)}",
        title=f"{task.title or task.name}: whole training, start-up included",
        columns=(
            Column(title="Framework", numeric=False),
            *numbers,
            Column(title="Checked: same network", numeric=False),
        ),
        rows=(*_whole_rows(frames, task), *_reference(frames, task), *_failed(frames, task)),
        notes=_notes(frames),
    )


def _baseline(frames: Frames, task: Task) -> str:
    """Return the name of the arm that all factors of a task refer to, whatever a reader filters."""
    arms = [
        t.arm
        for t in analysis_totals.totals(frames, task)
        if analysis_totals.is_adoptable(frames, t.arm)
    ]
    return frames.title(arms[0]) if arms else ""


def _whole_rows(frames: Frames, task: Task) -> list[tuple[Cell, ...]]:
    totals = analysis_totals.totals(frames, task)
    best = next(
        (total for total in totals if analysis_totals.is_adoptable(frames, total.arm)), None
    )
    return [
        (
            _named(frames, total.arm),
            _time(frames, task, total),
            _factor(total, evidence.repeat_seconds(frames)),
            _rank(total),
            _more(total, best),
            _memory(frames, task, total.arm),
            _figures(frames, task, total.arm),
        )
        for total in totals
    ]


def _named(frames: Frames, arm: str, *more: str) -> Cell:
    role = [] if analysis_totals.is_adoptable(frames, arm) else ["for reference"]
    return arm_cell(frames, arm, *role, *more)


def _parts_table(frames: Frames, task: Task) -> Table | None:
    by_part = [
        {total.arm: total for total in analysis_totals.totals(frames, task, quantity=quantity)}
        for quantity, _ in PART_QUANTITIES
    ]
    arms = [total.arm for total in analysis_totals.totals(frames, task)]
    if not arms:
        return None
    heads = (
        Column(title=quantity.label.capitalize(), help=text) for quantity, text in PART_QUANTITIES
    )
    return Table(
        task=task.name,
        view="steady",
        title=f"{task.title or task.name}: the parts",
        columns=(Column(title="Framework", numeric=False), *heads, LIMIT),
        rows=tuple(
            (
                _named(frames, arm, *own_fit.row_note(frames.result(task, arm))),
                *(
                    _part(frames, task, part.get(arm), quantity)
                    for part, (quantity, _) in zip(by_part, PART_QUANTITIES, strict=True)
                ),
                _limit(frames, task, arm),
            )
            for arm in arms
        ),
        notes=(
            *_fixed_costs(frames, task, arms),
            *own_fit.notes(frames, task, arms),
            *roofline.notes(frames, task),
            *frames.unsteady_note(task, arms),
        ),
    )


LIMIT = Column(title="Of the machine’s limit", help="the step’s matrix products alone over a step")


def _limit(frames: Frames, task: Task, arm: str) -> Cell:
    share = roofline.share(frames.result(task, arm))
    return missing_cell() if share is None else Cell(text=roofline.percent(share), value=share)


def _fixed_costs(frames: Frames, task: Task, arms: Sequence[str]) -> tuple[str, ...]:
    """Say what a call costs apart from its steps: it is part of the step and epoch times above."""
    known = {arm: frames.result(task, arm).per_repeat(Quantity.CALL_FIXED) for arm in arms}
    costs = [
        f"{frames.title(arm)} {formatting.format_seconds(fmean(seconds.values()))}"
        for arm, seconds in known.items()
        if seconds and fmean(seconds.values()) > 0
    ]
    text = "Starting one call, whatever the number of its steps, costs (mean, from two lengths)"
    return (f"{text}: {', '.join(costs)}.",) if costs else ()


def _rank(total: analysis_totals.Total) -> Cell:
    return missing_cell() if total.rank is None else Cell(text=str(total.rank), value=total.rank)


def _part(
    frames: Frames, task: Task, total: analysis_totals.Total | None, quantity: Quantity
) -> Cell:
    if total is None:
        return missing_cell("no steady state")
    seconds = total.seconds
    factor = total.factor
    text = f"{formatting.format_seconds(seconds.value)} {interval_text(seconds)}".strip()
    rank = "" if total.rank is None else f" · rank {total.rank}"
    below = (f"{factor_text(factor)}{rank}", *verdict_lines(total))
    cell = time_cell(frames, task, total, quantity)
    return replace(cell, text=text, below=below, relative="lines")


def _time(frames: Frames, task: Task, total: analysis_totals.Total) -> Cell:
    interval = total.seconds
    span = interval_text(interval)
    cell = time_cell(frames, task, total, Quantity.TOTAL)
    return replace(
        cell, text=formatting.format_seconds(interval.value), below=(span,) if span else ()
    )


def time_cell(frames: Frames, task: Task, total: analysis_totals.Total, quantity: Quantity) -> Cell:
    """Return the cell of a time, which the page draws as a bar, without its text."""
    repeats = frames.result(task, total.arm).per_repeat(quantity)
    seconds = total.seconds
    return Cell(
        text="",
        value=seconds.value,
        low=seconds.low if seconds.known else None,
        high=seconds.high if seconds.known else None,
        repeats=tuple(repeats.get(repeat) for repeat in range(max(repeats) + 1)),
    )


def interval_text(interval: Interval) -> str:
    """Return the interval of a time in the unit of its value, e.g. '[1.7, 2.1]'."""
    if not interval.known:
        return ""
    scale = UNIT_SECONDS[formatting.format_seconds(interval.value).split(" ")[1]]
    low, high = (formatting.format_digits(end / scale) for end in (interval.low, interval.high))
    return f"[{low}, {high}]"


def _factor(total: analysis_totals.Total, repeat_seconds: float) -> Cell:
    text, _, span = factor_text(total.factor).partition(" ")
    below = verdict_lines(total, repeat_seconds)
    if span:
        below = (span, *below)
    return Cell(text=text, value=total.factor.value, below=below, relative="factor")


def factor_text(factor: Interval) -> str:
    """Return a factor with its interval, e.g. '1.8× [1.7, 1.9]'."""
    span = f" [{factor.low:.3g}, {factor.high:.3g}]" if factor.known and factor.value != 1 else ""
    return f"{factor.value:.3g}×{span}"


def verdict_lines(
    total: analysis_totals.Total, repeat_seconds: float | None = None
) -> tuple[str, ...]:
    """Return the verdict in words, as lines of a cell; a screening gives none."""
    if total.verdict is None or total.word is None:
        return ()
    if total.word in {VerdictWord.FASTER, VerdictWord.SLOWER}:
        return (str(total.word),)  # the factor stands above it
    word, _, rest = verdicts.verdict_sentence(
        total.verdict, seconds_per_repeat=repeat_seconds
    ).partition(": ")
    return (f"{word}:", rest)


def _more(total: analysis_totals.Total, best: analysis_totals.Total | None) -> Cell:
    if best is None or total.arm == best.arm:
        return replace(missing_cell(), relative="difference")
    once = total.seconds.value - best.seconds.value
    below = (f"{_signed(100 * once)} in 100",)
    return Cell(text=_signed(once), value=once, below=below, relative="difference")


def _signed(seconds: float) -> str:
    return f"{'+' if seconds > 0 else '−'}{formatting.format_seconds(abs(seconds))}"


def _memory(frames: Frames, task: Task, arm: str) -> Cell:
    memory = frames.result(task, arm).memory
    if memory is None:
        return missing_cell()
    below = [f"import {memory.after_import / 1e6:.0f}"]
    if memory.device_peak:
        below.append(f"on the GPU {memory.device_peak / 1e6:.0f}")
    return Cell(text=f"{memory.peak / 1e6:.0f} MB", value=memory.peak, below=tuple(below))


def _figures(frames: Frames, task: Task, arm: str) -> Cell:
    shown = certificates.figures_text(certificates.errors(frames.result(task, arm)))
    first, *rest = shown.split("; ")
    return Cell(text=first, below=tuple(rest)) if first else missing_cell("no check recorded")


def _reference(frames: Frames, task: Task) -> list[tuple[Cell, ...]]:
    rows: list[tuple[Cell, ...]] = []
    for line in BEST_FIRST:
        fits = frames.result(task, line.name, "reference").fit_seconds
        if not fits:
            continue
        seconds = float(median(fits))
        cell = Cell(text=formatting.format_seconds(seconds), value=seconds, quiet=True)
        rest = Cell(text="not a network; fit only, in a warm process", span=len(WHOLE), quiet=True)
        rows.append((arm_cell(frames, line.name), cell, rest))
    return rows


def _failed(frames: Frames, task: Task) -> list[tuple[Cell, ...]]:
    return [
        (arm_cell(frames, arm), Cell(text="; ".join(lines), span=len(WHOLE) + 1, quiet=True))
        for arm, lines in frames.reasons(task).items()
    ]


def _lines(frames: Frames) -> tuple[str, ...]:
    """Return how to read the tables."""
    lines = [
        (
            "In brackets: the interval that holds the value with 95 % confidence. Factors (×) are "
            "against the fastest framework that one can adopt; NumPy is written from scratch and a "
            "reference. Frameworks that the repeats do not tell apart share a rank."
        )
    ]
    repeats = frames.repeats
    if repeats < VERDICT_REPEATS_MIN:
        count = "one repeat" if repeats == 1 else count_noun(repeats, "repeat")
        lines.append(f"With {count} this is a screening: factors with intervals, no verdict words.")
    lines += _not_run(frames)
    return tuple(lines)


def _not_run(frames: Frames) -> list[str]:
    """Name the modes that were left out: a framework may be faster in one of them."""
    run = {arm.name for arm in frames.plan.arms}
    others = [
        f"{arm.header.name}:{mode}"
        for arm in {arm.header.name: arm for arm in frames.plan.arms}.values()
        for mode in arm.header.modes
        if f"{arm.header.name}:{mode}" not in run
    ]
    return [f"Not run: {', '.join(others)}; --framework NAME:MODE adds one."] if others else []


def _notes(frames: Frames) -> tuple[str, ...]:
    """Return what frameworks cannot do as the task says, and by how much that moves its weights."""
    return tuple(
        f"{frames.title(arm.name)}: {deviation.what}{_moved(frames, arm.name, deviation.what)}: "
        f"{deviation.link}"
        for arm in frames.plan.arms
        for deviation in arm.capabilities.deviations
        if deviation.present
    )


def _moved(frames: Frames, arm: str, what: str) -> str:
    """Return how far a deviation leads on each task where it changes the weights at all."""
    sizes = [
        f"{formatting.error_text(each.weights)} on {task_title(frames.plan, task.name)}"
        for task in frames.plan.tasks
        for each in deviations(frames.deviations, task.name, arm)
        if each.what == what
    ]
    return f"; the weights differ by {join_names(sizes)}" if sizes else ""

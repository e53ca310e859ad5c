"""What was shown for the results of a run, in one line each: the errors beside which they stand."""

from __future__ import annotations

import math

from samenet._text import join_names
from samenet.analysis.frames import ArmResult, Frames
from samenet.analysis.memo import remember
from samenet.runs.plan import task_title
from samenet.stats.formatting import error_text

FIGURES = (("gate 2", "float64"), ("first update", "first update"), ("epoch loss", "epoch loss"))
"""What a row prints: of Gate 2 the worst error, of Gate 4 two quantities by name."""


def errors(result: ArmResult) -> dict[str, float]:
    """Return the worst error of each printed figure of one result."""
    return dict(_errors(result.frames).get((result.task.name, result.arm), {}))


def worst_errors(frames: Frames, arm: str | None = None) -> dict[str, float]:
    """Return the worst error of each printed figure: of an arm, or of all results compared."""
    by_result = _errors(frames)
    if arm is None:
        chosen = [by_result[pair] for pair in checked_results(frames)]
    else:
        chosen = [by_result[pair] for pair in by_result if pair[1] == arm]
    by_figure = {
        label: [errors[label] for errors in chosen if label in errors] for _, label in FIGURES
    }
    return {label: max(values) for label, values in by_figure.items() if values}


@remember
def _errors(frames: Frames) -> dict[tuple[str, str], dict[str, float]]:
    """Return the worst error of each printed figure of every result: {(task, arm): ...}."""
    labels, rows = dict(FIGURES), frames.checks
    by_result: dict[tuple[str, str], dict[str, float]] = {}
    for task, arm, gate, quantity, error in zip(
        rows.task, rows.arm, rows.gate, rows.quantity, rows.error, strict=True
    ):
        worst = by_result.setdefault((task, arm), {})
        for label in filter(None, (labels.get(gate), labels.get(quantity))):
            worst[label] = max(worst.get(label, 0.0), float(error))
    return {
        pair: {label: worst[label] for label in labels.values() if label in worst}
        for pair, worst in by_result.items()
    }


def figures_text(errors: dict[str, float]) -> str:
    """Return the check figures of a result: 'float64 2e-15; as timed: first update 3e-7, ...'."""
    parts = [f"float64 {error_text(errors['float64'])}"] if "float64" in errors else []
    timed = [f"{name} {error_text(error)}" for name, error in errors.items() if name != "float64"]
    if timed:
        parts.append(f"as timed: {', '.join(timed)}")
    return "; ".join(parts)


def _agreement(errors: dict[str, float]) -> str:
    """Return the same in words: to how many digits the frameworks agree, and in what."""
    names = {"float64": "the first epochs in double precision", "first update": "the first updates"}
    parts = [
        f"{names[name]} agree to {_digits_of(errors[name])} digits"
        for name in names
        if name in errors
    ]
    return ", as timed ".join(parts)


def _digits_of(error: float) -> int:
    """Return how many leading digits a relative error leaves right, at most float64's 16."""
    return min(16, max(0, math.floor(-math.log10(error)))) if error > 0 else 16


@remember
def checked_results(frames: Frames) -> list[tuple[str, str]]:
    """Return the results (task, arm) that were timed and passed every one of their checks."""
    return [(task.name, arm) for task in frames.plan.tasks for arm in frames.compared(task)]


def planned_results(frames: Frames) -> list[tuple[str, str]]:
    """Return the same-network results that this machine was to give."""
    if frames.plan.track == "quickstart":
        return []
    skipped = {(entry.task, entry.arm) for entry in frames.plan.skipped}
    pairs = [(task.name, arm.name) for task in frames.plan.tasks for arm in frames.plan.arms]
    return [pair for pair in pairs if pair not in skipped]


def sentence(frames: Frames) -> str:
    """Return the answer to "can I trust this?" in one line."""
    wanted, passed = planned_results(frames), set(checked_results(frames))
    if not wanted:
        return (
            "This run holds only quick starts: each framework does its own thing, nothing is equal."
        )
    parts = [f"{len(passed)} of {len(wanted)} results checked: same network"]
    agreement = _agreement(worst_errors(frames))
    if agreement:
        parts.append(agreement)
    missing: dict[str, list[str]] = {}
    for task, arm in wanted:
        if (task, arm) not in passed:
            missing.setdefault(arm, []).append(task_title(frames.plan, task))
    if missing:
        absent = (_absent(frames, arm, titles) for arm, titles in missing.items())
        parts.append(f"not compared: {join_names(absent)}")
    return "; ".join(parts) + "."


def _absent(frames: Frames, arm: str, titles: list[str]) -> str:
    every = len(titles) == len(frames.plan.tasks) > 1
    return f"{frames.title(arm)} on {'every task' if every else join_names(titles)}"

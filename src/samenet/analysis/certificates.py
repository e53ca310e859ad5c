"""What was shown for the results of a run, in one line each: the errors beside which they stand."""

from __future__ import annotations

import math
from typing import NamedTuple

from samenet._text import join
from samenet.adapter.api import WOULD_HOLD
from samenet.analysis.frames import Frames
from samenet.analysis.memo import once
from samenet.runs.plan import title_of

FIGURES = (("gate 2", "float64"), ("first update", "first update"), ("epoch loss", "epoch loss"))
"""What a row prints: of Gate 2 the worst error, of Gate 4 two quantities by name."""


def error_text(error: float) -> str:
    """Return an error with one digit, e.g. '3e-7'; errors are orders of magnitude."""
    if error == 0:
        return "0"
    mantissa, _, exponent = f"{error:.0e}".partition("e")
    return f"{mantissa}e{int(exponent)}"


def worst(frames: Frames, task: str | None = None, arm: str | None = None) -> dict[str, float]:
    """Return the worst error of each printed figure, of one result or of all compared ones."""
    known = errors(frames)
    if task is not None and arm is not None:
        return dict(known.get((task, arm), {}))
    pairs = checked(frames) if arm is None else list(known)
    own = [known[t, a] for t, a in pairs if task in {None, t} and arm in {None, a}]
    every = {label: [each[label] for each in own if label in each] for _, label in FIGURES}
    return {label: max(values) for label, values in every.items() if values}


@once
def errors(frames: Frames) -> dict[tuple[str, str], dict[str, float]]:
    """Return the worst error of each printed figure of every result: {(task, arm): ...}."""
    labels, rows = dict(FIGURES), frames.checks
    found: dict[tuple[str, str], dict[str, float]] = {}
    for task, arm, gate, quantity, error in zip(
        rows.task, rows.arm, rows.gate, rows.quantity, rows.error, strict=True
    ):
        own = found.setdefault((task, arm), {})
        for label in filter(None, (labels.get(gate), labels.get(quantity))):
            own[label] = max(own.get(label, 0.0), float(error))
    order = labels.values()
    return {pair: {n: own[n] for n in order if n in own} for pair, own in found.items()}


def figures(errors: dict[str, float]) -> str:
    """Return the check figures of a result: 'float64 2e-15; as timed: first update 3e-7, ...'."""
    proved = [f"float64 {error_text(errors['float64'])}"] if "float64" in errors else []
    timed = [f"{name} {error_text(error)}" for name, error in errors.items() if name != "float64"]
    return "; ".join(proved + ([f"as timed: {', '.join(timed)}"] if timed else []))


def _agreement(errors: dict[str, float]) -> str:
    """Return the same in words: to how many digits the frameworks agree, and in what."""
    names = {"float64": "the first epochs in double precision", "first update": "the first updates"}
    parts = [
        f"{names[name]} agree to {digits_of(errors[name])} digits"
        for name in names
        if name in errors
    ]
    return ", as timed ".join(parts)


def digits_of(error: float) -> int:
    """Return how many leading digits a relative error leaves right, at most float64's 16."""
    return min(16, max(0, math.floor(-math.log10(error)))) if error > 0 else 16


@once
def checked(frames: Frames) -> list[tuple[str, str]]:
    """Return the results (task, arm) that were timed and passed every one of their checks."""
    shown = set(zip(frames.checks.task, frames.checks.arm, strict=True))
    return [
        (task.name, arm)
        for task in frames.plan.tasks
        for arm in frames.compared(task.name)
        if (task.name, arm) in shown
    ]


class Deviates(NamedTuple):
    """A declared deviation that changes a result: what it is, where to read of it, how far."""

    what: str
    link: str
    weights: float
    """The distance of the weights from those of the spec's own form, relative."""


def deviations(frames: Frames, task: str, arm: str) -> list[Deviates]:
    """Return the declared deviations that change the weights of a result, with their sizes."""
    rows = frames.deviations
    own = rows[(rows.task == task) & (rows.arm == arm)]
    return [
        Deviates(*_parted(detail), float(error))
        for detail, error in dict(zip(own.detail, own.error, strict=True)).items()
    ]


def _parted(detail: str) -> tuple[str, str]:
    what, _, link = detail.rpartition(": ")
    return what, link


def deviation_text(found: Deviates) -> str:
    """Return a deviation with its size and its address, to stand beside a result."""
    size = error_text(found.weights)
    return f"differs from the spec by {size} of its weights: {found.what} ({found.link})"


def because(frames: Frames, task: str, arm: str, detail: str) -> str:
    """Return what is known of why a check failed, in brackets: another form, a deviation."""
    found = [part for part in detail.split("; ") if part.startswith(WOULD_HOLD)]
    found += map(deviation_text, deviations(frames, task, arm))
    return f" ({'; '.join(found)})" if found else ""


def planned(frames: Frames) -> list[tuple[str, str]]:
    """Return the same-network results that this machine was to give."""
    if frames.plan.track == "quickstart":
        return []
    skipped = {(entry.task, entry.arm) for entry in frames.plan.skipped}
    pairs = [(task.name, arm.name) for task in frames.plan.tasks for arm in frames.plan.arms]
    return [pair for pair in pairs if pair not in skipped]


def sentence(frames: Frames) -> str:
    """Return the answer to "can I trust this?" in one line."""
    wanted, good = planned(frames), checked(frames)
    if not wanted:
        return (
            "This run holds only quick starts: each framework does its own thing, nothing is equal."
        )
    errors = _agreement(worst(frames))
    count = f"{len(good)} of {len(wanted)} results checked: same network"
    passed = set(good)
    left = [pair for pair in wanted if pair not in passed]
    where = {
        arm: [title_of(frames.plan, task) for task, other in left if other == arm]
        for _, arm in left
    }
    parts = [count, *([errors] if errors else [])]
    if left:
        parts.append(f"not compared: {join(_on(frames, arm, where[arm]) for arm in where)}")
    return "; ".join(parts) + "."


def _on(frames: Frames, arm: str, tasks: list[str]) -> str:
    every = len(tasks) == len(frames.plan.tasks) > 1
    return f"{frames.title(arm)} on {'every task' if every else join(tasks)}"

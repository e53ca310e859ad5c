"""Several runs side by side: what they share, in what they differ, and each result against A's."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from string import ascii_uppercase
from typing import Any

from samenet._text import count_noun
from samenet.advice import recommend
from samenet.analysis import certificates, fingerprint, regression, subset, totals
from samenet.analysis.fingerprint import GROUPS, Group
from samenet.analysis.frames import Frames
from samenet.analysis.quantities import Quantity
from samenet.analysis.regression import Comparison
from samenet.errors import UsageError
from samenet.report import result, summary
from samenet.report.summary import Card, Headline
from samenet.runs.plan import task_title
from samenet.spec.task import Task
from samenet.stats import formatting
from samenet.stats.intervals import VERDICT_REPEATS_MIN, Interval

ADMITTED: tuple[Group, ...] = ("machine", "versions", "settings")
RUNS_MOST = len(ascii_uppercase)


@dataclass(frozen=True, kw_only=True)
class Run:
    """One of the runs of a page, by its letter."""

    letter: str
    folder: str
    frames: Frames

    @cached_property
    def document(self) -> dict[str, Any]:
        """Return the run's result as a reader of its JSON gets it."""
        values: dict[str, Any] = json.loads(json.dumps(result.to_document(self.frames)))
        return values

    @property
    def place(self) -> str:
        """Return the device and the number of threads: 'CPU, 2 threads'."""
        target = self.frames.plan.target
        return f"{target.device.upper()}, {count_noun(target.threads, 'thread')}"


def assign_letters(folders: Sequence[tuple[str, Frames]]) -> tuple[Run, ...]:
    """Return the runs, lettered A, B, …; raises UsageError for fewer than two or too many."""
    if not 2 <= len(folders) <= RUNS_MOST:
        raise UsageError(f"A comparison takes 2 to {RUNS_MOST} runs, got {len(folders)}.")
    return tuple(
        Run(letter=letter, folder=folder, frames=frames)
        for letter, (folder, frames) in zip(ascii_uppercase, folders, strict=False)
    )


def find_differences(runs: Sequence[Run]) -> list[tuple[str, str, tuple[str, ...]]]:
    """Return every guarded field that differs: its group, its name, its value in each run."""
    differing: list[tuple[str, str, tuple[str, ...]]] = []
    marks = [fingerprint.fingerprint(run.frames) for run in runs]
    for group in GROUPS:
        for name in dict.fromkeys(name for mark in marks for name in mark[group]):
            values = tuple(str(mark[group].get(name, "–")) for mark in marks)
            if len({value for value in values if value != "–"}) > 1:
                differing.append((group, name, values))
    return differing


def tasks_of_runs(runs: Sequence[Run]) -> list[Task]:
    """Return the tasks of all runs once, without the points of a size ladder."""
    by_name: dict[str, Task] = {}
    for run in runs:
        for task in subset.without_ladder(run.frames).plan.tasks:
            by_name.setdefault(task.name, task)
    return list(by_name.values())


def arms_of_runs(runs: Sequence[Run], task_name: str) -> list[str]:
    """Return the arms that at least one run can compare on a task, in the order of the runs."""
    return list(dict.fromkeys(arm for run in runs for arm in seconds_of_arms(run, task_name)))


def seconds_of_arms(
    run: Run, task_name: str, quantity: Quantity = Quantity.TOTAL
) -> dict[str, Interval]:
    """Return the seconds of every comparable arm of a run on a task, none if it has no such.

    A step and an epoch are compared only where there is a steady state.
    """
    task = next((task for task in run.frames.plan.tasks if task.name == task_name), None)
    if task is None:
        return {}
    results = [run.frames.result(task, arm) for arm in run.frames.compared(task)]
    if quantity.is_steady:
        results = [result for result in results if result.is_steady]
    return {
        result.arm: result.typical(quantity) for result in results if result.per_repeat(quantity)
    }


def compare_runs(base: Run, new: Run, quantity: Quantity = Quantity.TOTAL) -> Comparison | None:
    """Return each result of `new` against that of `base`, whatever differs between them.

    The page says first what differs, the margin is that of `base`; None if they have no result in
    common.
    """
    margin = base.frames.plan.margin
    try:
        return regression.compare(
            base.document, new.document, quantity=quantity, margin=margin, admitted=ADMITTED
        )
    except UsageError:
        return None


def allows_verdicts(base: Run, new: Run) -> bool:
    """Return whether both runs are long enough for verdicts in words."""
    return min(run.frames.repeats for run in (base, new)) >= VERDICT_REPEATS_MIN


def first_screen(runs: Sequence[Run]) -> Headline:
    """Return the first screen's words: what differs is said before anything else."""
    first = runs[0].frames.plan
    return Headline(
        name=f"{len(runs)} runs",
        date=summary.format_day(first.created),
        facts=(*(f"{r.letter}: {r.frames.plan.name}, {r.place}" for r in runs), *_machines(runs)),
        cards=tuple(_card(runs, task) for task in tasks_of_runs(runs)),
        refusals=(_caution(runs),),
        trust=" ".join(
            f"{run.letter}: {len(certificates.checked_results(run.frames))} of "
            f"{len(certificates.planned_results(run.frames))} results checked: same network."
            for run in runs
        ),
        resolution="",
        absent=(),
    )


def _machines(runs: Sequence[Run]) -> tuple[str, ...]:
    named = (run.frames.machine.get("processor", "machine not recorded") for run in runs)
    return tuple(dict.fromkeys(str(name) for name in named))


def _caution(runs: Sequence[Run]) -> str:
    """Return one sentence on how the runs differ, or that they agree."""
    groups = dict.fromkeys(f"{group}: {name}" for group, name, _ in find_differences(runs))
    if not groups:
        return "These runs agree in machine, versions, settings and tasks; a ratio is one of time."
    shown = [*groups][:6]
    more = f" and {len(groups) - len(shown)} more" if len(groups) > len(shown) else ""
    return (
        f"These runs differ in {'; '.join(shown)}{more}. A ratio between them holds all of these "
        "differences at once; the table below has every value."
    )


def _card(runs: Sequence[Run], task: Task) -> Card:
    """Return the fastest result of all runs on a task, and each run's own choice."""
    fastest = sorted(
        (seconds.value, run.letter, arm)
        for run in runs
        for arm, seconds in seconds_of_arms(run, task.name).items()
        if totals.is_adoptable(run.frames, arm)
    )
    if not fastest:
        return Card(
            task=task.name,
            title=task.title or task.name,
            choice="No recommendation",
            sentence="No run has a result on this task that could be compared.",
            details=(),
        )
    by_letter = {run.letter: run for run in runs}
    seconds, letter, arm = fastest[0]
    run = by_letter[letter]
    return Card(
        task=task.name,
        title=task_title(run.frames.plan, task.name),
        choice=f"{run.frames.title(arm)}, run {letter}",
        sentence=(
            f"The shortest whole training of all runs: {formatting.format_seconds(seconds)} "
            f"({run.place}). Of each run on its own:"
        ),
        details=tuple(
            f"{measured.letter} ({measured.place}): {choice}"
            for measured in runs
            if (choice := _choice(measured, task.name))
        ),
    )


def _choice(run: Run, task: str) -> str:
    specs = {spec.name: spec for spec in run.frames.plan.tasks}
    advice = recommend.recommend(run.frames, specs[task]) if task in specs else None
    if advice is None:
        return ""
    numbers = "; ".join(
        f"{run.frames.title(arm)} {formatting.format_seconds(advice.numbers[arm])}"
        for arm in advice.choice
    )
    return numbers if advice.ranked else f"{summary.NOT_RANKED}: {numbers}"

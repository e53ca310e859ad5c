"""The first screen of the report in words: what to use, how sure that is, where it was measured."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from datetime import datetime
from statistics import median, stdev
from typing import Any

from samenet._text import count_noun, join_names
from samenet.advice import recommend
from samenet.analysis import certificates, control_arms, interference, subset, time_to_goal, totals
from samenet.analysis.frames import Frames
from samenet.report import scope
from samenet.report.blocks import slug
from samenet.runs.passes import CONTROL_PASSES, RESULT_PASS
from samenet.runs.plan import PROFILES, Plan, task_title
from samenet.spec.metrics import METRICS
from samenet.spec.task import Task
from samenet.stats import formatting, intervals, stopping


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """The recommendation for one task."""

    task: str
    title: str
    choice: str
    sentence: str
    details: tuple[str, ...]
    further: tuple[str, ...] = ()
    """What is folded away below them."""
    rows: str = ""
    """The id of the table that holds the numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """Everything above the figures."""

    name: str
    date: str
    facts: tuple[str, ...]
    cards: tuple[Card, ...]
    refusals: tuple[str, ...]
    """Why a run that was long enough gives no verdicts; said before anything else."""
    trust: str
    resolution: str
    absent: tuple[str, ...]
    reading: str = ""
    """How to read the numbers of the cards."""

    def numbers(self) -> dict[str, Any]:
        """Return everything printed as JSON-able values."""
        return {**asdict(self), "cards": [list(asdict(card).values()) for card in self.cards]}


def make_headline(frames: Frames) -> Headline:
    """Return the first screen's words."""
    plan = frames.plan
    cards = _cards(frames)
    return Headline(
        name=plan.name,
        date=format_day(plan.created),
        facts=_facts(frames),
        cards=cards,
        refusals=refusal_sentences(frames),
        trust=certificates.sentence(frames),
        resolution=f"{resolution_sentence(frames)} {interference.sentence(frames)}".strip(),
        absent=(*_absent(frames), *filter(None, [scope.scope_sentence(frames)])),
        reading=BRACKETS_NOTE if any(card.rows for card in cards) else "",
    )


def refusal_sentences(frames: Frames) -> tuple[str, ...]:
    """Return one sentence per task on which the instrument did not show that it works."""
    reasons = {task.name: control_arms.why_refused(frames, task) for task in frames.plan.tasks}
    return tuple(
        f"No verdicts on {task_title(frames.plan, task)}: {reason}. Read the times as a screening."
        for task, reason in reasons.items()
        if reason is not None
    )


def format_day(created: str) -> str:
    """Return when the run was planned, e.g. '23 November 2026, 17:12 UTC'."""
    try:
        when = datetime.fromisoformat(created)
    except ValueError:
        return created
    months = "January February March April May June July August September October November December"
    month = months.split()[when.month - 1]
    return f"{when.day} {month} {when.year}, {when:%H:%M} {when.tzname() or ''}".strip()


def _facts(frames: Frames) -> tuple[str, ...]:
    plan = frames.plan
    repeats = frames.repeats or frames.plan.repeats
    threads = plan.target.threads
    return (
        f"{count_noun(len(plan.tasks), 'task')}, {count_noun(len(plan.arms), 'framework')}",
        f"{plan.target.device.upper()}, {count_noun(threads, 'thread')}, {plan.target.numbers}",
        f"{plan.profile} run, {count_noun(repeats, 'repeat')}",
    )


def _cards(frames: Frames) -> tuple[Card, ...]:
    shown = subset.detailed_part(subset.without_ladder(frames))
    advice_on = {advice.task: advice for advice in recommend.advise(shown)}
    return tuple(
        _card(frames, task.name, advice_on[task.name])
        if task.name in advice_on
        else Card(
            task=task.name,
            title=task_title(frames.plan, task.name),
            choice="No recommendation",
            sentence=_why_none(frames, task),
            details=(),
        )
        for task in shown.plan.tasks
    )


def _card(frames: Frames, task: str, advice: recommend.Advice) -> Card:
    return Card(
        task=task,
        title=task_title(frames.plan, task),
        choice=choice_text(frames, advice),
        sentence=advice.sentence,
        details=(*_to_goal(frames, task, advice.choice[0]), *advice_texts(advice, further=False)),
        further=advice_texts(advice, further=True),
        rows=f"rows-{slug(frames.plan, task)}",
    )


def choice_text(frames: Frames, advice: recommend.Advice) -> str:
    """Return the names of the choice, or that nothing was chosen."""
    if not advice.ranked:
        return NOT_RANKED
    return join_names((frames.title(arm) for arm in advice.choice), last="or")


NOT_RANKED = "Not ranked (one repeat)"


def advice_texts(advice: recommend.Advice, *, further: bool) -> tuple[str, ...]:
    """Return the sentences below a recommendation: the main ones, or the further ones."""
    return tuple(each.text for each in advice.said[1:] if each.further is further)


def _to_goal(frames: Frames, name: str, arm: str) -> tuple[str, ...]:
    """Return when the first choice reaches the task's goal, if there is one."""
    task = frames.plan.task(name)
    reached = time_to_goal.when_reached(frames.result(task, arm))
    if task.goal is None or reached is None:
        return ()
    score = f"{METRICS[task.goal.metric].words} {task.goal.target:g}"
    when = f"{formatting.format_seconds(reached.seconds)}, in epoch {reached.epoch:g}"
    return (f"{frames.title(arm)} reaches a test {score} after {when}.",)


BRACKETS_NOTE = (
    "Square brackets give the range in which the true value lies, in 19 of 20 cases; whole "
    "trainings start from an empty interpreter."
)


def _why_none(frames: Frames, task: Task) -> str:
    if frames.plan.track == "quickstart":
        return "This run measured only the quick starts, which are not comparable in speed."
    if not frames.compared(task):
        return "No result on this task could be compared; the reasons stand in its table below."
    return "Only the from-scratch reference has a result that can be compared."


def resolution_sentence(frames: Frames) -> str:
    """Return in one sentence which differences this run cannot see; none if it compares nothing."""
    plan = frames.plan
    percent = resolved_percent(frames)
    if percent is None and frames.repeats != 1:
        return ""
    if percent is None:
        return "One repeat gives no interval: this run shows orders of magnitude only."
    run = "quick run" if plan.profile == "quick" else f"run of {frames.repeats} repeats"
    smallest = formatting.format_digits(percent, 2)
    seen = f"Differences under about {smallest} % are not resolved in this {run}"
    if plan.profile != "quick" or not plan.jobs:
        return f"{seen}."
    minutes = stopping.round_up_to_minutes(standard_seconds(plan))
    return f"{seen}; `--profile standard` takes at most {count_noun(minutes, 'minute')}."


def resolved_percent(frames: Frames) -> float | None:
    """Return the smallest difference in percent that the repeats resolve, for a typical result."""
    shown = subset.detailed_part(frames)
    spreads = [spread for task in shown.plan.tasks for spread in _spreads(shown, task)]
    if not spreads:
        return None
    return 100 * intervals.resolution(frames.repeats, median(spreads))


def _spreads(frames: Frames, task: Task) -> list[float]:
    """Return the deviation between repeats of each result's log-ratio to the fastest."""
    every = totals.totals(frames, task)
    rows = [row for row in every if totals.is_adoptable(frames, row.arm)] or every
    if not rows or rows[0].seconds.n < 2:
        return []
    times = {row.arm: frames.result(task, row.arm).total() for row in rows}
    best = times[rows[0].arm]
    logs = [
        [math.log(repeats[repeat] / best[repeat]) for repeat in repeats.keys() & best.keys()]
        for arm, repeats in times.items()
        if arm != rows[0].arm
    ]
    if not logs:  # one result alone: how much its own times vary
        logs = [[math.log(seconds) for seconds in best.values()]]
    return [stdev(values) for values in logs if len(values) > 1]


def standard_seconds(plan: Plan) -> float:
    """Return how long the standard profile takes at most, from this run's own predictions.

    The first arm of a task is measured twice more there, as control and with more steps.
    """
    standard = PROFILES["standard"]
    cells = [job for job in plan.jobs if job.pass_name == RESULT_PASS]
    reference = {job.tasks[0]: job.arm for job in reversed(cells) if job.repeat == 0}
    longer = 2.2 * max(0.0, standard.steady_seconds - plan.steady_seconds)
    seconds = 0.0
    for job in plan.jobs:
        # what is not timed runs two at a time
        own_seconds = job.predicted_seconds if job.timed else job.predicted_seconds / 2
        if job.pass_name == RESULT_PASS:
            again = len(CONTROL_PASSES) if job.arm == reference.get(job.tasks[0]) else 0
            more_repeats = standard.repeats_most / plan.repeats
            own_seconds = (1 + again) * (own_seconds + longer) * more_repeats
        elif job.kind.one_per == "seed":
            own_seconds *= standard.seeds / plan.seeds
        seconds += own_seconds
    return seconds


def _absent(frames: Frames) -> tuple[str, ...]:
    rows = frames.failures[frames.failures.mark == "not installed"]
    pairs = dict.fromkeys(zip(rows.arm.tolist(), rows.reason.tolist(), strict=True))
    return tuple(f"{frames.title(arm)}: {reason}" for arm, reason in pairs)

"""Advice computed from measurements: every sentence carries the numbers it follows from."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from samenet import instrument, quality, ranking, statistics, verdicts
from samenet.errors import unknown
from samenet.frames import Frames
from samenet.quantities import seconds_of
from samenet.remembering import once
from samenet.scheduling import BLOCKS
from samenet.sections import join
from samenet.statistics import Interval
from samenet.task import Task
from samenet.verdicts import Verdict, Word
from samenet.wording import digits, duration, words

NAMED_MOST = 3
"""So many of those that take longer are named, if there are more than one beyond them."""

STEADY = ("step", "epoch")
"""Quantities that are compared only where there is a steady state."""

MATTERS_SECONDS = 60.0
"""A difference of less than a minute in 100 trainings is said not to matter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """The whole training of a task with one arm: start-up and all epochs."""

    arm: str
    seconds: Interval
    rank: int | None
    """None for a reference line that nobody is advised to use."""
    factor: Interval
    """Against the fastest arm that can be recommended."""
    verdict: Verdict | None
    """Against the same; None for that arm itself and for a reference line."""

    @property
    def word(self) -> Word | None:
        """Return the verdict's word, if the run may give any."""
        return self.verdict.word if self.verdict else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """One recommendation in plain words, with its numbers."""

    task: str
    choice: tuple[str, ...]
    """Arms that the measurement does not tell apart; the first is the fastest."""
    sentence: str
    details: tuple[str, ...]
    numbers: dict[str, float]


@once
def totals(frames: Frames, task: Task, *, quantity: str = "total") -> list[Total]:
    """Return every comparable arm, fastest first; quantities are those of `Frames.times`."""
    arms = frames.compared(task.name)
    if quantity in STEADY:
        arms = [arm for arm in arms if frames.settled(task.name, arm)]
    times = {arm: seconds_of(frames, task, arm, quantity) for arm in arms}
    times = {arm: found for arm, found in times.items() if found}
    if not times:
        return []
    candidates = {arm: found for arm, found in times.items() if adoptable(frames, arm)}
    words = instrument.verdicts(frames, task, quantity)
    ranks = ranking.ranks(candidates, frames.plan.margin) if words else statistics.ranks(candidates)
    judged = {
        row.arm: row
        for row in verdicts.verdicts(candidates, margin=frames.plan.margin, words=words)
    }
    values = {arm: statistics.geometric(list(found.values())) for arm, found in times.items()}
    order = sorted(values, key=lambda arm: values[arm].value)
    best = next((arm for arm in order if adoptable(frames, arm)), order[0])
    return [
        Total(
            arm=arm,
            seconds=values[arm],
            rank=ranks.get(arm),
            factor=statistics.ratio(times[arm], times[best]),
            verdict=judged.get(arm),
        )
        for arm in order
    ]


def adoptable(frames: Frames, arm: str) -> bool:
    """Return whether an arm may be recommended; the from-scratch NumPy one is a reference line."""
    return frames.plan.arm(arm).header.adoptable


def advise(frames: Frames, tasks: Sequence[str] = ()) -> list[Advice]:
    """Return one recommendation per task (all, or those named) that has a comparable result.

    Raises UsageError for a task that the run does not hold.
    """
    known = {task.name: task for task in frames.plan.tasks}
    for name in tasks:
        if name not in known:
            raise unknown("task of this run", name, known)
    found = [recommend(frames, known[name]) for name in tasks or known]
    return [advice for advice in found if advice is not None]


def recommend(frames: Frames, task: Task) -> Advice | None:
    """Return the recommendation for whole trainings of one task."""
    rows = [row for row in totals(frames, task) if adoptable(frames, row.arm)]
    if not rows:
        return None
    tied = tuple(row.arm for row in rows if row.rank == rows[0].rank)
    details = _differences(frames, task, rows, tied) + _longer_training(frames, task, rows)
    details += _undecided(frames, rows)
    return Advice(
        task=task.name,
        choice=tied,
        sentence=_sentence(frames, task, rows, tied),
        details=(*details, *quality.network_needed(frames, task)),
        numbers={row.arm: row.seconds.value for row in rows},
    )


def _sentence(frames: Frames, task: Task, rows: Sequence[Total], tied: Sequence[str]) -> str:
    best = rows[0]
    name, total = frames.title(best.arm), duration(best.seconds)
    place = f"On {task.title or task.name}, {frames.plan.target.device.upper()}, "
    if len(rows) == 1:
        return f"{place}only {name} can be recommended here: {total} for the whole training."
    if not best.seconds.known:
        return f"{place}one repeat ranks nothing; {name} took {total} for the whole training."
    if len(tied) > 1:
        own = [row for row in rows if row.arm in tied]
        times = "; ".join(f"{frames.title(row.arm)} {duration(row.seconds)}" for row in own)
        return f"{place}{_tie(own)}: {times} for the whole training. Choose on other grounds."
    return f"{place}use {name}: the whole training takes {total}, start-up included."


def _tie(rows: Sequence[Total]) -> str:
    """Say of arms that share a rank whether they were found equal, or just not told apart."""
    judged = [row.verdict for row in rows if row.verdict]
    if judged and all(verdict.word is Word.CLOSE for verdict in judged):
        return f"any of these will do, they are within {100 * judged[0].margin:g} %"
    return "this run does not tell these apart"


def _differences(
    frames: Frames, task: Task, rows: Sequence[Total], tied: Sequence[str]
) -> list[str]:
    """Say what each framework that is told apart from the fastest costs more."""
    best = seconds_of(frames, task, rows[0].arm, "total")
    apart = [row for row in rows[1:] if row.arm not in tied]
    named = apart if len(apart) <= NAMED_MOST + 1 else apart[:NAMED_MOST]
    return [
        *(_difference(frames, r, seconds_of(frames, task, r.arm, "total"), best) for r in named),
        *_others(frames, apart[len(named) :]),
    ]


def _undecided(frames: Frames, rows: Sequence[Total]) -> list[str]:
    """Say how much longer the run would have to be for those of which it cannot tell yet."""
    asked = [row.verdict for row in rows if row.verdict and row.word is Word.UNKNOWN]
    more = [found.more_repeats for found in asked if found.more_repeats is not None]
    if not more:
        return []
    minutes = max(1, math.ceil(max(more) * repeat_seconds(frames) / 60))
    names = join((frames.title(found.arm) for found in asked if found.more_repeats), last="and")
    time = "1 more minute" if minutes == 1 else f"{minutes} more minutes"
    return [
        f"Cannot tell yet: {names}; about {time} would (samenet resume RUN --repeats +{max(more)})."
    ]


@once
def repeat_seconds(frames: Frames) -> float:
    """Return how long one more repeat of every result takes, as it was predicted."""
    jobs = frames.plan.jobs
    return sum(job.predicted_seconds for job in jobs if job.pass_name in BLOCKS and not job.repeat)


def _others(frames: Frames, rows: Sequence[Total]) -> list[str]:
    """Say how many more there are, and how long the slowest takes."""
    if not rows:
        return []
    count, most, name = len(rows), duration(rows[-1].seconds), frames.title(rows[-1].arm)
    return [f"{count} more take longer still, up to {most} with {name}; the table has them all."]


def _difference(
    frames: Frames, row: Total, own: Mapping[int, float], best: Mapping[int, float]
) -> str:
    more = statistics.arithmetic([own[r] - best[r] for r in sorted(own.keys() & best.keys())])
    name, hundred = frames.title(row.arm), 100 * more.value
    tail = (
        "a difference that does not matter: choose on other grounds"
        if hundred < MATTERS_SECONDS
        else f"{duration(more)} more per training, {words(hundred)} in 100 program starts"
    )
    return f"{name} takes {duration(row.seconds)}, {tail}."


def _longer_training(frames: Frames, task: Task, rows: Sequence[Total]) -> list[str]:
    """Say which framework overtakes the fastest when the training is longer, and from when on.

    Of several, the one that does it first and the one whose epochs are the shortest.
    """
    best = rows[0].arm
    rows = [rows[0], *(row for row in rows[1:] if frames.settled(task.name, row.arm))]
    if not frames.settled(task.name, best):
        return []
    epochs = {row.arm: frames.per_repeat(task.name, row.arm, "epoch") for row in rows}
    quicker = [row.arm for row in rows[1:] if statistics.slower(epochs[best], epochs[row.arm])]
    found: dict[str, float] = {}
    for arm in quicker:
        start, step = (_mean_gain(frames, task, best, arm, q) for q in ("start_up", "epoch"))
        if step > 0 and -start / step > task.training.epochs:
            found[arm] = -start / step
    if not found:
        return []
    first = min(found, key=found.__getitem__)
    fastest = min(found, key=lambda arm: fmean(epochs[arm].values()))
    return [
        _overtaking(frames, arm, found[arm], statistics.ratio(epochs[best], epochs[arm]))
        for arm in dict.fromkeys((first, fastest))
    ]


def _overtaking(frames: Frames, arm: str, after_epochs: float, factor: Interval) -> str:
    span = f"{digits(factor.value)}× [{digits(factor.low)}, {digits(factor.high)}]"
    return (
        f"An epoch is {span} faster with {frames.title(arm)}: from about "
        f"{digits(after_epochs, 2)} epochs in one program on, it is the faster choice."
    )


def _mean_gain(frames: Frames, task: Task, one: str, other: str, quantity: str) -> float:
    """Return how many seconds `other` saves against `one`, mean over repeats."""
    times = [frames.per_repeat(task.name, arm, quantity).values() for arm in (one, other)]
    return fmean(times[0]) - fmean(times[1])

"""The sentences of advice, each made of plain words and of evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from statistics import fmean

from samenet._text import join
from samenet.advice.evidence import Said, cite, longer, overtaking, say
from samenet.analysis import scores as analysis_scores
from samenet.analysis.frames import Frames
from samenet.spec.baselines import BEST_FIRST
from samenet.spec.metrics import main_of
from samenet.spec.task import Task
from samenet.stats import ranking
from samenet.stats.break_even import Kind
from samenet.stats.intervals import PerRepeat
from samenet.stats.verdicts import Verdict, Word

NAMED_MOST = 3
"""So many of those that take longer are named, if there are more than one beyond them."""

MATTERS_SECONDS = 60.0
"""A difference of less than a minute in 100 trainings is said not to matter."""

NO_MATTER = ", a difference that does not matter: choose on other grounds."


def differences(
    frames: Frames, task: Task, best: str, apart: Sequence[str], quantity: str
) -> list[Said]:
    """Say what each arm that is told apart from the best, fastest first, costs more."""
    named = apart if len(apart) <= NAMED_MOST + 1 else apart[:NAMED_MOST]
    say_one = _difference if quantity == "total" else _slower_prediction
    found = [say_one(frames, task, arm, best, quantity) for arm in named]
    rest = apart[len(named) :]
    found += [_others(frames, task, rest, quantity)] if rest else []
    return [*found[:1], *further(found[1:])]


def further(found: Sequence[Said]) -> list[Said]:
    """Return sentences as what only who wants to know more needs."""
    return [replace(each, further=True) for each in found]


def _difference(frames: Frames, task: Task, arm: str, best: str, quantity: str) -> Said:
    takes = (f"{frames.title(arm)} takes ", cite(frames, "time", task, [arm], quantity))
    if 100 * longer(frames, task, [arm, best], quantity).value < MATTERS_SECONDS:
        return say(*takes, NO_MATTER)
    return say(
        *takes,
        ", ",
        cite(frames, "more", task, [arm, best], quantity),
        " more per training, ",
        cite(frames, "more in a hundred", task, [arm, best], quantity),
        " in 100 program starts.",
    )


def _slower_prediction(frames: Frames, task: Task, arm: str, best: str, quantity: str) -> Said:
    kind = "time" if quantity == "latency" else "rows per second"
    verb, unit = ("takes ", " a row") if quantity == "latency" else ("predicts ", " rows a second")
    times = cite(frames, "factor", task, [best, arm], quantity)
    return say(
        f"{frames.title(arm)} {verb}",
        cite(frames, kind, task, [arm], quantity),
        f"{unit}: ",
        times,
        " as long.",
    )


def _others(frames: Frames, task: Task, arms: Sequence[str], quantity: str) -> Said:
    """Say how many more there are, and how long the slowest takes."""
    verb = " more takes" if len(arms) == 1 else " more take"
    count, slow = (
        cite(frames, kind, task, own, quantity)
        for kind, own in (("count", arms), ("time", arms[-1:]))
    )
    title = frames.title(arms[-1])
    return say(
        count, f"{verb} longer still, up to ", slow, f" with {title}; the table has them all."
    )


def compiling(frames: Frames, task: Task, arms: Sequence[str]) -> list[Said]:
    """Say of frameworks that were measured with and without a compiler when it pays off."""
    pairs = [
        (compiled, plain)
        for compiled, plain in _pairs(frames, arms)
        if frames.settled(task.name, compiled) and frames.settled(task.name, plain)
    ]
    found = [_pays_off(frames, task, *pair) for pair in pairs]
    return [sentence for sentence in found if sentence is not None]


def _pairs(frames: Frames, arms: Sequence[str]) -> list[tuple[str, str]]:
    """Return (compiled, plain) of one framework: the first of each that there is."""
    found: dict[str, dict[bool, str]] = {}
    for arm in arms:
        own = frames.plan.arm(arm)
        if own.compiler:  # where it is left to the framework, nobody knows
            found.setdefault(own.header.name, {}).setdefault(own.compiler != "none", arm)
    return [(each[True], each[False]) for each in found.values() if len(each) == 2]


def _pays_off(frames: Frames, task: Task, compiled: str, plain: str) -> Said | None:
    kind = overtaking(frames, task, [compiled, plain]).kind
    pair = f"{frames.title(compiled)} against {frames.title(plain)}"
    if kind is Kind.FROM:
        after = cite(frames, "overtaking", task, [compiled, plain], "epoch")
        return say("Compiling pays off after ", after, f" in one program: {pair}.")
    if kind is Kind.NEVER:
        return say(f"Compiling never pays off here: {pair}.")
    return say(f"Compiling pays off at once: {pair}.") if kind is Kind.ALWAYS else None


def overtaken(frames: Frames, task: Task, best: str, others: Sequence[str]) -> list[Said]:
    """Say which arm overtakes the best when the training is longer, and from when on.

    Of several, the one that does it first and the one whose epochs are the shortest.
    """
    settled = [arm for arm in others if frames.settled(task.name, arm)]
    if not frames.settled(task.name, best):
        return []
    after: dict[str, float] = {}
    for arm in settled:
        found = overtaking(frames, task, [arm, best])
        later = found.steps is not None and found.steps.value > task.training.epochs
        if found.kind is Kind.FROM and found.steps is not None and later:
            after[arm] = found.steps.value
    if not after:
        return []
    epochs = {arm: fmean(frames.per_repeat(task.name, arm, "epoch").values()) for arm in after}
    chosen = (min(after, key=after.__getitem__), min(epochs, key=epochs.__getitem__))
    return [_overtaken(frames, task, arm, best) for arm in dict.fromkeys(chosen)]


def _overtaken(frames: Frames, task: Task, arm: str, best: str) -> Said:
    return say(
        "An epoch is ",
        cite(frames, "factor", task, [arm, best], "epoch"),
        f" faster with {frames.title(arm)}: from about ",
        cite(frames, "overtaking", task, [arm, best], "epoch"),
        " in one program on, it is the faster choice.",
    )


def undecided(frames: Frames, task: Task, judged: Sequence[Verdict]) -> list[Said]:
    """Say how much longer the run would have to be for those of which it cannot tell yet."""
    asked = [found for found in judged if found.word is Word.UNKNOWN and found.more_repeats]
    if not asked:
        return []
    names = join((frames.title(found.arm) for found in asked), last="and")
    arms = list(dict.fromkeys((judged[0].against, *(found.arm for found in judged))))
    repeats, time = (cite(frames, kind, task, arms) for kind in ("more repeats", "more minutes"))
    start = f"Cannot tell yet: {names}; about "
    return [say(start, time, " would (samenet resume RUN --repeats +", repeats, ").")]


def order(frames: Frames, times: Mapping[str, PerRepeat], best: str) -> list[Said]:
    """Say what ranks do not show: ties that do not carry over, an order that hangs on one arm."""
    near = ranking.intransitive(times, ranking.told_apart(times))
    found = [_intransitive(frames, three, times) for three in near if best in three][:1]
    hanging = [each for each in ranking.reordered(times) if best in each[1:]]
    return further(found + [_hanging(frames, *each) for each in hanging[:1]])


def _intransitive(frames: Frames, three: tuple[str, ...], times: Mapping[str, PerRepeat]) -> Said:
    apart = ranking.told_apart({arm: times[arm] for arm in three})
    names = [join(map(frames.title, pair), last="and") for pair in combinations(three, 2)]
    pairs = list(combinations(three, 2))
    level = [n for n, (a, b) in zip(names, pairs, strict=True) if not _differ(apart, a, b)]
    unlike = [n for n, (a, b) in zip(names, pairs, strict=True) if _differ(apart, a, b)]
    return say(
        f"No order holds these three: {'; '.join(level) or 'none'} cannot be told apart, but "
        f"{'; '.join(unlike) or 'none'} can."
    )


def _differ(apart: ranking.Apart, one: str, other: str) -> bool:
    return (one, other) in apart or (other, one) in apart


def _hanging(frames: Frames, absent: str, one: str, other: str) -> Said:
    absent, one, other = map(frames.title, (absent, one, other))
    return say(f"Whether {one} stands before {other} hangs on {absent} being compared, too.")


def network_needed(frames: Frames, task: Task) -> list[Said]:
    """Say whether a model that is not a network does as well, to within what the test rows tell."""
    metric = main_of(task.kind)
    scores = {
        line: analysis_scores.score(
            frames, task, track="reference", arm=line.name, metric=metric.name
        )
        for line in BEST_FIRST
    }
    network = analysis_scores.score(frames, task, track="same", arm=None, metric=metric.name)
    if network is None or None in scores.values():
        return []
    sign, slack = (
        (1 if metric.higher_is_better else -1),
        analysis_scores.slack(frames, task, metric.name),
    )
    known = {line: value for line, value in scores.items() if value is not None}
    good = [line for line, value in known.items() if sign * (value - network) >= -slack]
    does = "does" if len(good) == 1 and good[0].one else "do"
    named = " and ".join(line.in_sentence for line in good)
    perhaps = f"Perhaps not: {named} {does} about as well or better"
    answer = perhaps if good else "On this split it does better"
    shown = cite(frames, "score", task, [""], metric.name)
    others = [
        part
        for line in BEST_FIRST
        for part in (
            f", {line.in_sentence} ", cite(frames, "score", task, [line.name], metric.name)
        )
    ]  # fmt: skip
    start = f"Do you need a network here? {answer} (test {metric.words}: the network "
    return [say(start, shown, *others, ").")]

"""The sentences of advice, each made of plain words and of evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from statistics import fmean

from samenet._text import join_names
from samenet.advice.evidence import (
    HUNDRED,
    Sentence,
    cite,
    extra_seconds,
    find_crossing,
    join_phrases,
    phrase,
    say,
)
from samenet.analysis import scores
from samenet.analysis.frames import Frames
from samenet.analysis.quantities import Quantity
from samenet.spec.baselines import BEST_FIRST
from samenet.spec.metrics import main_metric
from samenet.spec.task import Task
from samenet.stats import ranking
from samenet.stats.break_even import BreakEvenKind
from samenet.stats.intervals import PerRepeat
from samenet.stats.verdicts import Verdict, VerdictWord

NAMED_MOST = 3
"""So many of those that take longer are named, if there are more than one beyond them."""

MATTERS_SECONDS = 60.0
"""A difference of less than a minute in 100 trainings is said not to matter."""


def differences(
    frames: Frames, task: Task, best: str, apart: Sequence[str], quantity: Quantity
) -> list[Sentence]:
    """Say what each arm that is told apart from the best, fastest first, costs more."""
    named = apart if len(apart) <= NAMED_MOST + 1 else apart[:NAMED_MOST]
    if quantity is Quantity.TOTAL:
        said = [_slower_training(frames, task, arm, best) for arm in named]
    else:
        said = [_slower_prediction(frames, task, arm, best, quantity) for arm in named]
    rest = apart[len(named) :]
    if rest:
        said.append(_still_slower(frames, task, rest, quantity))
    return [*said[:1], *fold_away(said[1:])]


def fold_away(said: Sequence[Sentence]) -> list[Sentence]:
    """Return sentences as what only who wants to know more needs."""
    return [replace(sentence, further=True) for sentence in said]


def _slower_training(frames: Frames, task: Task, arm: str, best: str) -> Sentence:
    name = frames.title(arm)
    time = cite(frames, "time", task, [arm])
    more = extra_seconds(frames.result(task, arm), frames.result(task, best), Quantity.TOTAL)
    if HUNDRED * more.value < MATTERS_SECONDS:
        return say(
            "{arm} takes {time}, a difference that does not matter: choose on other grounds.",
            arm=name,
            time=time,
        )
    return say(
        "{arm} takes {time}, {more} more per training, {hundred} in 100 program starts.",
        arm=name,
        time=time,
        more=cite(frames, "more", task, [arm, best]),
        hundred=cite(frames, "more in a hundred", task, [arm, best]),
    )


def _slower_prediction(
    frames: Frames, task: Task, arm: str, best: str, quantity: Quantity
) -> Sentence:
    name = frames.title(arm)
    factor = cite(frames, "factor", task, [best, arm], quantity)
    if quantity is Quantity.LATENCY:
        time = cite(frames, "time", task, [arm], quantity)
        return say(
            "{arm} takes {time} a row: {factor} as long.", arm=name, time=time, factor=factor
        )
    rate = cite(frames, "rows per second", task, [arm], quantity)
    return say(
        "{arm} predicts {rate} rows a second: {factor} as long.", arm=name, rate=rate, factor=factor
    )


def _still_slower(frames: Frames, task: Task, arms: Sequence[str], quantity: Quantity) -> Sentence:
    """Say how many more there are, and how long the slowest takes."""
    slowest = arms[-1]
    return say(
        "{count} more {take} longer still, up to {time} with {arm}; the table has them all.",
        count=cite(frames, "count", task, arms, quantity),
        take="takes" if len(arms) == 1 else "take",
        time=cite(frames, "time", task, [slowest], quantity),
        arm=frames.title(slowest),
    )


def compiler_gains(frames: Frames, task: Task, arms: Sequence[str]) -> list[Sentence]:
    """Say when a compiler pays off, for each framework that was measured with and without one."""
    steady = [arm for arm in arms if frames.result(task, arm).is_steady]
    said = []
    for compiled, plain in _compiled_and_plain(frames, arms):
        if compiled in steady and plain in steady:
            said += _pays_off(frames, task, compiled, plain)
    return said


def _compiled_and_plain(frames: Frames, arms: Sequence[str]) -> list[tuple[str, str]]:
    """Return (compiled, plain) of one framework: the first of each that there is."""
    by_framework: dict[str, dict[bool, str]] = {}
    for name in arms:
        arm = frames.plan.arm(name)
        if arm.compiler:  # where it is left to the framework, nobody knows
            modes = by_framework.setdefault(arm.header.name, {})
            modes.setdefault(arm.compiler != "none", name)
    return [(modes[True], modes[False]) for modes in by_framework.values() if len(modes) == 2]


def _pays_off(frames: Frames, task: Task, compiled: str, plain: str) -> list[Sentence]:
    kind = find_crossing(frames.result(task, compiled), frames.result(task, plain)).kind
    names = {"compiled": frames.title(compiled), "plain": frames.title(plain)}
    if kind is BreakEvenKind.FROM:
        return [
            say(
                "Compiling pays off after {epochs} in one program: {compiled} against {plain}.",
                epochs=cite(frames, "overtaking", task, [compiled, plain], Quantity.EPOCH),
                **names,
            )
        ]
    if kind is BreakEvenKind.NEVER:
        return [say("Compiling never pays off here: {compiled} against {plain}.", **names)]
    if kind is BreakEvenKind.ALWAYS:
        return [say("Compiling pays off at once: {compiled} against {plain}.", **names)]
    return []


def later_choices(frames: Frames, task: Task, best: str, others: Sequence[str]) -> list[Sentence]:
    """Say which arm overtakes the best when the training is longer, and from when on.

    Of several, the one that does it first and the one whose epochs are the shortest.
    """
    fastest = frames.result(task, best)
    if not fastest.is_steady:
        return []
    after: dict[str, float] = {}
    epoch_seconds: dict[str, float] = {}
    for arm in others:
        result = frames.result(task, arm)
        if not result.is_steady:
            continue
        crossing = find_crossing(result, fastest)
        epochs = crossing.steps
        if crossing.kind is BreakEvenKind.FROM and epochs and epochs.value > task.training.epochs:
            after[arm] = epochs.value
            epoch_seconds[arm] = fmean(result.epoch.values())
    if not after:
        return []
    first = min(after, key=after.__getitem__)
    shortest = min(epoch_seconds, key=epoch_seconds.__getitem__)
    return [_overtakes(frames, task, arm, best) for arm in dict.fromkeys((first, shortest))]


def _overtakes(frames: Frames, task: Task, arm: str, best: str) -> Sentence:
    return say(
        "An epoch is {factor} faster with {arm}: from about {epochs} in one program on, it is the "
        "faster choice.",
        factor=cite(frames, "factor", task, [arm, best], Quantity.EPOCH),
        arm=frames.title(arm),
        epochs=cite(frames, "overtaking", task, [arm, best], Quantity.EPOCH),
    )


def undecided_arms(frames: Frames, task: Task, judged: Sequence[Verdict]) -> list[Sentence]:
    """Say how much longer the run would have to be for those of which it cannot tell yet."""
    unknown = [v for v in judged if v.word is VerdictWord.UNKNOWN and v.more_repeats]
    if not unknown:
        return []
    arms = list(dict.fromkeys((judged[0].against, *(verdict.arm for verdict in judged))))
    return [
        say(
            "Cannot tell yet: {arms}; about {time} would "
            "(samenet resume RUN --repeats +{repeats}).",
            arms=join_names((frames.title(verdict.arm) for verdict in unknown), last="and"),
            time=cite(frames, "more minutes", task, arms),
            repeats=cite(frames, "more repeats", task, arms),
        )
    ]


def order(frames: Frames, times: Mapping[str, PerRepeat], best: str) -> list[Sentence]:
    """Say what ranks do not show: ties that do not carry over, an order that hangs on one arm."""
    triples = ranking.find_intransitive(times, ranking.find_different_pairs(times))
    with_best = [triple for triple in triples if best in triple]
    said = [_intransitive(frames, triple, times) for triple in with_best[:1]]
    for absent, arm, rival in ranking.find_rank_reversals(times):
        if best in {arm, rival}:
            said.append(
                say(
                    "Whether {arm} stands before {rival} hangs on {absent} being compared, too.",
                    arm=frames.title(arm),
                    rival=frames.title(rival),
                    absent=frames.title(absent),
                )
            )
            break
    return fold_away(said)


def _intransitive(
    frames: Frames, triple: Sequence[str], times: Mapping[str, PerRepeat]
) -> Sentence:
    apart = ranking.find_different_pairs({arm: times[arm] for arm in triple})
    tied: list[str] = []
    different: list[str] = []
    for pair in combinations(triple, 2):
        differs = pair in apart or pair[::-1] in apart
        (different if differs else tied).append(join_names(map(frames.title, pair), last="and"))
    return say(
        "No order holds these three: {tied} cannot be told apart, but {different} can.",
        tied="; ".join(tied) or "none",
        different="; ".join(different) or "none",
    )


def network_needed(frames: Frames, task: Task) -> list[Sentence]:
    """Say whether a model that is not a network does as well, to within what the test rows tell."""
    metric = main_metric(task.kind)
    network = scores.network_score(frames, task, metric.name)
    baseline_scores = {}
    for baseline in BEST_FIRST:
        score = frames.result(task, baseline.name, "reference").score(metric.name)
        if score is not None:
            baseline_scores[baseline] = score
    if network is None or not baseline_scores:
        return []
    sign = 1 if metric.higher_is_better else -1
    slack = scores.slack(frames, task, metric.name)
    good = [
        baseline
        for baseline, score in baseline_scores.items()
        if sign * (score - network) >= -slack
    ]
    answer = "On this split it does better"
    if good:
        does = "does" if len(good) == 1 and good[0].one else "do"
        names = " and ".join(baseline.in_sentence for baseline in good)
        answer = f"Perhaps not: {names} {does} about as well or better"
    shown = [
        phrase("the network {score}", score=cite(frames, "score", task, frames.compared(task)))
    ] + [
        phrase(
            "{baseline} {score}",
            baseline=baseline.in_sentence,
            score=cite(frames, "score", task, [baseline.name]),
        )
        for baseline in baseline_scores
    ]
    return [
        say(
            "Do you need a network here? {answer} (test {metric}: {scores}).",
            answer=answer,
            metric=metric.words,
            scores=join_phrases(", ", shown),
        )
    ]

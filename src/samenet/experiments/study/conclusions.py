"""What a study shows, in sentences that are computed; where seeds overlap it says so instead.

Two choices are told apart only if the numbers of all seeds of one lie above those of the other; how
often luck does that is `samenet.study.separation_chance`, and with too few seeds nothing is
concluded.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from samenet._text import count_noun, join_names
from samenet.experiments.study.outcome import StudyOutcome
from samenet.spec.metrics import METRICS
from samenet.spec.study import (
    SCENE_TITLES,
    SEPARATION_ALPHA,
    STUDY_SCORES,
    Scene,
    are_separated,
    hidden_widths,
    seeds_needed,
    separation_chance,
)
from samenet.stats.formatting import format_digits, format_seconds

VANISHED = 10.0
"""A gradient is called smaller from this factor on: an order of magnitude."""

TIME_MARGIN = 0.05
"""Times that differ by less are not worth a sentence."""

CHOICES, SEEDS = "choices", "seeds"
"""What a conclusion is about that says why there is none."""

SeedValues = dict[str, list[float]]
"""Per choice one number per seed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """One finding, or why there is none."""

    about: str
    sentence: str
    findings: tuple[str, ...] = ()
    """What was found, so that frameworks can be compared; empty if nothing was told apart."""


def draw_conclusions(
    outcome: StudyOutcome, arm: str, among: Sequence[str] | None = None
) -> list[Conclusion]:
    """Return what one framework's seeds show of its choices, or of those among them."""
    choices = [c for c in outcome.choices(arm) if among is None or c in among]
    seeds = min((len(outcome.epoch_seconds(arm, "own", c)) for c in choices), default=0)
    if len(choices) < 2:
        return [Conclusion(about=CHOICES, sentence="Only one was trained: nothing to compare.")]
    if separation_chance(seeds, len(choices)) > SEPARATION_ALPHA:
        return [_too_few(seeds, len(choices))]
    return list(_all(outcome, arm, choices))


def _too_few(seeds: int, choices: int) -> Conclusion:
    needed = seeds_needed(choices)
    chance = min(1.0, separation_chance(seeds, choices))
    sentence = (
        f"Nothing is concluded from {count_noun(seeds, 'seed')}: by luck alone two of "
        f"{choices} equal choices would part with a chance of {chance:.0%}. "
        f"Use --seeds {needed}."
    )
    return Conclusion(about=SEEDS, sentence=sentence)


def _all(outcome: StudyOutcome, arm: str, choices: Sequence[str]) -> Iterator[Conclusion]:
    def seeds(scene: Scene, quantity: str, split: str) -> SeedValues:
        return {
            choice: outcome.values(arm, scene, choice, quantity, split=split) for choice in choices
        }

    scenes: tuple[Scene, ...] = ("own", "deep") if outcome.study.kind == "activations" else ("own",)
    for scene in scenes:
        for metric in STUDY_SCORES[outcome.task.kind]:
            yield conclude_on_score(seeds(scene, metric, "test"), metric, scene)
    if outcome.study.kind == "activations":
        yield conclude_on_gradients(first_gradients(outcome, arm, choices))
        hidden_units = sum(hidden_widths(outcome.task, "own"))
        yield conclude_on_dead_units(seeds("fast", "dead", "train"), hidden_units)
    yield conclude_on_time(
        {choice: outcome.epoch_seconds(arm, "own", choice) for choice in choices}
    )


def first_gradients(outcome: StudyOutcome, arm: str, choices: Sequence[str]) -> SeedValues:
    """Return the norm of the first layer's gradient in the deep network, before any training."""
    return {
        choice: outcome.values(arm, "deep", choice, "gradient", epoch=0, layer=1)
        for choice in choices
    }


def conclude_on_score(seeds: SeedValues, metric: str, scene: Scene) -> Conclusion:
    """Return which choices have a worse test score than the best one, in every seed."""
    higher = METRICS[metric].higher_is_better
    name = METRICS[metric].in_sentence
    about = f"test {name}, {SCENE_TITLES[scene]}"
    seeds, lost = _without_diverged(seeds)
    if len(seeds) < 2:
        return Conclusion(about=about, sentence=f"Too few trainings ended in numbers.{lost}")
    order = sorted(seeds, key=lambda choice: median(seeds[choice]), reverse=higher)
    best, *others = order
    worse = [choice for choice in others if are_separated(seeds[best], seeds[choice])]
    alike = [choice for choice in others if choice not in worse]
    if not worse:
        low, high = min(map(min, seeds.values())), max(map(max, seeds.values()))
        sentence = (
            f"No difference in test {name} can be told: the seeds of {join_names(order)} overlap "
            f"({format_digits(low)} to {format_digits(high)}).{lost}"
        )
        return Conclusion(about=about, sentence=sentence)
    said = [
        f"{choice} is worse than {best} in every seed ({_range(seeds, choice)} against "
        f"{_range(seeds, best)})"
        for choice in worse
    ]
    equal = f"; {join_names(alike)} cannot be told from {best}, the seeds overlap" if alike else ""
    return Conclusion(
        about=about,
        sentence=f"{join_names(said)}{equal}.{lost}",
        findings=tuple(sorted(f"{choice} worse" for choice in worse)),
    )


def _without_diverged(seeds: SeedValues) -> tuple[SeedValues, str]:
    """Return the choices whose trainings all ended in numbers, and which did not as a sentence."""
    diverged = [choice for choice, values in seeds.items() if not all(map(math.isfinite, values))]
    kept = {choice: values for choice, values in seeds.items() if choice not in diverged}
    return kept, f" {join_names(diverged)} diverged." if diverged else ""


def conclude_on_gradients(seeds: SeedValues) -> Conclusion:
    """Return the choices whose first layer gets a gradient orders of magnitude below others'."""
    about = f"first layer’s gradient, {SCENE_TITLES['deep']}, before training"
    below = {choice: _far_above(seeds, choice) for choice in seeds}
    weak = sorted((c for c in seeds if below[c]), key=lambda choice: median(seeds[choice]))
    if not weak:
        factor = max(map(median, seeds.values())) / min(map(median, seeds.values()))
        sentence = f"None vanishes: {join_names(seeds)} stay within a factor of "
        return Conclusion(about=about, sentence=f"{sentence}{format_digits(factor, 2)}.")
    parts = [
        f"{choice}’s ({format_small(median(seeds[choice]))}) is at least "
        f"{_times(min(below[choice].values()))} smaller than that of "
        f"{join_names(below[choice], 'or')}"
        for choice in weak
    ]
    gone = [c for c in weak if min(below[c].values()) >= VANISHED**3]
    end = f". It vanishes on its way back through {join_names(gone)}" if gone else ""
    return Conclusion(
        about=about,
        sentence=f"{'; '.join(parts)}{end}.",
        findings=tuple(
            f"{c} below {', '.join(sorted(below[c]))} by {_order(below[c])}" for c in weak
        ),
    )


def _far_above(seeds: SeedValues, choice: str) -> dict[str, float]:
    """Return the factor of every other choice that is far above this one in every seed."""
    weakest = max(median(seeds[choice]), 1e-300)
    factors = {other: median(values) / weakest for other, values in seeds.items()}
    return {
        c: f for c, f in factors.items() if f >= VANISHED and are_separated(seeds[c], seeds[choice])
    }


def format_small(value: float) -> str:
    """Return a number that may be tiny: 0.021, 9e-7."""
    return (
        format_digits(value) if value >= 1e-3 or value == 0 else f"{value:.0e}".replace("e-0", "e-")
    )


def _times(factor: float) -> str:
    return f"{float(f'{factor:.2g}'):,.0f} times".replace(",", " ")


def _order(factors: Mapping[str, float]) -> str:
    """Return the whole orders of magnitude in the smallest factor."""
    return f"10^{math.floor(math.log10(min(factors.values())))}"


def conclude_on_dead_units(seeds: SeedValues, units: int) -> Conclusion:
    """Return which choices leave dead units in every seed, and which in none."""
    about = f"dead units, {SCENE_TITLES['fast']}"
    seeds, lost = _without_diverged(seeds)
    if not seeds:
        return Conclusion(about=about, sentence=f"No training ended in numbers.{lost}")
    dead = [choice for choice, counts in seeds.items() if min(counts) > 0]
    alive = [choice for choice, counts in seeds.items() if max(counts) == 0]
    mixed = [choice for choice in seeds if choice not in (*dead, *alive)]
    parts = [f"{c} leaves {_range(seeds, c)} of {units} hidden units dead" for c in dead]
    parts += [f"{join_names(alive)}: none in any seed"] if alive else []
    parts += [f"{join_names(mixed)}: it depends on the seed"] if mixed else []
    end = ". A dead unit gets no gradient and does not learn" if dead else ""
    sentence = f"{'; '.join(parts)}{end}.{lost}"
    findings = tuple([f"{c} dies" for c in dead] + [f"{c} lives" for c in alive]) if dead else ()
    return Conclusion(about=about, sentence=sentence, findings=findings)


def conclude_on_time(seeds: SeedValues) -> Conclusion:
    """Return which choices take longer per epoch than the fastest one, in every process."""
    about = "time of an epoch, the task’s own network"
    fastest = min(seeds, key=lambda choice: median(seeds[choice]))
    base = median(seeds[fastest])
    slower = [
        choice
        for choice, values in seeds.items()
        if are_separated(values, seeds[fastest]) and median(values) / base > 1 + TIME_MARGIN
    ]
    if not slower:
        sentence = f"None is told to be slower; an epoch takes about {format_seconds(base)}."
        return Conclusion(about=about, sentence=sentence)
    said = [
        f"{c} takes {format_digits(median(seeds[c]) / base, 2)} times as long as {fastest}"
        for c in slower
    ]
    return Conclusion(
        about=about,
        sentence=f"Per epoch {join_names(said)} ({format_seconds(base)}).",
        findings=tuple(sorted(f"{choice} slower" for choice in slower)),
    )


def _range(seeds: SeedValues, choice: str) -> str:
    low, high = format_digits(min(seeds[choice])), format_digits(max(seeds[choice]))
    return low if low == high else f"{low} to {high}"


def compare_conclusions(outcome: StudyOutcome) -> tuple[int, int]:
    """Return in how many points all frameworks found the same, and of how many.

    They are compared on the choices that all of them offer.
    """
    shared = [
        c for c in outcome.study.choices if all(c in outcome.choices(a) for a in outcome.arms)
    ]
    return count_agreements([draw_conclusions(outcome, arm, shared) for arm in outcome.arms])


def count_agreements(per_arm: Sequence[list[Conclusion]]) -> tuple[int, int]:
    """Return in how many points all frameworks found the same, and of how many.

    A point counts if at least one of them found something: that nobody did is no agreement. Times
    are left out: they are each framework's own.
    """
    found = [{each.about: each.findings for each in conclusions} for conclusions in per_arm]
    points = [
        {findings[about] for findings in found}
        for about in found[0]
        if about not in (CHOICES, SEEDS)
        and not about.startswith("time")
        and all(about in findings for findings in found)
    ]
    points = [point for point in points if any(point)]
    return sum(len(point) == 1 for point in points), len(points)

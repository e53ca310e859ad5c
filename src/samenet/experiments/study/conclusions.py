"""What a study shows, in sentences that are computed; where seeds overlap it says so instead.

Two choices are told apart only if the numbers of all seeds of one lie above those of the other; how
often luck does that is samenet.study.chance_apart, and with too few seeds nothing is concluded.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from samenet._text import counted, join
from samenet.experiments.study.outcome import Outcome
from samenet.spec.metrics import METRICS
from samenet.spec.study import ALPHA, SCENES, SCORES, Scene, apart, chance_apart, seeds_needed
from samenet.stats.formatting import digits, words

VANISHED = 10.0
"""A gradient is called smaller from this factor on: an order of magnitude."""

TIME_MARGIN = 0.05
"""Times that differ by less are not worth a sentence."""

Seeds = dict[str, list[float]]
"""Per choice one number per seed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """One finding, or why there is none."""

    about: str
    sentence: str
    findings: tuple[str, ...] = ()
    """What was found, so that frameworks can be compared; empty if nothing was told apart."""


def conclusions(outcome: Outcome, arm: str) -> list[Conclusion]:
    """Return what one framework's seeds show."""
    choices = outcome.choices(arm)
    seeds = min((len(outcome.epoch_seconds(arm, "own", c)) for c in choices), default=0)
    if len(choices) < 2:
        return [Conclusion(about="", sentence="Only one choice was trained: nothing to compare.")]
    if chance_apart(seeds, len(choices)) > ALPHA:
        return [_too_few(seeds, len(choices))]
    return list(_all(outcome, arm))


def _too_few(seeds: int, choices: int) -> Conclusion:
    needed = seeds_needed(choices)
    chance = min(1.0, chance_apart(seeds, choices))
    sentence = (
        f"Nothing is concluded from {counted(seeds, 'seed')}: by luck alone two of "
        f"{choices} equal choices would part with a chance of {chance:.0%}. "
        f"Use --seeds {needed}."
    )
    return Conclusion(about="seeds", sentence=sentence)


def _all(outcome: Outcome, arm: str) -> Iterator[Conclusion]:
    scenes: tuple[Scene, ...] = ("own", "deep") if outcome.study.kind == "activations" else ("own",)
    for scene in scenes:
        for metric in SCORES[outcome.task.kind]:
            yield score(_seeds(outcome, arm, scene, metric, "test"), metric, scene)
    if outcome.study.kind == "activations":
        yield vanishing(first_gradients(outcome, arm))
        hidden_units = sum(layer.units for layer in outcome.task.model.layers)
        yield dying(_seeds(outcome, arm, "fast", "dead", "train"), hidden_units)
    choices = outcome.choices(arm)
    yield time({choice: outcome.epoch_seconds(arm, "own", choice) for choice in choices})


def _seeds(outcome: Outcome, arm: str, scene: Scene, quantity: str, split: str) -> Seeds:
    return {
        choice: outcome.values(arm, scene, choice, quantity, split=split)
        for choice in outcome.choices(arm)
    }


def first_gradients(outcome: Outcome, arm: str) -> Seeds:
    """Return the norm of the first layer's gradient in the deep network, before any training."""
    return {
        choice: outcome.values(arm, "deep", choice, "gradient", epoch=0, layer=1)
        for choice in outcome.choices(arm)
    }


def score(seeds: Seeds, metric: str, scene: Scene) -> Conclusion:
    """Return which choices have a worse test score than the best one, in every seed."""
    higher = METRICS[metric].higher_is_better
    name = METRICS[metric].in_sentence
    about = f"test {name}, {SCENES[scene]}"
    diverged = [choice for choice, values in seeds.items() if not all(map(math.isfinite, values))]
    seeds = {choice: values for choice, values in seeds.items() if choice not in diverged}
    lost = f" {join(diverged)} diverged." if diverged else ""
    if len(seeds) < 2:
        return Conclusion(about=about, sentence=f"Too few trainings ended in numbers.{lost}")
    order = sorted(seeds, key=lambda choice: median(seeds[choice]), reverse=higher)
    best, *others = order
    worse = [choice for choice in others if apart(seeds[best], seeds[choice])]
    alike = [choice for choice in others if choice not in worse]
    if not worse:
        low, high = min(map(min, seeds.values())), max(map(max, seeds.values()))
        sentence = (
            f"No difference in test {name} can be told: the seeds of {join(order)} overlap "
            f"({digits(low)} to {digits(high)}).{lost}"
        )
        return Conclusion(about=about, sentence=sentence)
    said = [
        f"{choice} is worse than {best} in every seed ({_range(seeds, choice)} against "
        f"{_range(seeds, best)})"
        for choice in worse
    ]
    equal = f"; {join(alike)} cannot be told from {best}, the seeds overlap" if alike else ""
    return Conclusion(
        about=about,
        sentence=f"{join(said)}{equal}.{lost}",
        findings=tuple(sorted(f"{choice} worse" for choice in worse)),
    )


def vanishing(seeds: Seeds) -> Conclusion:
    """Return the choices whose first layer gets a gradient orders of magnitude below others'."""
    about = f"first layer’s gradient, {SCENES['deep']}, before training"
    below = {choice: _far_above(seeds, choice) for choice in seeds}
    weak = sorted((c for c in seeds if below[c]), key=lambda choice: median(seeds[choice]))
    if not weak:
        factor = max(map(median, seeds.values())) / min(map(median, seeds.values()))
        sentence = f"None vanishes: {join(seeds)} stay within a factor of {digits(factor, 2)}."
        return Conclusion(about=about, sentence=sentence)
    parts = [
        f"{choice}’s ({small(median(seeds[choice]))}) is at least "
        f"{_times(min(below[choice].values()))} smaller than that of {join(below[choice], 'or')}"
        for choice in weak
    ]
    gone = [c for c in weak if min(below[c].values()) >= VANISHED**3]
    end = f". It vanishes on its way back through {join(gone)}" if gone else ""
    return Conclusion(
        about=about,
        sentence=f"{'; '.join(parts)}{end}.",
        findings=tuple(
            f"{c} below {', '.join(sorted(below[c]))} by {_order(below[c])}" for c in weak
        ),
    )


def _far_above(seeds: Seeds, choice: str) -> dict[str, float]:
    """Return the factor of every other choice that is far above this one in every seed."""
    weakest = max(median(seeds[choice]), 1e-300)
    factors = {other: median(values) / weakest for other, values in seeds.items()}
    return {c: f for c, f in factors.items() if f >= VANISHED and apart(seeds[c], seeds[choice])}


def small(value: float) -> str:
    """Return a number that may be tiny: 0.021, 9e-7."""
    return digits(value) if value >= 1e-3 or value == 0 else f"{value:.0e}".replace("e-0", "e-")


def _times(factor: float) -> str:
    return f"{float(f'{factor:.2g}'):,.0f} times".replace(",", " ")


def _order(factors: Mapping[str, float]) -> str:
    """Return the whole orders of magnitude in the smallest factor."""
    return f"10^{math.floor(math.log10(min(factors.values())))}"


def dying(seeds: Seeds, units: int) -> Conclusion:
    """Return which choices leave dead units in every seed, and which in none."""
    about = f"dead units, {SCENES['fast']}"
    dead = [choice for choice, counts in seeds.items() if min(counts) > 0]
    alive = [choice for choice, counts in seeds.items() if max(counts) == 0]
    mixed = [choice for choice in seeds if choice not in (*dead, *alive)]
    parts = [f"{c} leaves {_range(seeds, c)} of {units} hidden units dead" for c in dead]
    parts += [f"{join(alive)}: none in any seed"] if alive else []
    parts += [f"{join(mixed)}: it depends on the seed"] if mixed else []
    end = ". A dead unit gets no gradient and does not learn" if dead else ""
    sentence = f"{'; '.join(parts)}{end}."
    findings = tuple([f"{c} dies" for c in dead] + [f"{c} lives" for c in alive]) if dead else ()
    return Conclusion(about=about, sentence=sentence, findings=findings)


def time(seeds: Seeds) -> Conclusion:
    """Return which choices take longer per epoch than the fastest one, in every process."""
    about = "time of an epoch, the task’s own network"
    fastest = min(seeds, key=lambda choice: median(seeds[choice]))
    base = median(seeds[fastest])
    slower = [
        choice
        for choice, values in seeds.items()
        if apart(values, seeds[fastest]) and median(values) / base > 1 + TIME_MARGIN
    ]
    if not slower:
        sentence = f"None is told to be slower; an epoch takes about {words(base)}."
        return Conclusion(about=about, sentence=sentence)
    said = [
        f"{c} takes {digits(median(seeds[c]) / base, 2)} times as long as {fastest}" for c in slower
    ]
    return Conclusion(
        about=about,
        sentence=f"Per epoch {join(said)} ({words(base)}).",
        findings=tuple(sorted(f"{choice} slower" for choice in slower)),
    )


def _range(seeds: Seeds, choice: str) -> str:
    low, high = digits(min(seeds[choice])), digits(max(seeds[choice]))
    return low if low == high else f"{low} to {high}"


def agreement(per_arm: Sequence[list[Conclusion]]) -> tuple[int, int]:
    """Return in how many conclusions all frameworks agree, and how many there are.

    Times are left out: they are each framework's own.
    """
    same = [
        len({conclusion.findings for conclusion in of_arms}) == 1
        for of_arms in zip(*per_arm, strict=True)
        if not of_arms[0].about.startswith("time")
    ]
    return sum(same), len(same)

"""What a study varies: one network with several activations, or with several losses.

A study trains every choice from the same starting weights on the same batches, once per seed, in
one or more scenes. Its numbers: worker.study_measures; what follows from them:
experiments.study.conclusions.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import comb
from typing import Literal, NamedTuple, get_args

from pydantic import Field

from samenet.errors import UsageError, unknown_name
from samenet.spec.layers import Activation, ActivationName, Dense
from samenet.spec.network import ModelSpec, TaskKind
from samenet.spec.parsing import FrozenModel, parse, parse_call
from samenet.spec.task import Task
from samenet.spec.training import LOSSES_OF_KIND, Loss, LossName, TrainSpec

StudyKind = Literal["activations", "losses"]
Scene = Literal["own", "deep", "fast"]

USUAL_ACTIVATIONS = ("sigmoid", "tanh", "relu", "leaky_relu")
VALUE_LOSSES: tuple[LossName, ...] = LOSSES_OF_KIND[TaskKind.REGRESSION]
"""Losses that take outputs as values; for a task with classes the values are 0 and 1."""

DEEP_LAYERS = 10
FAST_FACTOR = 64
"""The third scene's learning rate in multiples of the task's: enough to kill ReLU units."""

STUDY_SCORES: dict[TaskKind, tuple[str, ...]] = {
    TaskKind.BINARY: ("accuracy",),
    TaskKind.MULTICLASS: ("accuracy",),
    TaskKind.REGRESSION: ("rmse", "mae"),
}
"""Those of samenet.spec.metrics that need no probabilities: a mismatching loss gives none."""

SEEDS_MIN = 5
SEEDS_MAX = 30
SEPARATION_ALPHA = 0.05

SCENE_TITLES: dict[Scene, str] = {
    "own": "the task’s own network",
    "deep": f"{DEEP_LAYERS} hidden layers",
    "fast": f"{FAST_FACTOR} times the learning rate",
}
SCENES_OF_KIND: dict[StudyKind, tuple[Scene, ...]] = {
    "activations": ("own", "deep", "fast"),
    "losses": ("own",),
}


class Variant(NamedTuple):
    """One training of a study, apart from the seed."""

    scene: Scene
    choice: str


class Study(FrozenModel):
    """What is compared, in order, and from how many starting points."""

    kind: StudyKind
    choices: tuple[str, ...] = Field(min_length=2)
    seeds: int = Field(ge=1, le=SEEDS_MAX)

    @property
    def variants(self) -> tuple[Variant, ...]:
        """Return every training of one seed."""
        return tuple(
            Variant(scene, choice) for scene in SCENES_OF_KIND[self.kind] for choice in self.choices
        )


def define_study(kind: StudyKind, task: Task, choices: Sequence[str] = (), seeds: int = 0) -> Study:
    """Return the study of a task: by default the usual choices, and just enough seeds.

    Raises UsageError for a choice that this task cannot have.
    """
    if other := task.model.other_layer():
        raise UsageError(
            f"A study looks into dense layers, and {task.name} has {other}. Take a task with dense "
            "layers alone, e.g. digits."
        )
    if kind == "activations" and not task.model.layers:
        raise UsageError(
            f"{task.name} has no hidden layer, so there is no activation to choose: its only layer "
            "is linear. Take a task with hidden layers, e.g. digits."
        )
    usual = USUAL_ACTIVATIONS if kind == "activations" else study_losses(task.kind)
    chosen = tuple(dict.fromkeys(_canonical(kind, task, text) for text in choices or usual))
    if len(chosen) < 2:
        raise UsageError(f"A study compares at least two {kind}; {', '.join(chosen)} is one.")
    return Study(kind=kind, choices=chosen, seeds=seeds or seeds_needed(len(chosen)))


def study_losses(kind: TaskKind) -> tuple[str, ...]:
    """Return the losses of a study: the task's usual one, then those that take outputs as values.

    For classes these are the mismatching ones; for a regression each has another optimum.
    """
    return tuple(dict.fromkeys((LOSSES_OF_KIND[kind][0], *VALUE_LOSSES)))


def _canonical(kind: StudyKind, task: Task, text: str) -> str:
    """Return a choice as the specs write it; raises UsageError for an unknown one."""
    name = text.partition("(")[0].strip()
    if kind == "activations":
        if name not in get_args(ActivationName):
            raise unknown_name("activation", name, get_args(ActivationName))
        parsed = str(parse(Activation, parse_call(text), where=f"activation {text}"))
        return name if parsed == str(Activation(name=name)) else parsed  # type: ignore[arg-type]
    allowed = {*LOSSES_OF_KIND[task.kind], *VALUE_LOSSES}
    if name not in allowed:
        raise unknown_name(f"loss for a {task.kind} task", name, allowed)
    parsed = str(parse(Loss, parse_call(text), where=f"loss {text}"))
    return name if parsed == str(Loss(name=name)) else parsed


def specs_of_variant(task: Task, study: Study, variant: Variant) -> tuple[ModelSpec, TrainSpec]:
    """Return the network and the training of one variant: the task's, with one thing changed."""
    training = task.training
    if study.kind == "losses":
        loss = Loss.model_validate(parse_call(variant.choice))
        return task.model, training.model_copy(update={"loss": loss})
    if variant.scene == "fast":
        training = raise_rate(training)
    activation = Activation.model_validate(parse_call(variant.choice))
    layers = tuple(
        Dense(units=width, activation=activation) for width in hidden_widths(task, variant.scene)
    )
    return task.model.model_copy(update={"layers": layers}), training


def hidden_widths(task: Task, scene: Scene) -> tuple[int, ...]:
    """Return the widths of the hidden layers; deep ones are all as wide as the task's first."""
    widths = tuple(layer.units for layer in task.model.hidden or ())
    return widths[:1] * DEEP_LAYERS if scene == "deep" else widths


def raise_rate(training: TrainSpec) -> TrainSpec:
    """Return the training at FAST_FACTOR times its learning rate."""
    optimizer = training.optimizer
    rate = optimizer.learning_rate * FAST_FACTOR
    changed = optimizer.model_copy(update={"learning_rate": rate})
    return training.model_copy(update={"optimizer": changed})


def is_matching_loss(kind: TaskKind, choice: str) -> bool:
    """Return whether a loss belongs to a task of this kind, that is to its link."""
    return choice.partition("(")[0] in LOSSES_OF_KIND[kind]


def are_separated(a: Sequence[float], b: Sequence[float]) -> bool:
    """Return whether two samples do not overlap: all values of one are above all of the other."""
    return max(a) < min(b) or max(b) < min(a)


def separation_chance(seeds: int, choices: int) -> float:
    """Return an upper bound of the chance that any two of equal choices are apart by luck.

    Two samples of n are completely separated with chance 2 / C(2n, n) if they are drawn alike (Mann
    and Whitney 1947, https://doi.org/10.1214/aoms/1177730491); the pairs are summed (Bonferroni).
    """
    return comb(choices, 2) * 2 / comb(2 * seeds, seeds)


def seeds_needed(choices: int) -> int:
    """Return the fewest seeds, at least 5, for which being apart is significant."""
    counts = range(SEEDS_MIN, SEEDS_MAX)
    return next((n for n in counts if separation_chance(n, choices) <= SEPARATION_ALPHA), SEEDS_MAX)

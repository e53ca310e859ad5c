"""The names of the parity cases that a task rests on: parts of its specs that are proved apart.

What a case is, and how it is proved, is in certificate.cases; here is only what a reader of a run
needs in order to see which check stands for which task.
"""

from __future__ import annotations

from collections.abc import Iterable

from samenet.spec.layers import IDENTITY, all_layers
from samenet.spec.task import Task
from samenet.spec.training import SGD, Optimizer

SAME_SEED_TWICE = "same seed twice"


def cases_of_task(task: Task) -> list[str]:
    """Return the cases that a task rests on: its functions, and its optimiser with all options."""
    training = task.training
    layers = list(all_layers(task.model.layers))
    activations = {str(getattr(layer, "activation", IDENTITY)) for layer in layers}
    kinds = {layer.kind for layer in layers} & NETWORK_OF_KIND.keys()
    rule = _rule_name(training.optimizer)
    return [
        f"loss {training.loss}",
        *(f"activation {name}" for name in sorted(activations)),
        _training_of(task),
        *(f"network {NETWORK_OF_KIND[kind]} by {rule}" for kind in sorted(kinds)),
        SAME_SEED_TWICE,
    ]


NETWORK_OF_KIND = {
    "conv1d": "conv1d",
    "conv2d": "conv2d same",
    "max_pool": "max pool",
    "average_pool": "conv2d valid",
    "global_average_pool": "conv2d stride",
    "global_max_pool": "max pool overlapping",
    "batch_norm": "batch norm after conv2d",
    "layer_norm": "layer norm",
    "embedding": "embedding",
    "positions": "positions",
    "simple_rnn": "simple rnn",
    "lstm": "lstm",
    "gru": "gru",
    "attention": "attention",
    "residual": "residual",
}
"""In which small network of certificate.layer_cases a kind is proved in 32 bits, too: the kernels
that are timed are not those of 64 bits."""


def tasks_by_case(tasks: Iterable[Task]) -> dict[str, tuple[str, ...]]:
    """Return the cases that tasks rest on, each with the names of those tasks."""
    names: dict[str, list[str]] = {}
    for task in tasks:
        for case in cases_of_task(task):
            names.setdefault(case, []).append(task.name)
    return {case: tuple(task_names) for case, task_names in names.items()}


def _training_of(task: Task) -> str:
    rule = task.training.optimizer
    schedule = task.training.schedule
    terms = [_rule_name(rule)]
    if rule.l2:
        terms.append("l2")
    if rule.weight_decay and rule.name != "adamw":
        terms.append("decay")
    if rule.clip_norm is not None:
        terms.append("clipping")
    if schedule.name != "constant":
        terms.append(schedule.name)
    elif schedule.warmup_steps:
        terms.append("warm-up")
    if any(getattr(layer, "dropout", 0.0) for layer in all_layers(task.model.layers)):
        terms.append("dropout")
    return f"training by {' + '.join(terms)}, smooth"


def _rule_name(rule: Optimizer) -> str:
    if isinstance(rule, SGD):
        return "nesterov" if rule.nesterov else "momentum" if rule.momentum else "sgd"
    return rule.name

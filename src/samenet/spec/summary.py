"""A task's training in words: optimiser with its constants, schedule, initial weights, loss."""

from __future__ import annotations

from samenet.spec.parsing import FrozenModel
from samenet.spec.task import Task


def describe_optimizer(task: Task) -> str:
    """Return the optimiser with its constants, e.g. 'adam (learning rate 0.000976562, ...)'."""
    rule = task.training.optimizer
    return f"{rule.name} ({describe_constants(rule)})"


def describe_constants(spec: FrozenModel) -> str:
    """Return the constants of an optimiser or a schedule, without those that are 0 (off)."""
    values = spec.model_dump(exclude={"name"})
    return ", ".join(
        f"{name.replace('_', ' ')} {value:.6g}" for name, value in values.items() if value
    )


def describe_schedule(task: Task) -> str:
    """Return how the learning rate changes; "" if it does not."""
    spec = task.training.schedule
    if spec.name == "constant" and not spec.warmup_steps:
        return ""
    return f"; learning rate {spec.name} ({describe_constants(spec)})"


def describe_initializer(task: Task) -> str:
    """Return how the first weights are drawn."""
    return f"{task.model.initializer.replace('_', ' ')}, biases zero, drawn once for all"


def describe_loss(task: Task) -> str:
    """Return the loss in words."""
    return str(task.training.loss).replace("_", " ")

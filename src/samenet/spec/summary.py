"""A task's training in words: optimiser with its constants, schedule, initial weights, loss."""

from __future__ import annotations

from samenet.spec.parsing import Frozen
from samenet.spec.task import Task
from samenet.spec.training import Schedule


def optimizer(task: Task) -> str:
    """Return the optimiser with its constants, e.g. 'adam (learning rate 0.000976562, ...)'."""
    found = task.training.optimizer
    return f"{found.name} ({constants(found)})"


def constants(spec: Frozen) -> str:
    """Return the constants of an optimiser or a schedule that say something: 0 is off."""
    found = spec.model_dump(exclude={"name"}).items()
    return ", ".join(f"{name.replace('_', ' ')} {value:.6g}" for name, value in found if value)


def schedule(task: Task) -> str:
    """Return how the rate changes, or nothing if it stays."""
    found: Schedule = task.training.schedule
    plain = found.name == "constant" and not found.warmup_steps
    return "" if plain else f"; learning rate {found.name} ({constants(found)})"


def initializer(task: Task) -> str:
    """Return how the first weights are drawn."""
    return f"{task.model.initializer.replace('_', ' ')}, biases zero, drawn once for all"


def loss(task: Task) -> str:
    """Return the loss in words."""
    return str(task.training.loss).replace("_", " ")

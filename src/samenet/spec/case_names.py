"""Which parity cases a task rests on, by their names: what of its specs is proved on its own.

What a case is, and how it is proved, is in certificate.cases; here is only what a reader of a run
needs to see which check stands for which task.
"""

from __future__ import annotations

from collections.abc import Iterable

from samenet.spec.task import Task
from samenet.spec.training import SGD, Optimizer, Schedule

SAME_SEED_TWICE = "same seed twice"


def needed(task: Task) -> list[str]:
    """Return the cases that a task rests on: its functions, and its optimiser with all changes."""
    training = task.training
    activations = sorted({str(layer.activation) for layer in task.model.layers})
    return [
        f"loss {training.loss}",
        *(f"activation {name}" for name in activations),
        _training_of(task),
        SAME_SEED_TWICE,
    ]


def resting(tasks: Iterable[Task]) -> dict[str, tuple[str, ...]]:
    """Return the cases that tasks rest on, each with the names of those tasks."""
    names: dict[str, list[str]] = {}
    for task in tasks:
        for case in needed(task):
            names.setdefault(case, []).append(task.name)
    return {case: tuple(of) for case, of in names.items()}


def _training_of(task: Task) -> str:
    rule = task.training.optimizer
    changes = {
        "l2": bool(rule.l2),
        "decay": bool(rule.weight_decay) and rule.name != "adamw",
        "clipping": rule.clip_norm is not None,
    }
    terms = [_rule_name(rule), *(name for name, there in changes.items() if there)]
    terms += _schedule_name(task.training.schedule)
    if any(layer.dropout for layer in task.model.layers):
        terms.append("dropout")
    return f"training by {' + '.join(terms)}, smooth"


def _rule_name(rule: Optimizer) -> str:
    if isinstance(rule, SGD):
        return "nesterov" if rule.nesterov else "momentum" if rule.momentum else "sgd"
    return rule.name


def _schedule_name(schedule: Schedule) -> list[str]:
    if schedule.name != "constant":
        return [schedule.name]
    return ["warm-up"] if schedule.warmup_steps else []

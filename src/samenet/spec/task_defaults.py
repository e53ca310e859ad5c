"""The task that samenet makes if nobody has written one: from a table, from arrays, of a size.

One place for everything that is then not asked for: the loss of the kind, the batch size, and the
optimiser, with constants that are exact in binary.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from samenet.spec.network import TaskKind
from samenet.spec.parsing import parse
from samenet.spec.task import Task
from samenet.spec.training import LOSSES_OF_KIND

HIDDEN = (64, 32)
EPOCHS = 30
LEARNING_RATE = 2.0**-10
BATCH_SIZE_MAX = 64
BATCHES_MIN = 4


def exact_adam(learning_rate: float = LEARNING_RATE) -> dict[str, str | float]:
    """Return Adam with constants that are exact in binary, so that its two forms agree to 2e-6."""
    return {
        "name": "adam",
        "learning_rate": learning_rate,
        "beta1": 1 - 2.0**-3,
        "beta2": 1 - 2.0**-10,
        "epsilon": 2.0**-40,
    }


def default_batch_size(rows: int) -> int:
    """Return 64, or for few rows what gives four batches of the three quarters for training."""
    return max(1, min(BATCH_SIZE_MAX, rows * 3 // 4 // BATCHES_MIN))


def make_task(  # noqa: PLR0913 - each is one part of a task
    name: str,
    kind: TaskKind,
    data: Mapping[str, Any],
    *,
    batch_size: int,
    hidden: Sequence[int] = HIDDEN,
    activation: str = "relu",
    epochs: int = EPOCHS,
    learning_rate: float = LEARNING_RATE,
    title: str = "",
    description: str = "",
    where: str,
) -> Task:
    """Return a task; raises UsageError, which begins with `where`, for values that no task has."""
    values = {
        "name": name,
        "title": title,
        "description": description,
        "kind": kind,
        "data": data,
        "model": {"layers": [{"units": units, "activation": activation} for units in hidden]},
        "training": {
            "loss": LOSSES_OF_KIND[kind][0],
            "batch_size": batch_size,
            "epochs": epochs,
            "optimizer": exact_adam(learning_rate),
        },
    }
    return parse(Task, values, where=where)

"""How one training is cut into calls: K whole batches each, a shorter rest outside the clock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from samenet.adapter import draws
from samenet.adapter.arrays import Batches

STEPS_PER_CALL_MAX = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class CallShape:
    """The one shape (steps, batch_size) that is timed; another one would compile again."""

    steps: int
    batch_size: int
    calls_per_epoch: int
    steps_per_epoch: int
    """All steps of an epoch, the rest and the short last batch included (as whole steps)."""


def call_shape(train_rows: int, batch_size: int, steps_most: int = STEPS_PER_CALL_MAX) -> CallShape:
    """Return the call shape for an epoch: all its whole batches, at most so many in one call."""
    whole = train_rows // batch_size
    calls = -(-whole // steps_most)
    return CallShape(
        steps=whole // calls,
        batch_size=batch_size,
        calls_per_epoch=calls,
        steps_per_epoch=-(-train_rows // batch_size),
    )


def epoch_orders(task: str, repeat: int, train_rows: int, epoch: int) -> NDArray[np.int32]:
    """Return the order of one epoch, rows (train_rows,)."""
    return draws.epoch_order(train_rows, task=task, repeat=repeat, epoch=epoch)


def timed_calls(shape: CallShape, *, task: str, repeat: int, train_rows: int) -> Iterator[Batches]:
    """Yield calls of exactly the timed shape, for ever: epoch after epoch, whole calls only."""
    step = epoch = 0
    while True:
        order = epoch_orders(task, repeat, train_rows, epoch)
        whole = draws.full_batches(order, shape.batch_size)
        for call in range(shape.calls_per_epoch):
            rows = whole[call * shape.steps : (call + 1) * shape.steps]
            yield Batches(order=rows, first_step=step)
            step += shape.steps
        epoch += 1


def whole_epoch(
    shape: CallShape, *, task: str, repeat: int, train_rows: int, epoch: int
) -> list[Batches]:
    """Return all calls of one epoch, with the rest and the short last batch at its end."""
    order = epoch_orders(task, repeat, train_rows, epoch)
    step = epoch * shape.steps_per_epoch
    whole = draws.full_batches(order, shape.batch_size)
    calls = [
        Batches(order=whole[start : start + shape.steps], first_step=step + start)
        for start in range(0, len(whole), shape.steps)
    ]
    short = draws.short_batch(order, shape.batch_size)
    if short is not None:
        calls.append(Batches(order=short, first_step=step + len(whole)))
    return calls

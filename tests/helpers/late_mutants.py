"""Mutants that show only beyond ten epochs, beyond small calls or beyond small predictions.

Each is right wherever the gates before timing look, and wrong in what is timed or scored.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from unittest.mock import patch

import numpy as np
from mutants import TASK, Mutant, Wrapped, training, wrapped_in

from samenet.adapters.numpy.network import DenseLayers
from samenet.spec import Schedule


class Counting(Wrapped):
    """Counts its calls and its steps."""

    calls = steps = 0

    def train(self, batches):
        """Do it, or something else."""
        self.calls += 1
        self.do(batches)
        self.steps += len(batches.order)

    def do(self, batches):
        raise NotImplementedError


class Idle(Counting):
    """Does nothing from the 101st call on, and repeats the last losses."""

    def do(self, batches):
        if self.calls <= 100:
            self.program.train(batches)


class StaleBatch(Counting):
    """Trains on one batch again and again from the 101st call on, as from a stale buffer."""

    def do(self, batches):
        if self.calls <= 100:
            self.first = batches.order[0]
        self.program.train(replace(batches, order=self.stale(batches.order)))

    def stale(self, order):
        return np.broadcast_to(self.first, order.shape).copy() if self.calls > 100 else order


class SkipsSteps(Counting):
    """Leaves out every 64th step after the first 700."""

    def do(self, batches):
        steps = self.steps + 1 + np.arange(len(batches.order))
        kept = (steps % 64 != 0) | (steps <= 700)
        self.program.train(replace(batches, order=batches.order[kept]))
        self.missing = np.flatnonzero(~kept)

    def losses(self):
        found = np.asarray(self.program.losses())
        return found if len(found) == 1 else np.insert(found, self.missing, found[-1])


class DropsInLongCalls(Counting):
    """Leaves out the last batch of calls of more than 20 steps."""

    def do(self, batches):
        self.long = len(batches.order) > 20
        self.program.train(batches.first(len(batches.order) - self.long))

    def losses(self):
        found = np.asarray(self.program.losses())
        return np.append(found, found[-1]) if self.long and len(found) > 1 else found


class ColumnStays(Counting):
    """Never updates the last column of a kernel from the 101st call on."""

    def do(self, batches):
        kernels = self.program.layers.kernels
        before = [kernel[:, -1].copy() for kernel in kernels]
        self.program.train(batches)
        if self.calls > 100:
            for kernel, column in zip(kernels, before, strict=True):
                kernel[:, -1] = column


class FarRowsWrong(Wrapped):
    """Predicts rows beyond the 1024th as if they were those before."""

    def predict(self, rows):
        found = np.array(self.program.predict(rows))
        found[1024:] = np.resize(found[:1024], found[1024:].shape)
        return found


@contextmanager
def gradients_kept():
    """Add up the gradients of two steps on every 500th: zero_grad was forgotten there."""
    usual = DenseLayers.gradients

    def summed(self, *arguments):
        loss, found = usual(self, *arguments)
        self.count = getattr(self, "count", 0) + 1
        if self.count % 500 == 0:
            found = [one + other for one, other in zip(found, self.before, strict=True)]
        self.before = found
        return loss, found

    with patch.object(DenseLayers, "gradients", summed):
        yield


HALVED = Schedule(name="step", every=150, drop=0.5, steps=151)
IRIS, DIGITS = f"{TASK} iris", f"{TASK} digits"

LATE = {
    "idle": Mutant(
        what="nothing done after 100 calls, in what is timed alone",
        on=IRIS,
        gate="gate 4",
        apply=wrapped_in("float32", Idle),
    ),
    "stale_batch": Mutant(
        what="one batch again and again after 100 calls, in what is timed alone",
        on=IRIS,
        gate="gate 4",
        apply=wrapped_in("float32", StaleBatch),
    ),
    "gradients_kept": Mutant(
        what="gradients not zeroed on every 500th step",
        on=IRIS,
        gate="gate 4",
        inside=gradients_kept,
    ),
    "steps_skipped": Mutant(
        what="every 64th step skipped after the first 700, in float32 alone",
        on=IRIS,
        gate="gate 4",
        apply=wrapped_in("float32", SkipsSteps),
    ),
    "rate_halved": Mutant(
        what="rate halved from the 150th step on, in what is timed",
        on=IRIS,
        gate="gate 4",
        apply=training(
            lambda t: (
                t.model_copy(update={"schedule": HALVED}) if t.schedule.name == "constant" else t
            )
        ),
    ),
    "long_calls_cut": Mutant(
        what="last batch dropped in calls of more than 20 steps, in what is timed alone",
        on=DIGITS,
        gate="gate 4",
        apply=wrapped_in("float32", DropsInLongCalls),
    ),
    "column_stays": Mutant(
        what="last column of the weights never updated after 100 calls, in float32 alone",
        on=IRIS,
        gate="gate 4",
        apply=wrapped_in("float32", ColumnStays),
    ),
    "far_rows": Mutant(
        what="predictions beyond the 1024th row wrong, in float32 alone",
        on=IRIS,
        gate="gate 4",
        apply=wrapped_in("float32", FarRowsWrong),
    ),
}

"""NumPy's mistakes that show late, in large arrays or in rare branches, made inside PyTorch.

Only the process of mutation_run.py imports this.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from unittest.mock import patch

import torch
from mutants import INSIDE_NUMPY, Mutant
from torch.nn import functional

from samenet.adapters.pytorch import functions
from samenet.adapters.pytorch.mode_eager import EagerProgram
from samenet.adapters.pytorch.optimizers import Updates
from samenet.certificate import cases

zero_grad, step, program_step = Updates.zero_grad, Updates.step, EagerProgram.step


def zeroed_but_every_500th(self):
    """Leave the gradients of the step before in every 500th step."""
    self.steps = getattr(self, "steps", 0) + 1
    if self.steps % 500:
        zero_grad(self)


def halved_late(self, rate):
    """Halve the rate from the 150th step on."""
    self.steps = getattr(self, "steps", 0) + 1
    step(self, rate / 2 if self.steps >= 150 else rate)


def last_column_kept(self, rate):
    """Never update the last column of a wide kernel in float32; here it is a row."""
    wide = [k for k in self.kernels if k.dtype == torch.float32 and k.numel() >= 4096]
    before = [kernel[-1].clone() for kernel in wide]
    step(self, rate)
    for kernel, column in zip(wide, before, strict=True):
        kernel[-1] = column


def decayed_after(self, rate):
    """Decay the weights after the step instead of before it."""
    changes = self.changes
    self.changes = [change for change in changes if change != self.decay]
    step(self, rate)
    self.changes = changes
    if self.decay in changes:
        self.decay(rate)


def clipped_above_twice(self, rate):
    """Clip only what is more than twice as long as it may be."""
    del rate
    norm = torch.nn.utils.get_total_norm([p.grad for p in self.parameters])
    if norm > 2 * self.norm_max:
        torch.nn.utils.clip_grad_norm_(self.parameters, self.norm_max)


def short_batch_divided(self, inputs, targets, masks, rate):
    """Divide the loss of the cases' short batch by the full batch size, in float32."""
    usual = self.loss
    if inputs.dtype == torch.float32 and len(inputs) == cases.BATCH // 2:
        self.loss = lambda z, y: usual(z, y) / 2
    loss = program_step(self, inputs, targets, masks, rate)
    self.loss = usual
    return loss


def smoothed_over_others(spec):
    """Return the loss whose smoothing is shared by the other classes only."""

    def loss(z, y):
        rows = y if y.ndim == 2 else functional.one_hot(y, z.shape[1]).to(z.dtype)
        others = spec.label_smoothing / (z.shape[1] - 1)
        return functional.cross_entropy(z, (1 - spec.label_smoothing) * rows + others * (1 - rows))

    return loss


class RightHanded(torch.nn.Module):
    """A ReLU whose slope at exactly 0 is 1."""

    def forward(self, z):
        return torch.where(z >= 0, z, torch.zeros_like(z))


INSIDE: dict[str, Callable[[], AbstractContextManager[object]]] = {
    "not_zeroed_500": lambda: patch.object(Updates, "zero_grad", zeroed_but_every_500th),
    "halved_late": lambda: patch.object(Updates, "step", halved_late),
    "last_column": lambda: patch.object(Updates, "step", last_column_kept),
    "decayed_after": lambda: patch.object(Updates, "step", decayed_after),
    "clipped_above_twice": lambda: patch.object(Updates, "clip", clipped_above_twice),
    "short_batch_float32": lambda: patch.object(EagerProgram, "step", short_batch_divided),
    "smoothed_over_others": lambda: patch.dict(
        functions.LOSSES, {"sparse_categorical_cross_entropy": smoothed_over_others}
    ),
    "relu_at_0": lambda: patch.dict(functions.ACTIVATIONS, {"relu": lambda a: RightHanded()}),
}
MUTANTS: dict[str, Mutant] = {
    key: replace(INSIDE_NUMPY[key], inside=inside) for key, inside in INSIDE.items()
}
"""As in NumPy: the same cases show them, to the same gates."""

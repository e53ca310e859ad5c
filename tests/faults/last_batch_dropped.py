"""The fault: the last batch of every call is not trained on."""

from __future__ import annotations

import numpy as np

from samenet.adapter import Batches
from samenet.adapters.numpy_mlp import NumpyProgram, capabilities, read_back, wake

__all__ = ["build", "capabilities", "read_back", "wake"]

ADAPTER = {
    "name": "last-batch-dropped",
    "title": "Last batch dropped",
    "modes": {
        "plain": {"why": "a planted fault", "source": "tests/faults", "default": True},
    },
    "imports": ["numpy"],
    "distributions": ["numpy", "scipy"],
    "adoptable": False,
}


class Dropped(NumpyProgram):
    """NumPy's program that stops one step early and repeats the last loss."""

    def train(self, batches):
        """Leave the last row of the order out."""
        order = batches.order[:-1] if len(batches.order) > 1 else batches.order
        super().train(Batches(order=order, first_step=batches.first_step))
        self.step_losses += self.step_losses[-1:] * (len(batches.order) - len(order))


def build(network, training, weights, *, target, mode):
    """Return the program with the fault."""
    del mode
    return Dropped(network, training, weights, np.dtype(target.dtype))

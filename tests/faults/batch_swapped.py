"""The fault: the third batch of every call changes places with its neighbour."""

from __future__ import annotations

import numpy as np

from samenet.adapter import Batches
from samenet.adapters.numpy_mlp import NumpyProgram, capabilities, read_back, wake

__all__ = ["build", "capabilities", "read_back", "wake"]

ADAPTER = {
    "name": "batch-swapped",
    "title": "A batch swapped",
    "modes": {
        "plain": {"why": "a planted fault", "source": "tests/faults", "default": True},
    },
    "imports": ["numpy"],
    "distributions": ["numpy", "scipy"],
    "adoptable": False,
}


class Swapped(NumpyProgram):
    """NumPy's program with two batches in the wrong order."""

    def train(self, batches):
        """Exchange two rows of the order; every sample is still seen once."""
        order = batches.order.copy()
        if len(order) > 3:
            order[[2, 3]] = order[[3, 2]]
        super().train(Batches(order=order, first_step=batches.first_step))


def build(network, training, weights, *, target, mode):
    """Return the program with the fault."""
    del mode
    return Swapped(network, training, weights, np.dtype(target.dtype))

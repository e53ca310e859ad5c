"""The fault: only in float32, the precision that is timed, a batch of every call is left out."""

from __future__ import annotations

import numpy as np

from samenet.adapter import Batches
from samenet.adapters.numpy_mlp import NumpyProgram, capabilities, read_back, wake

__all__ = ["build", "capabilities", "read_back", "wake"]

ADAPTER = {
    "name": "last-batch-dropped-in-float32",
    "title": "Last batch dropped if timed",
    "modes": {
        "plain": {"why": "a planted fault", "source": "tests/faults", "default": True},
    },
    "imports": ["numpy"],
    "distributions": ["numpy", "scipy"],
    "adoptable": False,
}


class Dropped(NumpyProgram):
    """NumPy's program that is exact in float64 and hurries in float32."""

    def train(self, batches):
        """Leave the last row of the order out."""
        keep = len(batches.order) if self.dtype == np.float64 else max(1, len(batches.order) - 1)
        super().train(Batches(order=batches.order[:keep], first_step=batches.first_step))


def build(network, training, weights, *, target, mode):
    """Return the program with the fault."""
    del mode
    return Dropped(network, training, weights, np.dtype(target.dtype))

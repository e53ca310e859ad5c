"""The fault: from the 101st call on it does nothing in float32, and repeats the last losses."""

from __future__ import annotations

import numpy as np

from samenet.adapters.numpy.adapter import NumpyProgram, capabilities, read_back, wake

__all__ = ["build", "capabilities", "read_back", "wake"]

ADAPTER = {
    "name": "idle-after-100",
    "title": "Idle",
    "modes": {
        "plain": {
            "why": "a planted fault",
            "source": "tests/helpers",
            "default": True,
        },
    },
    "imports": ["numpy"],
    "distributions": ["numpy", "scipy"],
    "adoptable": False,
}


class Idle(NumpyProgram):
    """NumPy's program, for a while."""

    calls = 0

    def train(self, batches):
        """Train, or do nothing."""
        self.calls += 1
        if self.calls <= 100 or self.dtype == np.float64:
            super().train(batches)


def build(network, training, weights, *, target, mode):
    """Return the program with the fault."""
    del mode
    return Idle(network, training, weights, np.dtype(target.dtype))

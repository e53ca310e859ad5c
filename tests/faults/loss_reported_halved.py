"""The fault: the training is right, but the loss it reports is half of it."""

from __future__ import annotations

import numpy as np

from samenet.adapters.numpy_mlp import NumpyProgram, capabilities, read_back, wake

__all__ = ["build", "capabilities", "read_back", "wake"]

ADAPTER = {
    "name": "loss-reported-halved",
    "title": "Half a loss reported",
    "modes": {
        "plain": {"why": "a planted fault", "source": "tests/faults", "default": True},
    },
    "imports": ["numpy"],
    "distributions": ["numpy", "scipy"],
    "adoptable": False,
}


class HalfReported(NumpyProgram):
    """NumPy's program that tells half of the truth."""

    def losses(self):
        """Return half the losses."""
        return super().losses() / 2


def build(network, training, weights, *, target, mode):
    """Return the program with the fault."""
    del mode
    return HalfReported(network, training, weights, np.dtype(target.dtype))

"""The fault: loss and gradient are halved, as textbooks do that write (z - y)² / 2."""

from __future__ import annotations

import numpy as np

from samenet.adapters.numpy.adapter import NumpyProgram, capabilities, read_back, wake

__all__ = ["build", "capabilities", "read_back", "wake"]

ADAPTER = {
    "name": "loss-halved",
    "title": "Loss halved",
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


class Halved(NumpyProgram):
    """NumPy's program with half the loss."""

    def __init__(self, *arguments):
        """Wrap the loss; Adam hardly notices, its step does not depend on the gradient's length."""
        super().__init__(*arguments)
        whole = self.layers.loss
        self.layers.loss = lambda z, y: tuple(part / 2 for part in whole(z, y))


def build(network, training, weights, *, target, mode):
    """Return the program with the fault."""
    del mode
    return Halved(network, training, weights, np.dtype(target.dtype))

"""The fault: biases start at 0.01 instead of the values given."""

from __future__ import annotations

import numpy as np

from samenet.adapters.numpy_mlp import NumpyProgram, capabilities, read_back, wake

__all__ = ["build", "capabilities", "read_back", "wake"]

ADAPTER = {
    "name": "bias-offset",
    "title": "Bias 0.01",
    "modes": {
        "plain": {"why": "a planted fault", "source": "tests/faults", "default": True},
    },
    "imports": ["numpy"],
    "distributions": ["numpy", "scipy"],
    "adoptable": False,
}


class Offset(NumpyProgram):
    """NumPy's program with the bias initialiser of many a tutorial."""

    def __init__(self, *arguments):
        """Ignore the biases given."""
        super().__init__(*arguments)
        for bias in self.biases:
            bias[:] = 0.01


def build(network, training, weights, *, target, mode):
    """Return the program with the fault."""
    del mode
    return Offset(network, training, weights, np.dtype(target.dtype))

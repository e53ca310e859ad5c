"""The fault: the leaky ReLU has the slope 0.02, whatever the task says."""

from __future__ import annotations

import numpy as np

from samenet.adapters.numpy.adapter import NumpyProgram, capabilities, read_back, wake

__all__ = ["build", "capabilities", "read_back", "wake"]

ADAPTER = {
    "name": "leaky-slope",
    "title": "Slope 0.02",
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


class Leaky(NumpyProgram):
    """NumPy's program with a constant of its own."""

    def __init__(self, *arguments):
        """Exchange the slope in forward and backward pass alike."""
        super().__init__(*arguments)
        for transform in self.layers.transforms:
            if hasattr(transform, "constant"):
                transform.constant = 0.02


def build(network, training, weights, *, target, mode):
    """Return the program with the fault."""
    del mode
    return Leaky(network, training, weights, np.dtype(target.dtype))

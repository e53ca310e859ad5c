"""The fault: square kernels are kept transposed, as after a careless change of layout."""

from __future__ import annotations

import numpy as np

from samenet.adapter import Layer
from samenet.adapters.numpy_mlp import NumpyProgram, capabilities, read_back, wake

__all__ = ["build", "capabilities", "read_back", "wake"]

ADAPTER = {
    "name": "square-transposed",
    "title": "Square kernels transposed",
    "modes": {
        "plain": {"why": "a planted fault", "source": "tests/faults", "default": True},
    },
    "imports": ["numpy"],
    "distributions": ["numpy", "scipy"],
    "adoptable": False,
}


class Transposed(NumpyProgram):
    """NumPy's program that believes a square kernel to be (fan_out, fan_in)."""

    def __init__(self, network, training, weights, dtype):
        """Transpose on the way in, where no shape can tell."""
        super().__init__(network, training, turned(weights), dtype)

    def weights(self):
        """Transpose on the way out, so that what was given comes back."""
        return turned(super().weights())


def turned(weights):
    """Return the layers with square kernels transposed."""
    return [Layer(k.T.copy() if k.shape[0] == k.shape[1] else k, b) for k, b in weights]


def build(network, training, weights, *, target, mode):
    """Return the program with the fault."""
    del mode
    return Transposed(network, training, weights, np.dtype(target.dtype))

"""The fault: float64 is offered, but computed in float32 and widened on the way out."""

from __future__ import annotations

import numpy as np

from samenet.adapter import Layer
from samenet.adapters.numpy_mlp import NumpyProgram, capabilities, read_back, wake

__all__ = ["build", "capabilities", "read_back", "wake"]

ADAPTER = {
    "name": "float64-is-float32",
    "title": "float64 in name only",
    "modes": {
        "plain": {"why": "a planted fault", "source": "tests/faults", "default": True},
    },
    "imports": ["numpy"],
    "distributions": ["numpy", "scipy"],
    "adoptable": False,
}


class Narrow(NumpyProgram):
    """NumPy's program with half of the digits."""

    def __init__(self, network, training, weights, dtype):
        """Compute in float32; remember what was asked for."""
        super().__init__(network, training, weights, np.dtype("float32"))
        self.asked = dtype

    def weights(self):
        """Return what looks like float64."""
        return [Layer(k.astype(self.asked), b.astype(self.asked)) for k, b in super().weights()]


def build(network, training, weights, *, target, mode):
    """Return the program with the fault."""
    del mode
    return Narrow(network, training, weights, np.dtype(target.dtype))

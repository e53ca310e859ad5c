"""The fault: the loss, which applies softmax itself, is given probabilities."""

from __future__ import annotations

import numpy as np

from samenet.adapters.numpy_mlp import NumpyProgram, capabilities, read_back, wake

__all__ = ["build", "capabilities", "read_back", "wake"]

ADAPTER = {
    "name": "softmax-twice",
    "title": "Softmax twice",
    "modes": {
        "plain": {"why": "a planted fault", "source": "tests/faults", "default": True},
    },
    "imports": ["numpy"],
    "distributions": ["numpy", "scipy"],
    "adoptable": False,
}


class Twice(NumpyProgram):
    """NumPy's program with log-softmax of softmax."""

    def __init__(self, *arguments):
        """Wrap the loss and carry its gradient back through the first softmax."""
        super().__init__(*arguments)
        once = self.loss

        def twice(z, y):
            exponentials = np.exp(z - z.max(axis=1, keepdims=True))
            softmax = exponentials / exponentials.sum(axis=1, keepdims=True)
            loss, delta = once(softmax, y)
            return loss, softmax * (delta - (delta * softmax).sum(axis=1, keepdims=True))

        self.loss = twice


def build(network, training, weights, *, target, mode):
    """Return the program with the fault."""
    del mode
    return Twice(network, training, weights, np.dtype(target.dtype))

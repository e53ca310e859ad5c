"""The fault: Adam without the bias correction of its second moment."""

from __future__ import annotations

import numpy as np

from samenet.adapters.numpy_mlp import NumpyProgram, capabilities, read_back, wake
from samenet.adapters.numpy_optimizers import AdamStandard
from samenet.spec import Adam

__all__ = ["build", "capabilities", "read_back", "wake"]

ADAPTER = {
    "name": "adam-uncorrected",
    "title": "No bias correction",
    "modes": {
        "plain": {"why": "a planted fault", "source": "tests/faults", "default": True},
    },
    "imports": ["numpy"],
    "distributions": ["numpy", "scipy"],
    "adoptable": False,
}


class AdamUncorrected(AdamStandard):
    """Its first steps are too large."""

    def update(self, gradients):
        """Take one step."""
        self.t += 1
        beta1, beta2, epsilon = self.spec.beta1, self.spec.beta2, self.spec.epsilon
        rate = self.spec.learning_rate / (1 - beta1**self.t)
        for parameter, (m, v), gradient in zip(
            self.parameters, self.moments, gradients, strict=True
        ):
            m += (1 - beta1) * (gradient - m)
            v += (1 - beta2) * (gradient * gradient - v)
            parameter -= rate * m / (np.sqrt(v) + epsilon)


class Uncorrected(NumpyProgram):
    """NumPy's program with that optimiser."""

    def __init__(self, network, training, weights, dtype):
        """Exchange Adam; plain SGD stays, so gradients read through it look right."""
        super().__init__(network, training, weights, dtype)
        if isinstance(training.optimizer, Adam):
            self.optimizer = AdamUncorrected(training.optimizer, self.kernels + self.biases)


def build(network, training, weights, *, target, mode):
    """Return the program with the fault."""
    del mode
    return Uncorrected(network, training, weights, np.dtype(target.dtype))

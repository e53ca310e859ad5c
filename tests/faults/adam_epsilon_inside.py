"""The fault: epsilon stands inside Adam's square root."""

from __future__ import annotations

import numpy as np

from samenet.adapters.numpy_mlp import NumpyProgram, capabilities, read_back, wake
from samenet.adapters.numpy_optimizers import AdamStandard
from samenet.spec import Adam

__all__ = ["build", "capabilities", "read_back", "wake"]

ADAPTER = {
    "name": "adam-epsilon-inside",
    "title": "Epsilon inside the root",
    "modes": {
        "plain": {"why": "a planted fault", "source": "tests/faults", "default": True},
    },
    "imports": ["numpy"],
    "distributions": ["numpy", "scipy"],
    "adoptable": False,
}


class AdamInside(AdamStandard):
    """The square root of epsilon is a million times epsilon."""

    def update(self, gradients):
        """Take one step."""
        self.t += 1
        beta1, beta2, epsilon = self.spec.beta1, self.spec.beta2, self.spec.epsilon
        rate = self.spec.learning_rate / (1 - beta1**self.t)
        root = (1 - beta2**self.t) ** 0.5
        for parameter, (m, v), gradient in zip(
            self.parameters, self.moments, gradients, strict=True
        ):
            m += (1 - beta1) * (gradient - m)
            v += (1 - beta2) * (gradient * gradient - v)
            parameter -= rate * m / (np.sqrt(v + epsilon) / root)


class EpsilonInside(NumpyProgram):
    """NumPy's program with that optimiser."""

    def __init__(self, network, training, weights, dtype):
        """Exchange Adam; plain SGD stays, so gradients read through it look right."""
        super().__init__(network, training, weights, dtype)
        if isinstance(training.optimizer, Adam):
            self.optimizer = AdamInside(training.optimizer, self.kernels + self.biases)


def build(network, training, weights, *, target, mode):
    """Return the program with the fault."""
    del mode
    return EpsilonInside(network, training, weights, np.dtype(target.dtype))

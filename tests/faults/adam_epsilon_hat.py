"""The fault: declares Adam's standard form, but adds epsilon before the bias correction."""

from __future__ import annotations

import numpy as np

from samenet.adapters.numpy_mlp import NumpyProgram, capabilities, read_back, wake
from samenet.adapters.numpy_optimizers import AdamStandard
from samenet.spec import Adam

__all__ = ["build", "capabilities", "read_back", "wake"]

ADAPTER = {
    "name": "adam-epsilon-hat",
    "title": "Epsilon too early",
    "modes": {
        "plain": {"why": "a planted fault", "source": "tests/faults", "default": True},
    },
    "imports": ["numpy"],
    "distributions": ["numpy", "scipy"],
    "adoptable": False,
}


class AdamHat(AdamStandard):
    """Keras' form under the wrong name."""

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
            parameter -= rate * root * m / (np.sqrt(v) + epsilon)


class EpsilonHat(NumpyProgram):
    """NumPy's program with that optimiser."""

    def __init__(self, network, training, weights, dtype):
        """Exchange Adam; plain SGD stays, so gradients read through it look right."""
        super().__init__(network, training, weights, dtype)
        if isinstance(training.optimizer, Adam):
            self.optimizer = AdamHat(training.optimizer, self.kernels + self.biases)


def build(network, training, weights, *, target, mode):
    """Return the program with the fault."""
    del mode
    return EpsilonHat(network, training, weights, np.dtype(target.dtype))

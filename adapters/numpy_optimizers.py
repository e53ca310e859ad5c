"""The optimisers in NumPy: small objects that own their state and update parameters in place."""

from __future__ import annotations

import numpy as np

from samenet.adapter import Array
from samenet.spec import SGD, Adam, Optimizer


class MomentumSGD:
    """SGD with momentum; formulas in samenet.spec.SGD."""

    def __init__(self, spec: SGD, parameters: list[Array]) -> None:
        """Hold references: updates happen in place."""
        self.spec, self.parameters = spec, parameters
        self.buffers = [np.zeros_like(p) for p in parameters]

    def update(self, gradients: list[Array]) -> None:
        """Take one step against the gradients."""
        rate, momentum = self.spec.learning_rate, self.spec.momentum
        for parameter, buffer, gradient in zip(
            self.parameters, self.buffers, gradients, strict=True
        ):
            buffer *= momentum
            buffer += gradient
            ahead = gradient + momentum * buffer if self.spec.nesterov else buffer
            parameter -= rate * ahead


class AdamStandard:
    """Adam in the form of Kingma & Ba's algorithm 1; formulas in samenet.spec.Adam."""

    def __init__(self, spec: Adam, parameters: list[Array]) -> None:
        """Hold references: updates happen in place."""
        self.spec, self.parameters, self.t = spec, parameters, 0
        self.moments = [(np.zeros_like(p), np.zeros_like(p)) for p in parameters]

    def update(self, gradients: list[Array]) -> None:
        """Take one step; the bias corrections are Python floats, so float32 stays float32."""
        self.t += 1
        rate, beta1, beta2 = self.spec.learning_rate, self.spec.beta1, self.spec.beta2
        rate, root = rate / (1 - beta1**self.t), (1 - beta2**self.t) ** 0.5
        for parameter, (m, v), gradient in zip(
            self.parameters, self.moments, gradients, strict=True
        ):
            m += (1 - beta1) * (gradient - m)
            v += (1 - beta2) * (gradient * gradient - v)
            parameter -= rate * m / (np.sqrt(v) / root + self.spec.epsilon)


def optimizer(spec: Optimizer, parameters: list[Array]) -> MomentumSGD | AdamStandard:
    """Return the optimiser that the spec names, its state at zero."""
    if isinstance(spec, SGD):
        return MomentumSGD(spec, parameters)
    return AdamStandard(spec, parameters)

"""The optimisers in NumPy: small objects that own their state and update parameters in place.

Formulas: spec.training. Scalars are Python floats, so float32 arrays stay float32. `xp` is the
array module of the parameters: NumPy, or CuPy in its own adapter.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from samenet.adapter import Array, Batches
from samenet.adapter.schedules import learning_rates, rates_of
from samenet.spec import SGD, Adagrad, AdamConstants, RMSprop, TrainSpec


class Rule(Protocol):
    """An update rule with what it remembers."""

    def directions(self, gradients: list[Array]) -> list[Array]:
        """Return what is multiplied by the rate and subtracted."""


class PlainSGD:
    """SGD without momentum."""

    def directions(self, gradients: list[Array]) -> list[Array]:
        """Return what is multiplied by the rate and subtracted."""
        return gradients


class MomentumSGD:
    """SGD with momentum."""

    def __init__(self, spec: SGD, parameters: list[Array], xp: Any) -> None:
        """Start the buffers at zero."""
        self.spec = spec
        self.buffers = [xp.zeros_like(p) for p in parameters]

    def directions(self, gradients: list[Array]) -> list[Array]:
        """Return what is multiplied by the rate and subtracted."""
        for buffer, gradient in zip(self.buffers, gradients, strict=True):
            buffer *= self.spec.momentum
            buffer += gradient
        if not self.spec.nesterov:
            return self.buffers
        pairs = zip(gradients, self.buffers, strict=True)
        return [gradient + self.spec.momentum * buffer for gradient, buffer in pairs]


class AdamStandard:
    """Adam and AdamW in the form of Kingma & Ba's algorithm 1."""

    def __init__(self, spec: AdamConstants, parameters: list[Array], xp: Any) -> None:
        """Start both moments at zero."""
        self.spec = spec
        self.xp = xp
        self.t = 0
        self.moments = [(xp.zeros_like(p), xp.zeros_like(p)) for p in parameters]

    def directions(self, gradients: list[Array]) -> list[Array]:
        """Return what is multiplied by the rate and subtracted."""
        self.t += 1
        first = 1 - self.spec.beta1**self.t
        root = (1 - self.spec.beta2**self.t) ** 0.5
        found = []
        for (m, v), gradient in zip(self.moments, gradients, strict=True):
            m += (1 - self.spec.beta1) * (gradient - m)
            v += (1 - self.spec.beta2) * (gradient * gradient - v)
            found.append(m / first / (self.xp.sqrt(v) / root + self.spec.epsilon))
        return found


class DividedByRoots:
    """RMSprop and Adagrad: gradients over the root of a running mean, or of the sum, of squares."""

    def __init__(self, spec: RMSprop | Adagrad, parameters: list[Array], xp: Any) -> None:
        """Start where the spec says."""
        self.spec = spec
        self.xp = xp
        start = spec.initial_accumulator if isinstance(spec, Adagrad) else 0.0
        self.squares = [xp.full_like(p, start) for p in parameters]

    def directions(self, gradients: list[Array]) -> list[Array]:
        """Return what is multiplied by the rate and subtracted."""
        found = []
        for square, gradient in zip(self.squares, gradients, strict=True):
            if isinstance(self.spec, RMSprop):
                square += (1 - self.spec.rho) * (gradient * gradient - square)
            else:
                square += gradient * gradient
            found.append(gradient / (self.xp.sqrt(square) + self.spec.epsilon))
        return found


def descent(spec: SGD, parameters: list[Array], xp: Any) -> Rule:
    """Return SGD, with what its momentum needs if it has one."""
    return MomentumSGD(spec, parameters, xp) if spec.momentum else PlainSGD()


RULES: dict[str, Callable[..., Rule]] = {
    "sgd": descent,
    "adam": AdamStandard,
    "adamw": AdamStandard,
    "rmsprop": DividedByRoots,
    "adagrad": DividedByRoots,
}


class Updates:
    """The whole update of a step: penalty, clipping, decay, then the optimiser's own rule."""

    def __init__(
        self, training: TrainSpec, parameters: list[Array], decays: list[bool], xp: Any = np
    ) -> None:
        """Hold references: updates happen in place. `decays` says which are penalised."""
        self.spec = training.optimizer
        self.rates = learning_rates(training)
        self.parameters = parameters
        self.decays = decays
        self.decayed = [p for p, decay in zip(parameters, decays, strict=True) if decay]
        self.rule = RULES[self.spec.name](self.spec, self.parameters, xp)

    def rates_of(self, batches: Batches) -> list[float]:
        """Return the learning rate of each step of a call."""
        found: list[float] = rates_of(self.rates, batches).tolist()
        return found

    def apply(self, gradients: list[Array], rate: float) -> None:
        """Take one step against the gradients of the parameters."""
        if self.spec.l2:
            gradients = self.penalised(gradients)
        if self.spec.clip_norm:
            gradients = self.clipped(gradients, self.spec.clip_norm)
        if self.spec.weight_decay:
            for kernel in self.decayed:
                kernel -= (rate * self.spec.weight_decay) * kernel  # 1 - rate * decay would round
        directions = self.rule.directions(gradients)
        for parameter, direction in zip(self.parameters, directions, strict=True):
            parameter -= rate * direction

    def penalised(self, gradients: list[Array]) -> list[Array]:
        """Add the gradient of the L2 penalty to those of what decays."""
        both = zip(gradients, self.parameters, self.decays, strict=True)
        return [g + self.spec.l2 * parameter if decay else g for g, parameter, decay in both]

    def clipped(self, gradients: list[Array], norm_max: float) -> list[Array]:
        """Shorten all gradients together to the norm allowed."""
        norm = sum(float(np.vdot(g, g)) for g in gradients) ** 0.5
        factor = min(1.0, norm_max / max(norm, 1e-300))
        return [factor * g for g in gradients]

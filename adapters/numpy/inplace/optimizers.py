"""The optimisers on one vector: a few operations on all weights at once, whatever the layers.

Formulas: samenet.spec.training, in the forms of the plain mode. A running mean is kept without its
factor, m = (1 - beta) M with M = beta M + g, one operation less; what the factors make of a step is
worked out in Python floats, once per step instead of once per weight.
"""

from __future__ import annotations

import math

import numpy as np

from samenet.adapter import Array
from samenet.adapter.schedules import learning_rates
from samenet.adapters.numpy.inplace.operations import Call, Operation, bind, fade_and_add, number
from samenet.spec import SGD, Adagrad, AdamConstants, RMSprop, TrainSpec


class VectorUpdates:
    """The whole update of a step: penalty, clipping, decay, then the optimiser's own rule."""

    def __init__(self, training: TrainSpec, weights: Array, gradient: Array, kernel: Array) -> None:
        """Hold the vectors: weights, gradient, and 1 where a weight is one of a kernel, else 0."""
        self.spec = training.optimizer
        self.rates = learning_rates(training).tolist()
        self.weights = weights
        self.gradient = gradient
        self.scratch = np.empty_like(weights)
        self.rate = number(0, weights)
        self.size = number(0, weights)
        self.epsilon = number(0, weights)
        clips = self.spec.clip_norm is not None
        self.plain = isinstance(self.spec, SGD) and not self.spec.momentum and not clips
        self.calls: list[Call] = bind(self._penalty(kernel))
        if clips:
            self.calls.append(self._clip)
        self.calls += bind(self._decay(kernel))
        self.calls += bind(self._rule())

    def error_factor(self, step: int) -> float:
        """Return what the error of the outputs is to be multiplied by, apart from 1 / rows.

        In plain SGD it is the rate: the gradient is linear in the error, which has fewer numbers
        and is multiplied by one in any case. What arrives as the gradient is the step, then.
        """
        return self._rate_of(step) if self.plain else 1.0

    def apply(self, step: int) -> None:
        """Take one step, counted from 0, against the gradient."""
        rate = self._rate_of(step)
        size, epsilon = self._factors(rate, step + 1)
        self.rate.fill(rate)
        self.size.fill(size)
        self.epsilon.fill(epsilon)
        for call in self.calls:
            call()

    def _rate_of(self, step: int) -> float:
        return float(self.rates[min(step, len(self.rates) - 1)])

    def _factors(self, rate: float, t: int) -> tuple[float, float]:
        """Return the size of the step and the epsilon that go with sums without their factors."""
        spec = self.spec
        if isinstance(spec, AdamConstants):
            root = math.sqrt((1 - spec.beta2**t) / (1 - spec.beta2))
            return rate * root * (1 - spec.beta1) / (1 - spec.beta1**t), spec.epsilon * root
        if isinstance(spec, RMSprop):
            root = math.sqrt(1 - spec.rho)
            return rate / root, spec.epsilon / root
        return rate, spec.epsilon if isinstance(spec, Adagrad) else 0.0

    def _penalty(self, kernel: Array) -> list[Operation]:
        if self.plain or not self.spec.l2:
            return []
        scratch = self.scratch
        penalty = kernel * number(self.spec.l2, kernel)
        add = (np.add, self.gradient, scratch, self.gradient)
        return [(np.multiply, self.weights, penalty, scratch), add]

    def _clip(self) -> None:
        """Shorten the gradient to the norm allowed."""
        norm = math.sqrt(np.dot(self.gradient, self.gradient))
        longest = self.spec.clip_norm
        if longest is not None and norm > longest:
            np.multiply(self.gradient, longest / norm, out=self.gradient)

    def _decay(self, kernel: Array) -> list[Operation]:
        """Return the decay; to plain SGD, whose gradient is its step, the penalty is one, too."""
        decay = self.spec.weight_decay or (self.spec.l2 if self.plain else 0.0)
        if not decay:
            return []
        shares = kernel * number(decay, kernel)
        part = (np.multiply, self.weights, shares, self.scratch)
        return [part, *self._subtract(self.scratch, self.rate)]

    def _subtract(self, values: Array, factor: Array) -> list[Operation]:
        weights = self.weights
        scratch = self.scratch
        return [(np.multiply, values, factor, scratch), (np.subtract, weights, scratch, weights)]

    def _rule(self) -> list[Operation]:
        spec = self.spec
        gradient = self.gradient
        if self.plain:
            return [(np.subtract, self.weights, gradient, self.weights)]
        if isinstance(spec, SGD):
            return self._momentum(spec)
        if isinstance(spec, AdamConstants):
            mean = np.zeros_like(gradient)
            return [*fade_and_add(mean, spec.beta1, gradient), *self._over_root(mean, spec.beta2)]
        if isinstance(spec, RMSprop):
            return self._over_root(gradient, spec.rho)
        return self._over_root(gradient, 1.0, spec.initial_accumulator)

    def _momentum(self, spec: SGD) -> list[Operation]:
        if not spec.momentum:
            return self._subtract(self.gradient, self.size)
        buffer = np.zeros_like(self.gradient)
        scratch = self.scratch
        faded_sum = fade_and_add(buffer, spec.momentum, self.gradient)
        if not spec.nesterov:
            return [*faded_sum, *self._subtract(buffer, self.size)]
        ahead = (np.multiply, buffer, number(spec.momentum, buffer), scratch)
        add = (np.add, scratch, self.gradient, scratch)
        return [*faded_sum, ahead, add, *self._subtract(scratch, self.size)]

    def _over_root(self, above: Array, beta: float, start: float = 0.0) -> list[Operation]:
        """Divide by the root of a fading sum of squares."""
        squares = np.full_like(self.gradient, start)
        scratch = self.scratch
        return [
            (np.square, self.gradient, scratch),
            *fade_and_add(squares, beta, scratch),
            (np.sqrt, squares, scratch),
            (np.add, scratch, self.epsilon, scratch),
            (np.divide, above, scratch, scratch),
            *self._subtract(scratch, self.size),
        ]

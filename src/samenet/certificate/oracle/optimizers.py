"""The optimisers of the oracle: one rule each, on all weights as one vector, in every form.

The formulas are those of samenet.spec.training, and stand here in their order.
"""

from __future__ import annotations

import copy
import math
from typing import Protocol

import numpy as np

from samenet.adapter.arrays import Array, Dtype, Weights
from samenet.adapter.schedules import learning_rates
from samenet.spec.network import Network
from samenet.spec.training import SGD, Adagrad, AdamConstants, Forms, Optimizer, RMSprop, TrainSpec


class Updater:
    """The whole update of a step: penalty, clipping, decay, then the optimiser's own rule."""

    def __init__(
        self,
        network: Network,
        training: TrainSpec,
        forms: Forms,
        weights: Weights,
        *,
        decay_as_factor: bool = False,
    ) -> None:
        """Start from these weights, whose precision is kept throughout.

        `decay_as_factor` multiplies by 1 - r * decay, a number near 1 that rounds the same way in
        every step, instead of subtracting the small product: one formula, two realisations.
        """
        self.decay_as_factor = decay_as_factor
        training = training.model_copy(update={"optimizer": _seen(training.optimizer, forms)})
        self.spec, self.forms = training.optimizer, forms
        self.rates = learning_rates(training)
        self.weights = _vector(weights)
        self.is_kernel = np.concatenate(
            [
                np.full(found.size, found.is_decayed)
                for place in network.places
                for found in place.parameters.values()
            ]
        ).astype(self.weights.dtype)
        self.rule = _rule(training.optimizer, forms)

    def step(self, gradient: Array, t: int) -> Array:
        """Return the weights after step t = 1, 2, ..."""
        rate = float(self.rates[min(t, len(self.rates)) - 1])
        if self.spec.l2:
            gradient = gradient + self.spec.l2 * self.is_kernel * self.weights
        if self.spec.clip_norm is not None:
            gradient = gradient * self._clipping(gradient, self.spec.clip_norm)
        kept = self.weights
        if self.spec.weight_decay:
            lost = rate * self.spec.weight_decay * self.is_kernel
            kept = (1 - lost) * kept if self.decay_as_factor else kept - lost * kept
        self.weights = kept - self.rule.move(gradient, rate, t)
        return self.weights

    def started(self, weights: Weights) -> None:
        """Go on from other weights; what the rule remembers of earlier gradients stays."""
        self.weights = _vector(weights)

    def in_precision(self, dtype: Dtype) -> Updater:
        """Return a copy that remembers the same in another precision."""
        found, found_rule = copy.copy(self), copy.copy(self.rule)  # no array is written to
        found.rule = found_rule
        found.weights, found.is_kernel = self.weights.astype(dtype), self.is_kernel.astype(dtype)
        for name, held in vars(self.rule).items():
            if isinstance(held, np.ndarray):
                setattr(found_rule, name, held.astype(dtype))
        return found

    def _clipping(self, gradient: Array, norm_most: float) -> float:
        extra = 1e-6 if self.forms.clipping == "epsilon" else 0.0
        return min(1.0, norm_most / max(float(np.linalg.norm(gradient)) + extra, 1e-300))


def _seen(spec: Optimizer, forms: Forms) -> Optimizer:
    """Return the optimiser with the constants that the forms say are rounded to float32."""
    rounded: dict[str, float] = {
        name: nearest_float32(value)
        for name in forms.rounded
        if isinstance(value := getattr(spec, name, None), float)
    }
    return spec.model_copy(update=rounded)


def nearest_float32(value: float) -> float:
    """Return the float32 number nearest to a constant."""
    return float(np.float32(value))


def _vector(weights: Weights) -> Array:
    return np.concatenate([part.ravel() for layer in weights for part in layer.values()])


class _Rule(Protocol):
    """How far the weights go against a gradient."""

    def move(self, g: Array, rate: float, t: int) -> Array:
        """Return what is subtracted from the weights at step t = 1, 2, ..."""


class _Sgd:
    """Momentum with the rate outside the buffer."""

    def __init__(self, spec: SGD) -> None:
        self.spec = spec
        self.buffer: Array | float = 0.0

    def move(self, g: Array, rate: float, t: int) -> Array:
        del t
        self.buffer = self.spec.momentum * self.buffer + g
        ahead = g + self.spec.momentum * self.buffer if self.spec.nesterov else self.buffer
        return rate * ahead


class _SgdRateInside:
    """Momentum with the rate inside the velocity."""

    def __init__(self, spec: SGD) -> None:
        self.spec = spec
        self.velocity: Array | float = 0.0

    def move(self, g: Array, rate: float, t: int) -> Array:
        del t
        self.velocity = self.spec.momentum * self.velocity - rate * g
        ahead = self.spec.momentum * self.velocity - rate * g
        return -(ahead if self.spec.nesterov else self.velocity)


class _Adam:
    """Adam, both forms."""

    def __init__(self, spec: AdamConstants, forms: Forms) -> None:
        self.spec, self.form = spec, forms.adam
        betas = (spec.beta1, spec.beta2)
        corrected = "bias_correction" in forms.rounded
        self.correcting = tuple(map(nearest_float32, betas)) if corrected else betas
        """The betas of 1 - beta^t."""
        self.m: Array | float = 0.0
        self.v: Array | float = 0.0

    def move(self, g: Array, rate: float, t: int) -> Array:
        beta1, beta2 = self.spec.beta1, self.spec.beta2
        self.m = beta1 * self.m + (1 - beta1) * g
        self.v = beta2 * self.v + (1 - beta2) * g**2
        first, second = (1 - beta**t for beta in self.correcting)
        if self.form == "standard":
            return rate * (self.m / first) / (np.sqrt(self.v / second) + self.spec.epsilon)
        rate = rate * math.sqrt(second) / first
        return rate * self.m / (np.sqrt(self.v) + self.spec.epsilon)


class _RMSprop:
    """A running mean of squares, epsilon outside or inside the root."""

    def __init__(self, spec: RMSprop, form: str) -> None:
        self.spec, self.form = spec, form
        self.v: Array | float = 0.0

    def move(self, g: Array, rate: float, t: int) -> Array:
        del t
        self.v = self.spec.rho * self.v + (1 - self.spec.rho) * g**2
        return rate * g / _root(self.v, self.spec.epsilon, self.form)


class _Adagrad:
    """A sum of squares, epsilon outside or inside the root."""

    def __init__(self, spec: Adagrad, form: str) -> None:
        self.spec, self.form = spec, form
        self.a: Array | float = spec.initial_accumulator

    def move(self, g: Array, rate: float, t: int) -> Array:
        del t
        self.a = self.a + g**2
        return rate * g / _root(self.a, self.spec.epsilon, self.form)


def _root(squares: Array | float, epsilon: float, form: str) -> Array:
    inside = form == "epsilon_inside"
    return np.sqrt(squares + epsilon) if inside else np.sqrt(squares) + epsilon


def _rule(spec: Optimizer, forms: Forms) -> _Rule:
    if isinstance(spec, SGD):
        return _Sgd(spec) if forms.momentum == "rate_outside" else _SgdRateInside(spec)
    if isinstance(spec, RMSprop):
        return _RMSprop(spec, forms.rmsprop)
    if isinstance(spec, Adagrad):
        return _Adagrad(spec, forms.adagrad)
    return _Adam(spec, forms)

"""The optimisers in low level TensorFlow, written out with `assign`. Formulas: spec.training.

Constants are Python floats, which the graph holds exactly; only what depends on the step number is
a tensor, so that a new value never means a new graph.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from samenet.adapter import Array, Batches
from samenet.adapter.schedules import learning_rates, step_factors
from samenet.spec import SGD, Adagrad, Moments, Optimizer, RMSprop, TrainSpec

Factors = tuple[Any, tf.Tensor, tf.Tensor]
"""Of one step: the rate, a float if it never changes; rate / (1 - beta1^t); sqrt(1 - beta2^t)."""
Slots = Sequence[tf.Variable]
"""What an optimiser remembers about one variable."""


def sgd(spec: SGD, gradient: tf.Tensor, slots: Slots, factors: Factors) -> tf.Tensor:
    """Return the step of SGD, form "rate_outside"."""
    rate = factors[0]
    if spec.momentum:
        (buffer,) = slots
        buffer.assign(spec.momentum * buffer + gradient)
        gradient = gradient + spec.momentum * buffer if spec.nesterov else buffer
    return rate * gradient


def adam(spec: Moments, gradient: tf.Tensor, slots: Slots, factors: Factors) -> tf.Tensor:
    """Return the step of Adam and AdamW, form "standard"."""
    m, v = slots
    _, scale, root = factors
    m.assign_add((1 - spec.beta1) * (gradient - m))
    v.assign_add((1 - spec.beta2) * (tf.square(gradient) - v))
    return scale * m / (tf.sqrt(v) / root + spec.epsilon)


def rmsprop(spec: RMSprop, gradient: tf.Tensor, slots: Slots, factors: Factors) -> tf.Tensor:
    """Return the step of RMSprop, form "epsilon_outside"."""
    (v,) = slots
    v.assign_add((1 - spec.rho) * (tf.square(gradient) - v))
    return factors[0] * gradient / (tf.sqrt(v) + spec.epsilon)


def adagrad(spec: Adagrad, gradient: tf.Tensor, slots: Slots, factors: Factors) -> tf.Tensor:
    """Return the step of Adagrad, form "epsilon_outside"."""
    (a,) = slots
    a.assign_add(tf.square(gradient))
    return factors[0] * gradient / (tf.sqrt(a) + spec.epsilon)


OPTIMIZERS: dict[str, Callable[..., tf.Tensor]] = {
    "sgd": sgd,
    "adam": adam,
    "adamw": adam,
    "rmsprop": rmsprop,
    "adagrad": adagrad,
}


def slots_of(spec: Optimizer, variable: tf.Variable) -> Slots:
    """Return what the optimiser remembers about a variable, at its start and on its device."""
    start = spec.initial_accumulator if isinstance(spec, Adagrad) else 0.0
    count = 2 if isinstance(spec, Moments) else 1
    if isinstance(spec, SGD) and not spec.momentum:
        count = 0
    value = tf.constant(start, variable.dtype, variable.shape)
    return [tf.Variable(value) for _ in range(count)]


class Updates:
    """The whole update of a step: penalty, clipping, the optimiser's own rule with decay."""

    def __init__(
        self, training: TrainSpec, kernels: Sequence[tf.Variable], biases: Sequence[tf.Variable]
    ) -> None:
        """Hold references: updates happen in place."""
        self.training = training
        self.spec = training.optimizer
        self.rates = learning_rates(training)
        self.kernels = kernels
        self.variables = [*kernels, *biases]
        self.slots = [slots_of(self.spec, variable) for variable in self.variables]
        self.step_of = OPTIMIZERS[self.spec.name]

    def factors(self, batches: Batches) -> Array:
        """Return what depends on the step number: (steps, 3)."""
        return step_factors(self.training, self.rates, batches)

    def apply(self, gradients: list[tf.Tensor], factors: tf.Tensor) -> None:
        """Take one step against the gradients of kernels, then biases; factors (3,)."""
        rate = factors[0] if len(self.rates) > 1 else float(self.rates[0])
        if self.spec.l2:
            gradients = self.penalised(gradients)
        if self.spec.clip_norm:
            gradients, _ = tf.clip_by_global_norm(gradients, self.spec.clip_norm)
        for place, variable in enumerate(self.variables):
            numbers = (rate, factors[1], factors[2])
            step = self.step_of(self.spec, gradients[place], self.slots[place], numbers)
            if self.spec.weight_decay and place < len(self.kernels):
                # w - (r * decay) * w: the factor 1 - r * decay would be rounded near 1
                step = step + rate * self.spec.weight_decay * variable
            variable.assign_sub(step)

    def penalised(self, gradients: list[tf.Tensor]) -> list[tf.Tensor]:
        """Add the gradient of the L2 penalty to those of the kernels."""
        count = len(self.kernels)
        pairs = zip(gradients[:count], self.kernels, strict=True)
        return [gradient + self.spec.l2 * kernel for gradient, kernel in pairs] + gradients[count:]

"""The optimisers in low level TensorFlow: one fused operation per variable, where there is one.

https://www.tensorflow.org/api_docs/python/tf/raw_ops/ResourceApplyAdam does in one what takes ten
operations written out: a step of 64-64-32-10, batch 32, takes 0.71 of the time. Plain SGD is as
fast as `assign_sub`. The fused RMSprop has epsilon inside its root; the form here is the one with
epsilon outside, written out. Formulas: spec.training.

Constants are Python floats or made in the variable's dtype, so that the graph holds them exactly;
only what depends on the step number is a tensor, so that a new value never means a new graph.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from samenet.adapter import Array, Batches
from samenet.adapter.schedules import learning_rates, step_factors
from samenet.spec import SGD, Adagrad, AdamConstants, Optimizer, RMSprop, TrainSpec

Slots = Sequence[tf.Variable]
"""What an optimiser remembers about one variable."""
Factors = tuple[Any, tf.Tensor, tf.Tensor]
"""Of one step: the rate, a float if it never changes; for Adam, what its operation takes as rate
and as epsilon."""


def exact(value: Any, variable: tf.Variable) -> tf.Tensor:
    """Return a number in a variable's dtype: an operation would make float32 of a float."""
    return tf.convert_to_tensor(value, variable.dtype)


def sgd(
    spec: SGD, variable: tf.Variable, gradient: tf.Tensor, slots: Slots, factors: Factors
) -> None:
    """Take a step of SGD, form "rate_outside"."""
    rate = factors[0]
    if not spec.momentum:
        variable.assign_sub(rate * gradient)
        return
    tf.raw_ops.ResourceApplyMomentum(
        var=variable.handle,
        accum=slots[0].handle,
        lr=exact(rate, variable),
        grad=gradient,
        momentum=exact(spec.momentum, variable),
        use_nesterov=spec.nesterov,
    )


def adam(
    spec: AdamConstants, variable: tf.Variable, gradient: tf.Tensor, slots: Slots, factors: Factors
) -> None:
    """Take a step of Adam and AdamW, form "standard".

    The operation's own form is "epsilon_hat". With rate * sqrt(1 - beta2^t) / (1 - beta1^t) as its
    rate, epsilon * sqrt(1 - beta2^t) as its epsilon and nothing left to correct it is the standard.
    """
    m, v = slots
    _, rate, epsilon = factors
    tf.raw_ops.ResourceApplyAdam(
        var=variable.handle,
        m=m.handle,
        v=v.handle,
        beta1_power=exact(0.0, variable),
        beta2_power=exact(0.0, variable),
        lr=rate,
        beta1=exact(spec.beta1, variable),
        beta2=exact(spec.beta2, variable),
        epsilon=epsilon,
        grad=gradient,
    )


def rmsprop(
    spec: RMSprop, variable: tf.Variable, gradient: tf.Tensor, slots: Slots, factors: Factors
) -> None:
    """Take a step of RMSprop, form "epsilon_outside"."""
    (v,) = slots
    v.assign_add((1 - spec.rho) * (tf.square(gradient) - v))
    variable.assign_sub(factors[0] * gradient / (tf.sqrt(v) + spec.epsilon))


def adagrad(
    spec: Adagrad, variable: tf.Variable, gradient: tf.Tensor, slots: Slots, factors: Factors
) -> None:
    """Take a step of Adagrad, form "epsilon_outside"."""
    tf.raw_ops.ResourceApplyAdagradV2(
        var=variable.handle,
        accum=slots[0].handle,
        lr=exact(factors[0], variable),
        epsilon=exact(spec.epsilon, variable),
        grad=gradient,
    )


OPTIMIZERS: dict[str, Callable[..., None]] = {
    "sgd": sgd,
    "adam": adam,
    "adamw": adam,
    "rmsprop": rmsprop,
    "adagrad": adagrad,
}


def slots_of(spec: Optimizer, variable: tf.Variable) -> Slots:
    """Return what the optimiser remembers about a variable, at its start and on its device."""
    start = spec.initial_accumulator if isinstance(spec, Adagrad) else 0.0
    count = 2 if isinstance(spec, AdamConstants) else 1
    if isinstance(spec, SGD) and not spec.momentum:
        count = 0
    value = tf.constant(start, variable.dtype, variable.shape)
    return [tf.Variable(value) for _ in range(count)]


def dense_gradients(
    tape: tf.GradientTape, loss: tf.Tensor, variables: Sequence[tf.Variable]
) -> list[tf.Tensor]:
    """Return the gradients as tensors, what every token that occurs adds to a table added up.

    As IndexedSlices an optimiser would see each occurrence of a token by itself, and some, as
    Keras' Adam, square those instead of their sum.
    """
    return [tf.convert_to_tensor(gradient) for gradient in tape.gradient(loss, variables)]


class Updates:
    """The whole update of a step: penalty, clipping, the optimiser's own rule with decay."""

    def __init__(
        self, training: TrainSpec, decayed: Sequence[tf.Variable], others: Sequence[tf.Variable]
    ) -> None:
        """Hold references: updates happen in place."""
        self.training = training
        self.spec = training.optimizer
        self.rates = learning_rates(training)
        self.decayed = decayed
        self.variables = [*decayed, *others]
        self.slots = [slots_of(self.spec, variable) for variable in self.variables]
        self.step_of = OPTIMIZERS[self.spec.name]

    def factors(self, batches: Batches) -> Array:
        """Return what depends on the step number: (steps, 3), as Factors."""
        factors = step_factors(self.training, self.rates, batches)
        if not isinstance(self.spec, AdamConstants):
            return factors
        rates, scales, roots = factors.T
        return np.stack([rates, scales * roots, self.spec.epsilon * roots], axis=1)

    def apply(self, gradients: list[tf.Tensor], factors: tf.Tensor) -> None:
        """Take one step against the gradients of `variables`; factors (3,)."""
        rate = factors[0] if len(self.rates) > 1 else float(self.rates[0])
        if self.spec.l2:
            gradients = self.penalised(gradients)
        if self.spec.clip_norm:
            gradients, _ = tf.clip_by_global_norm(gradients, self.spec.clip_norm)
        numbers = (rate, factors[1], factors[2])
        for place, variable in enumerate(self.variables):
            if self.spec.weight_decay and place < len(self.decayed):
                # w - (r * decay) * w: the factor 1 - r * decay would be rounded near 1
                variable.assign_sub(rate * self.spec.weight_decay * variable)
            self.step_of(self.spec, variable, gradients[place], self.slots[place], numbers)

    def penalised(self, gradients: list[tf.Tensor]) -> list[tf.Tensor]:
        """Add the gradient of the L2 penalty to those of what is penalised."""
        count = len(self.decayed)
        pairs = zip(gradients[:count], self.decayed, strict=True)
        return [gradient + self.spec.l2 * kernel for gradient, kernel in pairs] + gradients[count:]

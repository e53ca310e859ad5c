"""Bare TensorFlow: all steps of a call inside one tf.function, as a graph or compiled by XLA.

Tried for graph and not faster than the best form here; shares of its time, S / M: updates written
out 1.0 with SGD, 1.4 / 1.2 with Adam; tf.while_loop in place of AutoGraph's 1.0 / 1.0; targets as
one-hot rows 1.05 / 1.0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from case import Array, Bare, Case, Steps, nothing

LOOPS = {
    "tensorflow:graph": {
        "fused updates": {},
        "fused updates, one vector": {"vector": True},
        "fused updates, batches gathered first": {"gathered": True},
        "fused updates, bias_add": {"bias_add": True},
        "fused updates, gradients written out": {"by_hand": True},
    },
    "tensorflow:xla": {
        "variables": {"written_out": True},
        "fused updates": {},
        "one vector": {"written_out": True, "vector": True},
        "batches gathered first": {"written_out": True, "gathered": True},
        "tf.while_loop": {"written_out": True, "loop": "while"},
        "tf.while_loop, state in its values": {"loop": "values"},
    },
}
SLOWER = {
    "tensorflow:graph": {
        "variables": {"written_out": True},
        "fused updates, tf.while_loop": {"loop": "while"},
        "fused updates, one-hot targets": {"one_hot": True},
    },
    "tensorflow:xla": {
        "fused updates, one vector": {"vector": True},
        "one-hot targets": {"written_out": True, "one_hot": True},
    },
}
"""Tried, never the fastest: measured with --all-forms."""


def graph(case: Case, **form: Any) -> Bare:
    """Leave the operations to TensorFlow's executor."""
    return looped(case, jit_compile=False, **form)


def xla(case: Case, **form: Any) -> Bare:
    """Have the whole call compiled."""
    return looped(case, jit_compile=True, **form)


class Model:
    """The network on variables of its own: one for each part, or one vector for all."""

    def __init__(self, case: Case, *, vector: bool, bias_add: bool, one_hot: bool) -> None:
        """Make variables, and those that Adam remembers."""
        parts = [part for pair in case.weights for part in pair]
        self.shapes = [part.shape for part in parts]
        flat = np.concatenate([part.ravel() for part in parts])
        self.variables = [tf.Variable(part) for part in ([flat] if vector else parts)]
        self.slots = [
            [tf.Variable(tf.zeros_like(v)) for _ in range(2)] if case.adam else []
            for v in self.variables
        ]
        self.case, self.vector = case, vector
        self.bias_add, self.one_hot = bias_add, one_hot

    def parts(self, given: Sequence[Any]) -> list[Any]:
        """Return kernel, bias, kernel, bias ..."""
        if not self.vector:
            return list(given)
        pieces = tf.split(given[0], [int(np.prod(shape)) for shape in self.shapes])
        return [tf.reshape(piece, shape) for piece, shape in zip(pieces, self.shapes, strict=True)]

    def loss(self, given: Sequence[Any], x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        """Return the mean cross entropy."""
        w1, b1, w2, b2, w3, b3 = self.parts(given)
        plus = tf.nn.bias_add if self.bias_add else tf.add
        x = tf.nn.relu(plus(x @ w1, b1))
        x = tf.nn.relu(plus(x @ w2, b2))
        z = plus(x @ w3, b3)
        if self.one_hot:
            y = tf.one_hot(y, z.shape[1])
            return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=z))
        each = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=z)
        return tf.reduce_mean(each)

    def gradients(self, x: tf.Tensor, y: tf.Tensor, *, by_hand: bool) -> Any:
        """Return the loss and its gradients."""
        if by_hand:
            return self.gradients_by_hand(x, y)
        with tf.GradientTape() as tape:
            loss = self.loss(self.variables, x, y)
        return loss, tape.gradient(loss, self.variables)

    def gradients_by_hand(self, x: tf.Tensor, y: tf.Tensor) -> Any:
        """Return the same, backward pass and all written out as in a textbook."""
        w1, b1, w2, b2, w3, b3 = self.variables
        a1 = tf.nn.relu(x @ w1 + b1)
        a2 = tf.nn.relu(a1 @ w2 + b2)
        z = a2 @ w3 + b3
        each, d3 = tf.raw_ops.SparseSoftmaxCrossEntropyWithLogits(features=z, labels=y)
        d3 = d3 / x.shape[0]
        d2 = tf.raw_ops.ReluGrad(gradients=tf.matmul(d3, w3, transpose_b=True), features=a2)
        d1 = tf.raw_ops.ReluGrad(gradients=tf.matmul(d2, w2, transpose_b=True), features=a1)
        found = []
        for values, delta in ((x, d1), (a1, d2), (a2, d3)):
            found += [tf.matmul(values, delta, transpose_a=True), tf.reduce_sum(delta, 0)]
        return tf.reduce_mean(each), found

    def update(self, gradients: Sequence[Any], factors: Any, *, written_out: bool) -> None:
        """Move all variables."""
        for variable, slots, g in zip(self.variables, self.slots, gradients, strict=True):
            if written_out:
                self.write_out(variable, slots, g, factors)
            else:
                self.fuse(variable, slots, g, factors)

    def write_out(self, variable: Any, slots: Any, g: Any, factors: Any) -> None:
        """Move by operations of their own."""
        if self.case.adam is None:
            variable.assign_sub(self.case.rate * g)
            return
        beta1, beta2, epsilon = self.case.adam
        m, v = slots
        m.assign_add((1 - beta1) * (g - m))
        v.assign_add((1 - beta2) * (tf.square(g) - v))
        variable.assign_sub(factors[0] * m / (tf.sqrt(v) / factors[1] + epsilon))

    def fuse(self, variable: Any, slots: Any, g: Any, factors: Any) -> None:
        """Move by one operation; rate and epsilon carry the corrections of Adam's moments."""
        if self.case.adam is None:
            tf.raw_ops.ResourceApplyGradientDescent(
                var=variable.handle, alpha=self.case.rate, delta=g
            )
            return
        beta1, beta2, epsilon = self.case.adam
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=slots[0].handle,
            v=slots[1].handle,
            beta1_power=0.0,
            beta2_power=0.0,
            lr=factors[0] * factors[1],
            beta1=beta1,
            beta2=beta2,
            epsilon=epsilon * factors[1],
            grad=g,
        )

    def moved(self, given: Any, slots: Any, g: Any, factors: Any) -> Any:
        """Return new values instead of changing variables."""
        if self.case.adam is None:
            return [p - self.case.rate * d for p, d in zip(given, g, strict=True)], slots
        beta1, beta2, epsilon = self.case.adam
        new, kept = [], []
        for p, (m, v), d in zip(given, slots, g, strict=True):
            mean = m + (1 - beta1) * (d - m)
            square = v + (1 - beta2) * (d * d - v)
            new.append(p - factors[0] * mean / (tf.sqrt(square) / factors[1] + epsilon))
            kept.append((mean, square))
        return new, kept


def over_range(step: Any, *, gathered: bool) -> Any:
    """Return all steps; AutoGraph turns `for` over a range of tensors into a loop of the graph."""

    def steps(inputs: Any, targets: Any, order: Any, factors: Any) -> Any:
        losses = tf.TensorArray(tf.float32, size=order.shape[0])
        if gathered:
            inputs, targets = tf.gather(inputs, order), tf.gather(targets, order)
        for i in tf.range(order.shape[0]):
            if gathered:
                loss = step(inputs[i], targets[i], factors[i])
            else:
                rows = order[i]
                loss = step(tf.gather(inputs, rows), tf.gather(targets, rows), factors[i])
            losses = losses.write(i, loss)
        return losses.stack()

    return steps


def in_while_loop(step: Any) -> Any:
    """Return all steps in a loop written out."""

    def steps(inputs: Any, targets: Any, order: Any, factors: Any) -> Any:
        def body(i: Any, losses: Any) -> Any:
            rows = order[i]
            loss = step(tf.gather(inputs, rows), tf.gather(targets, rows), factors[i])
            return i + 1, losses.write(i, loss)

        count = order.shape[0]
        start = (tf.constant(0), tf.TensorArray(tf.float32, size=count))
        found = tf.while_loop(
            lambda i, losses: i < count,
            body,
            start,
            parallel_iterations=1,
            maximum_iterations=count,
        )
        return found[1].stack()

    return steps


def in_values(model: Model) -> Any:
    """Return all steps in a loop that hands the state on; variables change at its end."""

    def steps(inputs: Any, targets: Any, order: Any, factors: Any) -> Any:
        def body(i: Any, given: Any, slots: Any, losses: Any) -> Any:
            rows = order[i]
            with tf.GradientTape() as tape:
                tape.watch(given)
                loss = model.loss(given, tf.gather(inputs, rows), tf.gather(targets, rows))
            given, slots = model.moved(given, slots, tape.gradient(loss, given), factors[i])
            return i + 1, given, slots, losses.write(i, loss)

        count = order.shape[0]
        given = [v.value() for v in model.variables]
        slots = [tuple(s.value() for s in each) for each in model.slots]
        start = (tf.constant(0), given, slots, tf.TensorArray(tf.float32, size=count))
        _, given, slots, losses = tf.while_loop(
            lambda i, *_: i < count, body, start, maximum_iterations=count
        )
        held = [*model.variables, *(s for each in model.slots for s in each)]
        values = [*given, *(s for each in slots for s in each)]
        for variable, value in zip(held, values, strict=True):
            variable.assign(value)
        return losses.stack()

    return steps


def looped(
    case: Case,
    *,
    jit_compile: bool,
    written_out: bool = False,
    vector: bool = False,
    gathered: bool = False,
    loop: str = "range",
    bias_add: bool = False,
    one_hot: bool = False,
    by_hand: bool = False,
) -> Bare:
    """Run all steps of a call inside one traced function."""
    model, count = Model(case, vector=vector, bias_add=bias_add, one_hot=one_hot), Steps(case)

    def step(x: tf.Tensor, y: tf.Tensor, factors: tf.Tensor) -> tf.Tensor:
        loss, gradients = model.gradients(x, y, by_hand=by_hand)
        model.update(gradients, factors, written_out=written_out)
        return loss

    loops = {
        "range": over_range(step, gathered=gathered),
        "while": in_while_loop(step),
        "values": in_values(model),
    }
    steps = tf.function(loops[loop], jit_compile=jit_compile)
    inputs, targets = tf.constant(case.inputs), tf.constant(case.targets)
    results = [tf.zeros(0)]

    def train(order: Array) -> None:
        factors = tf.constant(count.factors(len(order)))
        results[0] = steps(inputs, targets, tf.constant(order), factors)

    def weights() -> list[Array]:
        return [part.numpy() for part in model.parts([v.value() for v in model.variables])]

    return Bare(train, nothing, lambda: np.array(results[0]), weights)

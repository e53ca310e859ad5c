"""Bare TensorFlow: all steps of a call inside one tf.function, as a graph or compiled by XLA."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from case import Array, Bare, Case, nothing

LOOPS = {"tensorflow:graph": "graph", "tensorflow:xla": "xla"}


def graph(case: Case) -> Bare:
    """Leave the operations to TensorFlow's executor."""
    return looped(case, jit_compile=False)


def xla(case: Case) -> Bare:
    """Have the whole call compiled."""
    return looped(case, jit_compile=True)


def looped(case: Case, *, jit_compile: bool) -> Bare:
    """AutoGraph turns `for` over a range of tensors into a loop of the graph."""
    variables = [tf.Variable(part) for pair in case.weights for part in pair]
    w1, b1, w2, b2, w3, b3 = variables
    rate = case.rate

    @tf.function(jit_compile=jit_compile)
    def steps(inputs: tf.Tensor, targets: tf.Tensor, order: tf.Tensor) -> tf.Tensor:
        losses = tf.TensorArray(tf.float32, size=order.shape[0])
        for i in tf.range(order.shape[0]):
            x, y = tf.gather(inputs, order[i]), tf.gather(targets, order[i])
            with tf.GradientTape() as tape:
                x = tf.nn.relu(x @ w1 + b1)
                x = tf.nn.relu(x @ w2 + b2)
                z = x @ w3 + b3
                each = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=z)
                loss = tf.reduce_mean(each)
            gradients = tape.gradient(loss, variables)
            for variable, gradient in zip(variables, gradients, strict=True):
                variable.assign_sub(rate * gradient)
            losses = losses.write(i, loss)
        return losses.stack()

    inputs, targets = tf.constant(case.inputs), tf.constant(case.targets)
    results = [tf.zeros(0)]

    def train(order: Array) -> None:
        results[0] = steps(inputs, targets, tf.constant(order))

    def weights() -> list[Array]:
        return [variable.numpy() for variable in variables]

    return Bare(train, nothing, lambda: np.array(results[0]), weights)

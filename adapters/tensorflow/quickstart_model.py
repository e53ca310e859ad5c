"""What TensorFlow's "TensorFlow Core" guides write out: the model and the update rules.

The pages: samenet.adapters.tensorflow.quickstart. Dropout, which they do not use, is
`tf.nn.dropout` after the activation of a layer.
"""

from __future__ import annotations

import tensorflow as tf

from samenet.adapters.tensorflow.functions import activate
from samenet.spec import Network


class MLP(tf.Module):
    """The layers, one after the other; the last one gives logits."""

    def __init__(self, network: Network, kind: str) -> None:
        """Draw the initial weights."""
        super().__init__()
        self.layers = network.layers
        if kind != "multiclass" and len(network.layers) == 1:
            self.w = [tf.Variable(tf.random.uniform(network.shapes[0]))]
            self.b = [tf.Variable(tf.random.uniform(network.widths[1:]))]
        else:
            limits = [(6.0 / sum(shape)) ** 0.5 for shape in network.shapes]  # Xavier
            self.w = [
                tf.Variable(tf.random.uniform(shape, -limit, limit))
                for shape, limit in zip(network.shapes, limits, strict=True)
            ]
            self.b = [tf.Variable(tf.zeros(width)) for width in network.widths[1:]]

    @tf.function(reduce_retracing=True)
    def __call__(self, x: tf.Tensor, *, training: bool = False) -> tf.Tensor:
        """Return the logits."""
        for w, b, layer in zip(self.w, self.b, self.layers, strict=True):
            x = activate(layer.activation, tf.add(tf.matmul(x, w), b))
            if training and layer.dropout:
                x = tf.nn.dropout(x, layer.dropout)
        return x


class Adam:
    """Adam as the guide to multilayer perceptrons writes it."""

    def __init__(self, variables: tuple[tf.Variable, ...]) -> None:
        """Start both moments at zero."""
        self.moments = [(tf.Variable(v * 0), tf.Variable(v * 0)) for v in variables]
        self.t = 1.0

    def apply_gradients(self, grads: list[tf.Tensor], variables: tuple[tf.Variable, ...]) -> None:
        """Take one step."""
        for g, variable, (v, s) in zip(grads, variables, self.moments, strict=True):
            v.assign(0.9 * v + (1 - 0.9) * g)
            s.assign(0.999 * s + (1 - 0.999) * tf.square(g))
            v_corrected = v / (1 - 0.9**self.t)
            s_corrected = s / (1 - 0.999**self.t)
            variable.assign_sub(1e-3 * (v_corrected / (tf.sqrt(s_corrected) + 1e-7)))
        self.t += 1.0


def descend(grads: list[tf.Tensor], variables: tuple[tf.Variable, ...]) -> None:
    """Take one step of gradient descent."""
    for g, v in zip(grads, variables, strict=True):
        v.assign_sub(0.01 * g)

"""TensorFlow's own answers, in float64, to the questions on standard input: no samenet in here."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import tensorflow as tf


def gelu(z: tf.Tensor) -> tf.Tensor:
    """Return z * Phi(z); tf.nn.gelu itself is asked apart, for it rounds a constant to float32."""
    return z * tf.math.erfc(-z / tf.sqrt(tf.constant(2.0, tf.float64))) / 2


ACTIVATIONS: dict[str, Callable[..., tf.Tensor]] = {
    "identity": lambda z, slope: tf.identity(z),
    "sigmoid": lambda z, slope: tf.nn.sigmoid(z),
    "tanh": lambda z, slope: tf.nn.tanh(z),
    "relu": lambda z, slope: tf.nn.relu(z),
    "leaky_relu": lambda z, slope: tf.nn.leaky_relu(z, alpha=slope),
    "elu": lambda z, slope: tf.nn.elu(z),
    "selu": lambda z, slope: tf.nn.selu(z),
    "gelu": lambda z, slope: gelu(z),
    "silu": lambda z, slope: tf.nn.silu(z),
    "softplus": lambda z, slope: tf.nn.softplus(z),
}


def activation(name: str, points: list[float], slope: float = 0.0) -> dict[str, Any]:
    z = tf.constant(points, tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(z)
        value = ACTIVATIONS[name](z, slope)
    return {
        "value": value.numpy().tolist(),
        "derivative": tape.gradient(value, z).numpy().tolist(),
    }


def loss_of(name: str, z: tf.Tensor, targets: Any) -> tf.Tensor:
    if name == "sparse_categorical_cross_entropy":
        rows = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=targets, logits=z)
        return tf.reduce_mean(rows)
    wanted = tf.constant(targets, tf.float64)
    match name:
        case "binary_cross_entropy":
            rows = tf.nn.sigmoid_cross_entropy_with_logits(labels=wanted, logits=z)
        case "categorical_cross_entropy":
            rows = tf.nn.softmax_cross_entropy_with_logits(labels=wanted, logits=z)
        case "mean_squared_error":
            rows = tf.math.squared_difference(z, wanted)
        case "mean_absolute_error":
            rows = tf.abs(z - wanted)
        case other:
            raise ValueError(other)
    return tf.reduce_mean(rows)


def loss(question: dict[str, Any]) -> dict[str, Any]:
    z = tf.constant(question["logits"], tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(z)
        value = loss_of(question["loss"]["name"], z, question["targets"])
    return {
        "value": float(value.numpy()),
        "gradient": tape.gradient(value, z).numpy().tolist(),
    }


def gradient(question: dict[str, Any]) -> dict[str, Any]:
    """Return loss and gradient of a whole network, written with matrix products."""
    batch = question["batches"][0]
    weights = [
        [tf.constant(kernel, tf.float64), tf.constant(bias, tf.float64)]
        for kernel, bias in question["weights"]
    ]
    with tf.GradientTape() as tape:
        tape.watch(weights)
        x = tf.constant(batch["inputs"], tf.float64)
        for place, (kernel, bias) in enumerate(weights):
            x = tf.matmul(x, kernel) + bias
            x = ACTIVATIONS[question["activations"][place]](x, question["slopes"][place])
            if batch["masks"] and batch["masks"][place] is not None:
                x = x * tf.constant(batch["masks"][place], tf.float64)
        value = loss_of(question["loss"]["name"], x, batch["targets"])
    found = tape.gradient(value, weights)
    return {
        "loss": float(value.numpy()),
        "gradient": [[part.numpy().tolist() for part in layer] for layer in found],
    }


def main() -> None:
    asked = json.load(sys.stdin)
    minus_one = tf.constant(-1.0, tf.float64)
    answers = {
        "version": tf.__version__,
        "activations": {
            name: activation(name, asked["points"], slope)
            for name, slope in asked["activations"].items()
        },
        "losses": {name: loss(question) for name, question in asked["losses"].items()},
        "gradients": {name: gradient(question) for name, question in asked["networks"].items()},
        "gelu_of_one": float(tf.nn.gelu(-minus_one, approximate=False).numpy()),
        "selu_at_the_kink": activation("selu", [0.0])["derivative"][0],
        "leaky_relu_of_minus_one": float(tf.nn.leaky_relu(minus_one, alpha=0.01).numpy()),
    }
    json.dump(answers, sys.stdout)


main()

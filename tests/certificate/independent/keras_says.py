"""Keras' own answers, in float64, to the questions on standard input: no samenet in here.

With the TensorFlow backend it answers everything; with another one, what float64 is there.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

keras.config.set_floatx("float64")

ACTIVATIONS: dict[str, Callable[..., Any]] = {
    "identity": lambda z, slope: keras.activations.linear(z * 1),
    "sigmoid": lambda z, slope: keras.activations.sigmoid(z),
    "tanh": lambda z, slope: keras.activations.tanh(z),
    "relu": lambda z, slope: keras.activations.relu(z),
    "leaky_relu": lambda z, slope: keras.activations.leaky_relu(z, negative_slope=slope),
    "elu": lambda z, slope: keras.activations.elu(z),
    "selu": lambda z, slope: keras.activations.selu(z),
    "silu": lambda z, slope: keras.activations.silu(z),
    "softplus": lambda z, slope: keras.activations.softplus(z),
}


def loss_of(loss: dict[str, Any]) -> keras.losses.Loss:
    smooth = {"label_smoothing": loss["label_smoothing"]}
    match loss["name"]:
        case "binary_cross_entropy":
            return keras.losses.BinaryCrossentropy(from_logits=True, **smooth)
        case "categorical_cross_entropy":
            return keras.losses.CategoricalCrossentropy(from_logits=True, **smooth)
        case "sparse_categorical_cross_entropy":
            return keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        case "mean_squared_error":
            return keras.losses.MeanSquaredError()
        case "mean_absolute_error":
            return keras.losses.MeanAbsoluteError()
        case "huber":
            return keras.losses.Huber(delta=loss["delta"])
        case other:
            raise ValueError(other)


def optimizer(rule: dict[str, Any]) -> keras.optimizers.Optimizer:
    more = {
        "learning_rate": rule["learning_rate"],
        "weight_decay": rule["weight_decay"] or None,
        "global_clipnorm": rule["clip_norm"],
    }
    match rule["name"]:
        case "sgd":
            return keras.optimizers.SGD(
                momentum=rule["momentum"], nesterov=rule["nesterov"], **more
            )
        case "adam" | "adamw":
            kind = keras.optimizers.Adam if rule["name"] == "adam" else keras.optimizers.AdamW
            more |= {"beta_1": rule["beta1"], "beta_2": rule["beta2"]}
            return kind(epsilon=rule["epsilon"], **more)
        case "rmsprop":
            return keras.optimizers.RMSprop(rho=rule["rho"], epsilon=rule["epsilon"], **more)
        case "adagrad":
            return keras.optimizers.Adagrad(
                initial_accumulator_value=rule["initial_accumulator"],
                epsilon=rule["epsilon"],
                **more,
            )
        case other:
            raise ValueError(other)


def path(rule: dict[str, Any], rates: list[float], given: dict[str, Any]) -> list[list[float]]:
    """Return the weights after every step with given gradients and rates."""
    kernel = keras.Variable(np.array(given["kernel"]), dtype="float64")
    bias = keras.Variable(np.array(given["bias"]), dtype="float64")
    steps = optimizer(rule)
    steps.exclude_from_weight_decay(var_list=[bias])
    steps.build([kernel, bias])
    size, found = int(np.size(given["kernel"])), []
    for rate, gradient in zip(rates, given["gradients"], strict=True):
        steps.learning_rate = rate
        row = np.array(gradient)
        parts = [row[:size].reshape(kernel.shape), row[size:]]
        steps.apply([keras.ops.convert_to_tensor(part) for part in parts], [kernel, bias])
        found.append([*kernel.numpy().ravel().tolist(), *bias.numpy().tolist()])
    return found


def rates(schedule: dict[str, Any], rate: float) -> list[float]:
    """Return the rate of every step until the schedule ends; a Python float makes it float32."""
    rate = np.float64(rate)
    later = {
        "step": lambda: keras.optimizers.schedules.ExponentialDecay(
            rate, schedule["every"], schedule["drop"], staircase=True
        ),
        "exponential": lambda: keras.optimizers.schedules.ExponentialDecay(
            rate, schedule["every"], schedule["drop"]
        ),
        "cosine": lambda: keras.optimizers.schedules.CosineDecay(
            rate, schedule["steps"], alpha=schedule["final"]
        ),
    }[schedule["name"]]()
    return [float(later(step)) for step in range(schedule["steps"] + 1)]


def training(question: dict[str, Any]) -> dict[str, Any]:
    """Return what `fit` does to a Sequential of Dense layers, epoch by epoch."""
    model = keras.Sequential(
        [keras.Input((len(question["inputs"][0]),))]
        + [
            keras.layers.Dense(len(bias), activation=None if name == "identity" else name)
            for (_, bias), name in zip(question["weights"], question["activations"], strict=True)
        ]
    )
    model.set_weights([np.array(part) for layer in question["weights"] for part in layer])
    steps = optimizer(question["rule"])
    steps.exclude_from_weight_decay(var_names=["bias"])
    model.compile(optimizer=steps, loss=loss_of(question["loss"]))
    told = model.fit(
        np.array(question["inputs"]),
        np.array(question["targets"]),
        batch_size=question["batch_size"],
        epochs=question["epochs"],
        shuffle=False,
        verbose=0,
    )
    found = [part.tolist() for part in model.get_weights()]
    pairs = [found[place : place + 2] for place in range(0, len(found), 2)]
    return {"losses": told.history["loss"], "weights": pairs}


def everything(asked: dict[str, Any]) -> dict[str, Any]:
    """Answer with TensorFlow underneath, which also gives the derivatives."""
    import tensorflow as tf

    def derived(function: Callable[[Any], Any], point: Any) -> tuple[Any, Any]:
        z = tf.constant(point, tf.float64)
        with tf.GradientTape() as tape:
            tape.watch(z)
            value = function(z)
        return value.numpy().tolist(), tape.gradient(value, z).numpy().tolist()

    def activation(name: str, slope: float) -> dict[str, Any]:
        found = derived(lambda z: ACTIVATIONS[name](z, slope), asked["points"])
        return dict(zip(("value", "derivative"), found, strict=True))

    def loss(question: dict[str, Any]) -> dict[str, Any]:
        wanted, measure = np.array(question["targets"]), loss_of(question["loss"])
        found = derived(lambda z: measure(wanted, z), question["logits"])
        return dict(zip(("value", "gradient"), found, strict=True))

    return {
        "activations": {n: activation(n, slope) for n, slope in asked["activations"].items()},
        "losses": {name: loss(question) for name, question in asked["losses"].items()},
        "paths": {
            name: path(**question, given=asked["given"])
            for name, question in asked["rules"].items()
        },
        "rates": {name: rates(**question) for name, question in asked["schedules"].items()},
        "trainings": {name: training(question) for name, question in asked["trainings"].items()},
    }


def number(tensor: Any) -> float:
    return float(keras.ops.convert_to_numpy(tensor))


def float64_is() -> dict[str, Any]:
    """Tell what becomes of float64 numbers with this backend."""
    numbers = keras.ops.convert_to_tensor(np.array([[0.1, 0.2]]), dtype="float64")
    one = keras.ops.convert_to_tensor(1.0, dtype="float64")
    rate = keras.optimizers.schedules.CosineDecay(0.1, 8)(4)
    error = keras.losses.MeanSquaredError()(numbers, numbers * 2)
    return {
        "version": keras.__version__,
        "backend": keras.backend.backend(),
        "constant": number(keras.ops.cast(0.999, "float64")),
        "gelu_of_one": number(keras.activations.gelu(one, approximate=False)),
        "rate_dtype": keras.backend.standardize_dtype(rate.dtype),
        "result_type": keras.backend.result_type("float64", "float64"),
        "loss_dtype": keras.backend.standardize_dtype(error.dtype),
    }


def main() -> None:
    asked = json.load(sys.stdin)
    found = float64_is()
    if found["backend"] == "tensorflow":
        found |= everything(asked)
    json.dump(found, sys.stdout)


main()

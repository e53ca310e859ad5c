"""The truth: the same network in float64 NumPy, written from the formulas and nothing else.

It shares no code with any adapter (the numpy adapter included) and is itself checked by
complex-step and central differences in tests/certificate/test_oracle.py.
Arrays: rows B, layer widths n0 ... nL.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from samenet.adapter.arrays import Array, Dtype, Layer, Weights
from samenet.certificate.oracle.functions import (
    SPEC,
    delta_terms,
    derivative,
    mean_loss,
    value,
)
from samenet.certificate.oracle.optimizers import Updater
from samenet.spec.network import Network
from samenet.spec.training import Forms, Loss, TrainSpec


class Batch(NamedTuple):
    """One step's rows: inputs (B, n0), targets, and a mask (B, n) or None per layer, or nothing."""

    inputs: Array
    targets: Array
    masks: Sequence[Array | None] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Gradient:
    """One batch: its mean loss before the update, and the gradient."""

    loss: float
    gradient: list[Layer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trajectory:
    """A training: the mean loss before each step (steps,), and weights after chosen steps."""

    losses: NDArray[np.float64]
    snapshots: Mapping[int, Weights]
    final: Weights


class ForwardPass(NamedTuple):
    """What a forward pass leaves: weighted sums, what entered each layer, slopes on the way back.

    A slope is the derivative of the activation times the mask: d entered[i + 1] / d sums[i].
    """

    sums: list[Array]
    entered: list[Array]
    slopes: list[Array]


Multiply = Callable[[Array, Array], Array]
"""A matrix product: NumPy's own, or one that rounds as some device does."""


def forward(
    network: Network,
    weights: Weights,
    inputs: Array,
    masks: Sequence[Array | None] = (),
    multiply: Multiply = np.matmul,
    forms: Forms = SPEC,
) -> ForwardPass:
    """Return what the layers do to a batch, first to last, in the precision of the weights."""
    passed = ForwardPass([], [np.asarray(inputs)], [])
    last = len(network.layers) - 1
    for place, (spec, layer) in enumerate(zip(network.layers, weights, strict=True)):
        z = multiply(passed.entered[-1], layer.kernel) + layer.bias
        passed.sums.append(z)
        if place == last:
            break
        after, slope = value(spec.activation, z), derivative(spec.activation, z, forms)
        if masks and (mask := masks[place]) is not None:
            after, slope = after * mask.astype(z.dtype), slope * mask.astype(z.dtype)
        passed.entered.append(after.astype(z.dtype, copy=False))
        passed.slopes.append(slope.astype(z.dtype, copy=False))
    return passed


def outputs(network: Network, weights: Weights, inputs: Array) -> Array:
    """Return the linear outputs: (rows, outputs)."""
    entered = np.asarray(inputs)
    for spec, layer in zip(network.layers, weights, strict=True):
        z = entered @ layer.kernel + layer.bias
        entered = value(spec.activation, z)
    return z


def gradient(
    network: Network,
    loss: Loss,
    weights: Weights,
    batch: Batch,
    multiply: Multiply = np.matmul,
    forms: Forms = SPEC,
) -> Gradient:
    """Return mean loss and gradient of one batch by the chain rule."""
    passed = _entered(network, weights, batch, multiply, forms)
    return Gradient(
        loss=mean_loss(loss, passed.sums[-1], batch.targets),
        gradient=_from_outputs(loss, weights, passed, batch, multiply, forms),
    )


def gradient_alone(
    network: Network,
    loss: Loss,
    weights: Weights,
    batch: Batch,
    multiply: Multiply = np.matmul,
    forms: Forms = SPEC,
) -> list[Layer]:
    """Return the gradient of one batch without its loss, which takes a fifth of the time."""
    passed = _entered(network, weights, batch, multiply, forms)
    return _from_outputs(loss, weights, passed, batch, multiply, forms)


def _entered(
    network: Network, weights: Weights, batch: Batch, multiply: Multiply, forms: Forms
) -> ForwardPass:
    inputs = batch.inputs.astype(weights[0].kernel.dtype, copy=False)
    return forward(network, weights, inputs, batch.masks, multiply, forms)


def _from_outputs(
    loss: Loss,
    weights: Weights,
    passed: ForwardPass,
    batch: Batch,
    multiply: Multiply,
    forms: Forms,
) -> list[Layer]:
    predicted, wanted = delta_terms(loss, passed.sums[-1], batch.targets, forms)
    delta = (predicted - wanted).astype(weights[0].kernel.dtype)
    return _backward(weights, passed, delta, multiply)


def _backward(
    weights: Weights, passed: ForwardPass, delta: Array, multiply: Multiply
) -> list[Layer]:
    """Go from the last layer to the first; delta (B, nL) is the gradient by the linear outputs."""
    found: list[Layer] = []
    for index in range(len(weights) - 1, -1, -1):
        found.append(Layer(multiply(passed.entered[index].T, delta), np.sum(delta, axis=0)))
        if index:
            delta = multiply(delta, weights[index].kernel.T) * passed.slopes[index - 1]
    return found[::-1]


def magnitude(network: Network, loss: Loss, weights: Weights, batch: Batch) -> list[Layer]:
    """Return the scale that rounding errors of the gradient are measured by.

    It is the chain rule without cancellation: prediction and target count with their absolute
    values, and so does every row of the batch; on the way down, independent errors add in squares
    (Higham & Mary 2019). Where terms cancel the gradient is small, its rounding error is not.
    """
    passed = forward(network, weights, batch.inputs.astype(np.float64), batch.masks)
    predicted, wanted = delta_terms(loss, passed.sums[-1], batch.targets)
    scale = np.abs(predicted) + np.abs(wanted)
    found: list[Layer] = []
    for index in range(len(weights) - 1, -1, -1):
        found.append(Layer(np.abs(passed.entered[index]).T @ scale, np.sum(scale, axis=0)))
        if index:
            squares = scale**2 @ (weights[index].kernel ** 2).T
            scale = np.sqrt(squares) * np.abs(passed.slopes[index - 1])
    return found[::-1]


def kink_margin(network: Network, loss: Loss, weights: Weights, batch: Batch) -> float:
    """Return how near to a kink this batch comes: the smallest |z| / (|x| @ |kernel| + |bias|).

    A sum whose every term is 0 is exactly 0 in any arithmetic, and is no risk. Only layers with a
    kinked activation count, and the residuals of a mean absolute error. Infinite if nothing has a
    kink.
    """
    passed = forward(network, weights, batch.inputs.astype(np.float64), batch.masks)
    found = [np.inf]
    for spec, layer, x, z in zip(network.layers, weights, passed.entered, passed.sums, strict=True):
        if spec.activation.name in KINKED:
            found.append(_nearest(z, np.abs(x) @ np.abs(layer.kernel) + np.abs(layer.bias)))
    if loss.name == "mean_absolute_error":
        z = passed.sums[-1]
        found.append(_nearest(z - batch.targets, np.abs(z) + np.abs(batch.targets)))
    return float(min(found))


KINKED = ("relu", "leaky_relu", "selu")
"""Their derivative jumps at 0."""


def _nearest(values: Array, scale: Array) -> float:
    rounded = scale > 0
    return float(np.min(np.abs(values[rounded]) / scale[rounded], initial=np.inf))


def trajectory(  # noqa: PLR0913 - a training is all of these
    network: Network,
    training: TrainSpec,
    weights: Weights,
    batches: Sequence[Batch],
    *,
    forms: Forms,
    dtype: Dtype = "float64",
    snapshots: Sequence[int] = (),
    multiply: Multiply = np.matmul,
    decay_as_factor: bool = False,
) -> Trajectory:
    """Train on the batches in order; `snapshots` names steps (1 = after the first update).

    In float32, or with products that round, it is one realisation of such rounding, and no truth.
    """
    current: Weights = [Layer(w.kernel.astype(dtype), w.bias.astype(dtype)) for w in weights]
    updater = Updater(training, forms, current, decay_as_factor=decay_as_factor)
    losses, kept = [], {}
    for step, batch in enumerate(batches, start=1):
        found = gradient(network, training.loss, current, batch, multiply, forms)
        losses.append(found.loss)
        current = unflatten(updater.step(flatten(found.gradient), step), current)
        if step in snapshots:
            kept[step] = current
    return Trajectory(losses=np.array(losses), snapshots=kept, final=current)


def disturb(weights: Weights, size: float, pattern: int = 0) -> list[Layer]:
    """Return the weights with every kernel number moved by +-size relative, in a fixed pattern.

    The signs are the same on every machine.
    """
    return [
        Layer(w.kernel * (1 + size * _signs(w.kernel.shape, pattern)), w.bias.astype(np.float64))
        for w in weights
    ]


def _signs(shape: tuple[int, ...], pattern: int) -> Array:
    turns = np.arange(int(np.prod(shape))) * (2.399963 + 0.7 * pattern)
    return np.where(np.cos(turns) > 0, 1.0, -1.0).reshape(shape)


def distance(weights: Weights, truth: Weights) -> float:
    """Return the relative L2 distance over all kernels and biases together."""
    difference, norm = (
        flatten_float64(weights) - flatten_float64(truth),
        np.linalg.norm(flatten_float64(truth)),
    )
    return float(np.linalg.norm(difference) / norm)


def flatten(weights: Weights) -> Array:
    """Return all numbers as one vector of their own precision: layer by layer, kernel, bias."""
    return np.concatenate([part.ravel() for layer in weights for part in layer])


def flatten_float64(weights: Weights) -> NDArray[np.float64]:
    """Return all numbers as one float64 vector."""
    return flatten(weights).astype(np.float64)


def unflatten(vector: Array, like: Weights) -> list[Layer]:
    """Return the vector cut back into layers of the given shapes."""
    layers, place = [], 0
    for kernel, bias in like:
        middle, end = place + kernel.size, place + kernel.size + bias.size
        layers.append(Layer(vector[place:middle].reshape(kernel.shape), vector[middle:end]))
        place = end
    return layers

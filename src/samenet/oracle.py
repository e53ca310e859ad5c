"""The truth: the same network in float64 NumPy, written from the formulas and nothing else.

It shares no code with any adapter (the numpy adapter included) and is itself checked by
complex-step and central differences in tests/test_oracle.py.
Arrays: rows B, layer widths n0 ... nL.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from samenet.adapter import Array, Layer, Weights
from samenet.oracle_functions import delta_terms, derivative, mean_loss, value
from samenet.spec import SGD, Adam, Network, TrainSpec

AdamForm = Literal["standard", "epsilon_hat"]


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


def forward(network: Network, weights: Weights, inputs: Array) -> tuple[list[Array], list[Array]]:
    """Return the weighted sums of each layer and what entered it, first to last."""
    sums: list[Array] = []
    entered = [np.asarray(inputs)]
    for spec, layer in zip(network.layers, weights, strict=True):
        sums.append(entered[-1] @ layer.kernel + layer.bias)
        entered.append(value(spec.activation, sums[-1]))
    return sums, entered[:-1]


def outputs(network: Network, weights: Weights, inputs: Array) -> Array:
    """Return the linear outputs: (rows, outputs)."""
    return forward(network, weights, inputs)[0][-1]


def gradient(
    network: Network, loss: str, weights: Weights, inputs: Array, targets: Array
) -> Gradient:
    """Return mean loss and gradient of one batch by the chain rule."""
    sums, entered = forward(network, weights, inputs.astype(np.float64))
    slopes = _slopes(network, sums)
    predicted, wanted = delta_terms(loss, sums[-1], targets)
    return Gradient(
        loss=mean_loss(loss, sums[-1], targets),
        gradient=_backward(weights, entered, slopes, predicted - wanted),
    )


def magnitude(
    network: Network, loss: str, weights: Weights, inputs: Array, targets: Array
) -> list[Layer]:
    """Return the scale that rounding errors of the gradient are measured by.

    It is the chain rule without cancellation: prediction and target count with their absolute
    values, and so does every row of the batch; on the way down, independent errors add in squares
    (Higham & Mary 2019). Where terms cancel the gradient is small, its rounding error is not.
    """
    sums, entered = forward(network, weights, inputs.astype(np.float64))
    predicted, wanted = delta_terms(loss, sums[-1], targets)
    scale, slopes = np.abs(predicted) + np.abs(wanted), _slopes(network, sums)
    found: list[Layer] = []
    for index in range(len(weights) - 1, -1, -1):
        found.append(Layer(np.abs(entered[index]).T @ scale, np.sum(scale, axis=0)))
        if index:
            squares = scale**2 @ (weights[index].kernel ** 2).T
            scale = np.sqrt(squares) * np.abs(slopes[index - 1])
    return found[::-1]


def _slopes(network: Network, sums: Sequence[Array]) -> list[Array]:
    hidden = zip(network.layers[:-1], sums[:-1], strict=True)
    return [derivative(layer.activation, z) for layer, z in hidden]


def _backward(
    weights: Weights, entered: Sequence[Array], slopes: Sequence[Array], delta: Array
) -> list[Layer]:
    """Go from the last layer to the first; delta (B, nL) is the gradient by the linear outputs."""
    found: list[Layer] = []
    for index in range(len(weights) - 1, -1, -1):
        found.append(Layer(entered[index].T @ delta, np.sum(delta, axis=0)))
        if index:
            delta = (delta @ weights[index].kernel.T) * slopes[index - 1]
    return found[::-1]


def trajectory(
    network: Network,
    training: TrainSpec,
    weights: Weights,
    batches: Sequence[tuple[Array, Array]],
    *,
    adam_form: AdamForm = "standard",
    snapshots: Sequence[int] = (),
) -> Trajectory:
    """Train on the batches in order; `snapshots` names steps (1 = after the first update)."""
    current = [Layer(w.kernel.astype(np.float64), w.bias.astype(np.float64)) for w in weights]
    update = _updater(training, adam_form)
    losses, kept = [], {}
    for step, (inputs, targets) in enumerate(batches, start=1):
        found = gradient(network, training.loss, current, inputs, targets)
        losses.append(found.loss)
        current = update(current, found.gradient, step)
        if step in snapshots:
            kept[step] = current
    return Trajectory(losses=np.array(losses), snapshots=kept, final=current)


def growth(
    network: Network,
    training: TrainSpec,
    weights: Weights,
    batches: Sequence[tuple[Array, Array]],
    final: Weights,
) -> float:
    """Return G >= 1: by how much this training amplifies a relative disturbance of 1e-9.

    The disturbance has a fixed pattern of signs, so the figure is the same on every machine.
    """
    moved_start = disturbed(weights, 1e-9)
    moved = trajectory(network, training, moved_start, batches).final
    return max(1.0, distance(moved, final) / distance(moved_start, weights))


def disturbed(weights: Weights, size: float, pattern: int = 0) -> list[Layer]:
    """Return the weights with every kernel number moved by +-size relative, in a fixed pattern."""
    return [
        Layer(w.kernel * (1 + size * _signs(w.kernel.shape, pattern)), w.bias.astype(np.float64))
        for w in weights
    ]


def _signs(shape: tuple[int, ...], pattern: int) -> Array:
    turns = np.arange(int(np.prod(shape))) * (2.399963 + 0.7 * pattern)
    return np.where(np.cos(turns) > 0, 1.0, -1.0).reshape(shape)


def distance(weights: Weights, truth: Weights) -> float:
    """Return the relative L2 distance over all kernels and biases together."""
    difference, norm = flat(weights) - flat(truth), np.linalg.norm(flat(truth))
    return float(np.linalg.norm(difference) / norm)


def flat(weights: Weights) -> NDArray[np.float64]:
    """Return all numbers as one float64 vector."""
    parts = [np.concatenate([w.kernel.ravel(), w.bias.ravel()]) for w in weights]
    return np.concatenate(parts).astype(np.float64)


class _Sgd:
    """samenet.spec.SGD."""

    def __init__(self, spec: SGD) -> None:
        self.spec = spec
        self.buffer: Array | float = 0.0

    def direction(self, gradient: Array, step: int) -> Array:
        del step
        self.buffer = self.spec.momentum * self.buffer + gradient
        if self.spec.nesterov:
            return self.spec.learning_rate * (gradient + self.spec.momentum * self.buffer)
        return self.spec.learning_rate * self.buffer


class _Adam:
    """samenet.spec.Adam, both forms."""

    def __init__(self, spec: Adam, form: AdamForm) -> None:
        self.spec, self.form = spec, form
        self.m: Array | float = 0.0
        self.v: Array | float = 0.0

    def direction(self, gradient: Array, step: int) -> Array:
        beta1, beta2 = self.spec.beta1, self.spec.beta2
        self.m = beta1 * self.m + (1 - beta1) * gradient
        self.v = beta2 * self.v + (1 - beta2) * gradient**2
        first, second = 1 - beta1**step, 1 - beta2**step
        if self.form == "standard":
            root = np.sqrt(self.v / second) + self.spec.epsilon
            return self.spec.learning_rate * (self.m / first) / root
        rate = self.spec.learning_rate * np.sqrt(second) / first
        return rate * self.m / (np.sqrt(self.v) + self.spec.epsilon)


class _Updater:
    """Apply one rule to all parameters as a single vector."""

    def __init__(self, rule: _Sgd | _Adam) -> None:
        self.rule = rule

    def __call__(self, weights: Weights, gradients: Weights, step: int) -> list[Layer]:
        new = flat(weights) - self.rule.direction(flat(gradients), step)
        return unflatten(new, weights)


def unflatten(vector: Array, like: Weights) -> list[Layer]:
    """Return the vector cut back into layers of the given shapes."""
    layers, place = [], 0
    for kernel, bias in like:
        middle, end = place + kernel.size, place + kernel.size + bias.size
        layers.append(Layer(vector[place:middle].reshape(kernel.shape), vector[middle:end]))
        place = end
    return layers


def _updater(training: TrainSpec, adam_form: AdamForm) -> _Updater:
    spec = training.optimizer
    return _Updater(_Sgd(spec) if isinstance(spec, SGD) else _Adam(spec, adam_form))

"""The truth: the same network in float64 NumPy, written from the formulas and nothing else.

It shares no code with any adapter (the numpy adapter included) and is itself checked by
complex-step and central differences in tests/certificate/test_oracle.py.
The loop over the layers is here; what each kind computes, forward and back, in operations.
Arrays: rows B, then the shape of one row.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from samenet._random import make_generator
from samenet.adapter.arrays import Array, Dtype, Layer, Weights
from samenet.certificate.oracle.functions import (
    delta_terms,
    derivative,
    mean_loss,
    value,
)
from samenet.certificate.oracle.operations import OPERATIONS
from samenet.certificate.oracle.optimizers import Updater
from samenet.certificate.oracle.setting import Multiply, Setting, add_down
from samenet.certificate.oracle.windows import margin
from samenet.spec.layers import Place
from samenet.spec.network import Network
from samenet.spec.training import Forms, Loss, TrainSpec

IN_TRAINING = Setting()
IN_USE = Setting(training=False)


class Batch(NamedTuple):
    """One step's rows: inputs (B, ...), targets, and a mask or None per place, or nothing."""

    inputs: Array
    targets: Array
    masks: Sequence[Array | None] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Gradient:
    """One batch: its mean loss before the update, and the gradient."""

    loss: float
    gradient: list[Layer]
    state: dict[int, dict[str, Array]]
    """The statistics that batch norms keep from now on, by the place's number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trajectory:
    """A training: the mean loss before each step (steps,), and weights after chosen steps."""

    losses: NDArray[np.float64]
    snapshots: Mapping[int, Weights]
    final: Weights


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardPass:
    """What a forward pass leaves, one entry for each of `Network.places`."""

    sums: list[Array]
    """What each place computed, before its activation; the last are the linear outputs."""
    entered: list[Array]
    """What entered each place."""
    slopes: list[Array]
    """The derivative of the activation times the mask; of the last place there is none."""
    kept: list[Any]
    """What each operation needs on the way back."""
    state: dict[int, dict[str, Array]]
    """The new statistics of batch norms, by the place's number."""


def forward(
    network: Network,
    weights: Weights,
    inputs: Array,
    masks: Sequence[Array | None] = (),
    setting: Setting = IN_TRAINING,
) -> ForwardPass:
    """Return what the layers do to a batch, first to last, in the precision of the weights."""
    x = np.asarray(inputs)
    passed = ForwardPass(sums=[], entered=[], slopes=[], kept=[], state={})
    stack: list[Array] = []
    for number, (place, layer) in enumerate(zip(network.places, weights, strict=True)):
        passed.entered.append(x)
        z, kept = x, None
        state: dict[str, Array] = {}
        if place.kind == "fork":
            stack.append(x)
        elif place.kind == "join":
            z = x + stack.pop()
        elif place.kind in OPERATIONS:
            z, kept, state = OPERATIONS[place.kind].forward(place, layer, x, setting)
        passed.sums.append(z)
        passed.kept.append(kept)
        if state:
            passed.state[number] = state
        if number == len(network.places) - 1:
            break
        x, slope = _activated(place, z, masks[number] if masks else None, setting.forms)
        passed.slopes.append(slope)
    return passed


def _activated(place: Place, z: Array, mask: Array | None, forms: Forms) -> tuple[Array, Array]:
    """Return what leaves a place, and by what a gradient is multiplied on its way back."""
    if place.activation.name == "identity":
        after, slope = z, np.ones((), z.dtype)
    else:
        after = value(place.activation, z).astype(z.dtype, copy=False)
        slope = derivative(place.activation, z, forms).astype(z.dtype, copy=False)
    if mask is None:
        return after, slope
    kept = mask.astype(z.dtype)
    return after * kept, slope * kept


def outputs(network: Network, weights: Weights, inputs: Array, setting: Setting = IN_USE) -> Array:
    """Return the linear outputs in use: no dropout, the kept statistics. (rows, outputs).

    Rows do not depend on each other; windows of all rows at once would fill the memory.
    """
    if network.is_dense:
        return forward(network, weights, inputs, setting=setting).sums[-1]
    blocks = np.split(inputs, range(BLOCK_ROWS, len(inputs), BLOCK_ROWS))
    return np.concatenate([forward(network, weights, b, setting=setting).sums[-1] for b in blocks])


BLOCK_ROWS = 64


def gradient(
    network: Network,
    loss: Loss,
    weights: Weights,
    batch: Batch,
    setting: Setting = IN_TRAINING,
) -> Gradient:
    """Return mean loss and gradient of one batch by the chain rule."""
    passed = _entered(network, weights, batch, setting)
    return Gradient(
        loss=mean_loss(loss, passed.sums[-1], batch.targets),
        gradient=_from_outputs(network, loss, weights, passed, batch, setting),
        state=passed.state,
    )


def gradient_alone(
    network: Network,
    loss: Loss,
    weights: Weights,
    batch: Batch,
    setting: Setting = IN_TRAINING,
) -> Gradient:
    """Return the gradient of one batch; its loss, NaN here, would take a fifth of the time."""
    passed = _entered(network, weights, batch, setting)
    found = _from_outputs(network, loss, weights, passed, batch, setting)
    return Gradient(loss=math.nan, gradient=found, state=passed.state)


def _entered(network: Network, weights: Weights, batch: Batch, setting: Setting) -> ForwardPass:
    inputs = batch.inputs
    if not network.vocabulary:
        inputs = inputs.astype(_dtype(weights), copy=False)
    return forward(network, weights, inputs, batch.masks, setting)


def _dtype(weights: Weights) -> np.dtype[Any]:
    return next(array.dtype for layer in weights for array in layer.values())


def _from_outputs(
    network: Network,
    loss: Loss,
    weights: Weights,
    passed: ForwardPass,
    batch: Batch,
    setting: Setting,
) -> list[Layer]:
    predicted, wanted = delta_terms(loss, passed.sums[-1], batch.targets, setting.forms)
    delta = (predicted - wanted).astype(_dtype(weights))
    return backward(network, weights, passed, delta, setting)


def backward(
    network: Network, weights: Weights, passed: ForwardPass, delta: Array, setting: Setting
) -> list[Layer]:
    """Go from the last place to the first; `delta` is the gradient by the linear outputs.

    What is not trained has a gradient of zeros.
    """
    found: list[Layer] = []
    stack: list[Array] = []
    for number in range(len(network.places) - 1, -1, -1):
        place, layer = network.places[number], weights[number]
        if number < len(passed.slopes):
            delta = delta * passed.slopes[number]
        gradients: dict[str, Array] = {}
        if place.kind == "join":
            stack.append(delta)
        elif place.kind == "fork":
            delta = delta + stack.pop()
        elif place.kind in OPERATIONS:
            operation = OPERATIONS[place.kind]
            before, gradients = operation.backward(
                place, layer, passed.kept[number], delta, setting
            )
            delta = delta if before is None else before  # nothing goes on below token numbers
        found.append(
            Layer(**{name: gradients.get(name, np.zeros_like(layer[name])) for name in layer})
        )
    return found[::-1]


DRAWS = 4
NOISE = 2.0**-30


def magnitude(network: Network, loss: Loss, weights: Weights, batch: Batch) -> Array:
    """Return the scale of each number of the gradient that its rounding error is measured by.

    Of dense layers it is the chain rule without cancellation: prediction and target count with
    their absolute values, and so does every row of the batch; on the way down, independent errors
    add in squares (Higham & Mary 2019). Where terms cancel the gradient is small, its rounding
    error is not. Of other layers it is measured: how far the number moves, per unit, if every
    product and sum is off by a small share of its absolute terms; the farthest of four draws.
    """
    if network.is_dense:
        return _dense_magnitude(network, loss, weights, batch)
    exact = flatten(gradient_alone(network, loss, weights, batch).gradient)
    moved = []
    for draw in range(DRAWS):
        noise = _Noise(draw)
        noisy = Setting(multiply=noise.multiply, add=noise.add)
        start = disturb(weights, NOISE, draw)
        found = flatten(gradient_alone(network, loss, start, batch, noisy).gradient)
        moved.append(np.abs(found - exact) / NOISE)
    found_scale: Array = np.max(moved, axis=0)
    return found_scale


def outputs_magnitude(network: Network, weights: Weights, inputs: Array) -> float:
    """Return the norm that rounding errors of the outputs are measured by.

    Measured as that of a gradient is: how far the outputs move, per unit, if every product is off
    by a small share of its absolute terms. Where terms cancel it is longer than the outputs are.
    """
    exact = outputs(network, weights, inputs)
    moved = []
    for draw in range(DRAWS_OF_OUTPUTS):
        noise = _Noise(draw)
        noisy = Setting(multiply=noise.multiply, add=noise.add, training=False)
        found = outputs(network, disturb(weights, NOISE, draw), inputs, noisy)
        moved.append(float(np.linalg.norm(found - exact)) / NOISE)
    return max(moved)


DRAWS_OF_OUTPUTS = 2
"""Fewer than of a gradient: a norm over thousands of rows hardly differs from draw to draw."""


class _Noise:
    """Products and sums off by NOISE times the sum of their absolute terms, signs at random."""

    def __init__(self, draw: int) -> None:
        self.draw = make_generator("noisy products", draw)

    def multiply(self, left: Array, right: Array) -> Array:
        return self.moved(np.matmul(left, right), np.matmul(np.abs(left), np.abs(right)))

    def add(self, rows: Array) -> Array:
        return self.moved(add_down(rows), add_down(np.abs(rows)))

    def moved(self, exact: Array, size: Array) -> Array:
        return exact + self.draw.choice([-NOISE, NOISE], size=size.shape) * size


def _dense_magnitude(network: Network, loss: Loss, weights: Weights, batch: Batch) -> Array:
    passed = forward(network, weights, batch.inputs.astype(np.float64), batch.masks)
    predicted, wanted = delta_terms(loss, passed.sums[-1], batch.targets)
    scale = np.abs(predicted) + np.abs(wanted)
    found: list[Layer] = []
    for index in range(len(weights) - 1, -1, -1):
        found.append(Layer(np.abs(passed.entered[index]).T @ scale, np.sum(scale, axis=0)))
        if index:
            squares = scale**2 @ (weights[index].kernel ** 2).T
            scale = np.sqrt(squares) * np.abs(passed.slopes[index - 1])
    return flatten(found[::-1])


def kink_margin(network: Network, loss: Loss, weights: Weights, batch: Batch) -> float:
    """Return how near to a kink this batch comes: the smallest |z| / (|x| @ |kernel| + |bias|).

    A sum whose every term is 0 is exactly 0 in any arithmetic, and is no risk. Only layers with a
    kinked activation count, max pools, by how much the largest number of a window leads, relative
    to the largest of all, and the residuals of a mean absolute error. Exact ties do not count: they
    are one number seen twice, or zeros of a ReLU. Infinite if nothing has a kink.
    """
    inputs = batch.inputs if network.vocabulary else batch.inputs.astype(np.float64)
    passed = forward(network, weights, inputs, batch.masks)
    found = [np.inf]
    for number, place in enumerate(network.places):
        layer, x, z = weights[number], passed.entered[number], passed.sums[number]
        if place.activation.name in KINKED:
            found.append(_nearest(z, _terms(place, layer, x)))
        if place.kind in ("max_pool", "global_max_pool"):
            leads = margin(place, passed.kept[number])
            found.append(_nearest(leads[leads > 0], np.max(np.abs(x))))
    if loss.name == "mean_absolute_error":
        z = passed.sums[-1]
        found.append(_nearest(z - batch.targets, np.abs(z) + np.abs(batch.targets)))
    return float(min(found))


def _terms(place: Place, layer: Layer, x: Array) -> Array:
    """Return the sum of the absolute terms of every weighted sum."""
    if place.kind == "activation":
        return np.full_like(x, np.max(np.abs(x)))
    return OPERATIONS[place.kind].forward(place, layer.map(np.abs), np.abs(x), IN_TRAINING)[0]


KINKED = ("relu", "leaky_relu", "selu")
"""Their derivative jumps at 0."""


def _nearest(values: Array, scale: Array) -> float:
    scale = np.broadcast_to(scale, values.shape)
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
    current: Weights = [layer.map(lambda array: array.astype(dtype)) for layer in weights]
    updater = Updater(network, training, forms, current, decay_as_factor=decay_as_factor)
    setting = Setting(multiply=multiply, forms=forms)
    losses, kept = [], {}
    for step, batch in enumerate(batches, start=1):
        found = gradient(network, training.loss, current, batch, setting)
        losses.append(found.loss)
        current = stepped(updater, found, current, step)
        if step in snapshots:
            kept[step] = current
    return Trajectory(losses=np.array(losses), snapshots=kept, final=current)


def stepped(updater: Updater, found: Gradient, current: Weights, step: int) -> list[Layer]:
    """Return the weights after step 1, 2, ..., and the state that the forward pass left."""
    after = unflatten(updater.step(flatten(found.gradient), step), current)
    if found.state:
        for number, state in found.state.items():
            after[number] = Layer(**{**after[number], **state})
        updater.started(after)
    return after


NOT_KERNELS = frozenset({"bias", "offset", "scale", "mean", "variance"})


def disturb(weights: Weights, size: float, pattern: int = 0) -> list[Layer]:
    """Return the weights with every kernel number moved by +-size relative, in a fixed pattern.

    The signs are the same on every machine. Biases, scales and statistics stay.
    """
    return [
        Layer(
            **{
                name: array.astype(np.float64)
                if name in NOT_KERNELS
                else array * (1 + size * _signs(array.shape, pattern))
                for name, array in layer.items()
            }
        )
        for layer in weights
    ]


def _signs(shape: tuple[int, ...], pattern: int) -> Array:
    turns = np.arange(int(np.prod(shape))) * (2.399963 + 0.7 * pattern)
    return np.where(np.cos(turns) > 0, 1.0, -1.0).reshape(shape)


def distance(weights: Weights, truth: Weights, chosen: NDArray[np.bool_] | None = None) -> float:
    """Return the relative L2 distance over all numbers together, or over the chosen ones.

    What is trained and what batch norms keep are looked at apart: the longer hides the other.
    """
    found, exact = flatten_float64(weights), flatten_float64(truth)
    if chosen is not None:
        found, exact = found[chosen], exact[chosen]
    return float(np.linalg.norm(found - exact) / np.linalg.norm(exact))


def trained(network: Network) -> NDArray[np.bool_]:
    """Return which numbers of the flattened weights are trained, and not kept statistics."""
    return np.concatenate(
        [
            np.full(found.size, found.is_trained)
            for place in network.places
            for found in place.parameters.values()
        ]
    )


def decayed(network: Network) -> NDArray[np.bool_]:
    """Return which numbers of the flattened weights a penalty or a decay acts on."""
    return np.concatenate(
        [
            np.full(found.size, found.is_decayed)
            for place in network.places
            for found in place.parameters.values()
        ]
    )


def flatten(weights: Weights) -> Array:
    """Return all numbers as one vector of their own precision: place by place, name by name."""
    return np.concatenate([part.ravel() for layer in weights for part in layer.values()])


def flatten_float64(weights: Weights) -> NDArray[np.float64]:
    """Return all numbers as one float64 vector."""
    return flatten(weights).astype(np.float64)


def unflatten(vector: Array, like: Weights) -> list[Layer]:
    """Return the vector cut back into layers of the given shapes."""
    layers, start = [], 0
    for layer in like:
        parts = {}
        for name, array in layer.items():
            parts[name] = vector[start : start + array.size].reshape(array.shape)
            start += array.size
        layers.append(Layer(**parts))
    return layers

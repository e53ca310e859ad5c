"""Layers that go along a sequence step by step: simple_rnn, lstm, gru.

B rows, T steps, D features, H units, G gates side by side. Every layer is three parts: the products
of all steps' inputs at once, a loop over the steps from h = 0, and on the way back the same in
reverse (backpropagation through time, Werbos 1990). h is (B, H) at one step.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from samenet.adapter.arrays import Array, Layer
from samenet.certificate.oracle.functions import derivative, logistic
from samenet.certificate.oracle.setting import Arrays, Operation, Setting
from samenet.spec.layers import Activation, Place

SIGMOID, TANH = Activation(name="sigmoid"), Activation(name="tanh")


class _Kept(NamedTuple):
    """What a forward pass leaves, every array with the steps as its first axis."""

    x: Array
    """(T, B, D)."""
    before: Array
    """h before each step, (T, B, H): at the first it is 0."""
    sums: Array
    """What the gates' functions were applied to, (T, B, G H)."""
    more: tuple[Array, ...] = ()
    """What only this kind needs, (T, B, H) each."""


def _inputs(weights: Layer, x: Array, bias: Array | None, setting: Setting) -> tuple[Array, Array]:
    """Return x with the steps first, and x K + b of all steps, (T, B, G H)."""
    batch, steps, features = x.shape
    first = np.ascontiguousarray(x.swapaxes(0, 1))
    products = setting.multiply(first.reshape(steps * batch, features), weights["kernel"])
    if bias is not None:
        products = products + bias
    return first, products.reshape(steps, batch, -1)


def _outputs(place: Place, states: Array) -> Array:
    """Return h of every step, or of the last: (T, B, H) -> (B, T, H) or (B, H)."""
    layer: Any = place.layer
    return np.ascontiguousarray(states.swapaxes(0, 1)) if layer.sequences else states[-1]


def _shifted(states: Array) -> Array:
    """Return the states before each step: 0 first, the last one left out."""
    return np.concatenate([np.zeros_like(states[:1]), states[:-1]])


def _deltas(place: Place, delta: Array, steps: int) -> Array:
    """Return the gradient by h of each step as it comes from above, (T, B, H)."""
    layer: Any = place.layer
    if layer.sequences:
        return delta.swapaxes(0, 1)
    found = np.zeros((steps, *delta.shape), delta.dtype)
    found[-1] = delta
    return found


def _by_weights(
    weights: Layer, kept: _Kept, by_inputs: Array, by_products: Array, setting: Setting
) -> tuple[Array, Arrays]:
    """Return the gradients by x, kernel and recurrent from those by x K and by h R, (T, B, G H)."""
    by_x_rows, by_h_rows = (part.reshape(-1, part.shape[-1]) for part in (by_inputs, by_products))
    x_rows, h_rows = (part.reshape(-1, part.shape[-1]) for part in (kept.x, kept.before))
    found = {
        "kernel": setting.multiply(x_rows.T, by_x_rows),
        "recurrent": setting.multiply(h_rows.T, by_h_rows),
    }
    by_x = setting.multiply(by_x_rows, weights["kernel"].T).reshape(kept.x.shape)
    return np.ascontiguousarray(by_x.swapaxes(0, 1)), found


def _simple_rnn(
    place: Place, weights: Layer, x: Array, setting: Setting
) -> tuple[Array, _Kept, Arrays]:
    """Give h = tanh(x K + h R + b): x (B, T, D), K (D, H), R (H, H), b (H,). Elman 1990."""
    first, inputs = _inputs(weights, x, weights.get("bias"), setting)
    h = np.zeros_like(inputs[0])
    sums, states = np.empty_like(inputs), np.empty_like(inputs)
    for step, from_x in enumerate(inputs):
        sums[step] = from_x + setting.multiply(h, weights["recurrent"])
        h = states[step] = np.tanh(sums[step])
    return _outputs(place, states), _Kept(first, _shifted(states), sums), {}


def _simple_rnn_back(
    place: Place, weights: Layer, kept: _Kept, delta: Array, setting: Setting
) -> tuple[Array, Arrays]:
    """Go from the last step to the first.

    by z = x K + h R + b: (delta + what the step after sends) tanh'(z); to the step before: that R'.
    """
    back = weights["recurrent"].T
    slopes, deltas = derivative(TANH, kept.sums), _deltas(place, delta, len(kept.x))
    by_sums, later = np.empty_like(kept.sums), np.zeros_like(kept.before[0])
    for step in range(len(deltas) - 1, -1, -1):
        by_sums[step] = (deltas[step] + later) * slopes[step]
        later = setting.multiply(by_sums[step], back)
    by_x, found = _by_weights(weights, kept, by_sums, by_sums, setting)
    if "bias" in weights:
        found["bias"] = setting.add(by_sums.reshape(-1, by_sums.shape[-1]))
    return by_x, found


def _lstm(place: Place, weights: Layer, x: Array, setting: Setting) -> tuple[Array, _Kept, Arrays]:
    """[i, f, g, o] = x K + h R + b; c = sigmoid(f) c + sigmoid(i) tanh(g); h = sigmoid(o) tanh(c).

    x (B, T, D), K (D, 4 H), R (H, 4 H), b (4 H,); c (B, H), from 0. Hochreiter & Schmidhuber 1997,
    with the forget gate of Gers, Schmidhuber & Cummins 2000, without peepholes.
    """
    first, inputs = _inputs(weights, x, weights.get("bias"), setting)
    h = c = np.zeros_like(inputs[0, :, : inputs.shape[2] // 4])
    sums = np.empty_like(inputs)
    states, cells = (np.empty((len(inputs), *h.shape), h.dtype) for _ in range(2))
    for step, from_x in enumerate(inputs):
        sums[step] = from_x + setting.multiply(h, weights["recurrent"])
        i, f, g, o = np.split(sums[step], 4, axis=-1)
        c = cells[step] = logistic(f) * c + logistic(i) * np.tanh(g)
        h = states[step] = logistic(o) * np.tanh(c)
    return _outputs(place, states), _Kept(first, _shifted(states), sums, (cells,)), {}


def _lstm_back(
    place: Place, weights: Layer, kept: _Kept, delta: Array, setting: Setting
) -> tuple[Array, Arrays]:
    """Go from the last step to the first.

    by h: delta + what the step after sends; by c: (by h) sigmoid(o) tanh'(c) + what it sends.
    by o: (by h) tanh(c) sigmoid'(o); by f: (by c) c_before sigmoid'(f);
    by i: (by c) tanh(g) sigmoid'(i); by g: (by c) sigmoid(i) tanh'(g).
    To the step before: (by c) sigmoid(f) for c, [by i, by f, by g, by o] R' for h.
    """
    (cells,), back = kept.more, weights["recurrent"].T
    i, f, g, o = np.split(kept.sums, 4, axis=-1)
    gate = logistic(f)
    of_i = np.tanh(g) * derivative(SIGMOID, i)
    of_f = _shifted(cells) * derivative(SIGMOID, f)
    of_g = logistic(i) * derivative(TANH, g)
    of_o = np.tanh(cells) * derivative(SIGMOID, o)
    of_cell = logistic(o) * derivative(TANH, cells)
    deltas, by_sums = _deltas(place, delta, len(cells)), np.empty_like(kept.sums)
    later_h = later_c = np.zeros_like(cells[0])
    for step in range(len(deltas) - 1, -1, -1):
        by_h = deltas[step] + later_h
        by_c = later_c + by_h * of_cell[step]
        by_gates = (by_c * of_i[step], by_c * of_f[step], by_c * of_g[step], by_h * of_o[step])
        by_sums[step] = np.concatenate(by_gates, axis=-1)
        later_h, later_c = setting.multiply(by_sums[step], back), by_c * gate[step]
    by_x, found = _by_weights(weights, kept, by_sums, by_sums, setting)
    if "bias" in weights:
        found["bias"] = setting.add(by_sums.reshape(-1, by_sums.shape[-1]))
    return by_x, found


def _gru(place: Place, weights: Layer, x: Array, setting: Setting) -> tuple[Array, _Kept, Arrays]:
    """Give h = sigmoid(z) h + (1 - sigmoid(z)) n, n = tanh(a + sigmoid(r) s).

    [z0, r0, a] = x K + b0, [z1, r1, s] = h R + b1, z = z0 + z1, r = r0 + r1: x (B, T, D),
    K (D, 3 H), R (H, 3 H), b (2, 3 H). Cho et al. 2014, the reset after the product.
    """
    bias = weights.get("bias")
    first, inputs = _inputs(weights, x, None if bias is None else bias[0], setting)
    units = inputs.shape[2] // 3
    h = np.zeros_like(inputs[0, :, :units])
    sums = np.empty_like(inputs)
    states, products = (np.empty((len(inputs), *h.shape), h.dtype) for _ in range(2))
    for step, from_x in enumerate(inputs):
        from_h = setting.multiply(h, weights["recurrent"])
        if bias is not None:
            from_h = from_h + bias[1]
        products[step] = from_h[:, 2 * units :]
        sums[step, :, : 2 * units] = (from_x + from_h)[:, : 2 * units]
        z, r = np.split(logistic(sums[step, :, : 2 * units]), 2, axis=-1)
        sums[step, :, 2 * units :] = from_x[:, 2 * units :] + r * products[step]
        h = states[step] = z * h + (1 - z) * np.tanh(sums[step, :, 2 * units :])
    return _outputs(place, states), _Kept(first, _shifted(states), sums, (products,)), {}


def _gru_back(
    place: Place, weights: Layer, kept: _Kept, delta: Array, setting: Setting
) -> tuple[Array, Arrays]:
    """Go from the last step to the first, in the names of `_gru`.

    by h: delta + what the step after sends.
    by z, of both parts: (by h) (h_before - n) sigmoid'(z); by a: (by h) (1 - sigmoid(z)) n';
    by r, of both parts: (by a) s sigmoid'(r); by s: (by a) sigmoid(r).
    To the step before: (by h) sigmoid(z) + [by z, by r, by s] R'.
    """
    (products,), back = kept.more, weights["recurrent"].T
    z, r, n = np.split(kept.sums, 3, axis=-1)
    gate, reset = logistic(z), logistic(r)
    of_z = (kept.before - np.tanh(n)) * derivative(SIGMOID, z)
    of_n = logistic(-z) * derivative(TANH, n)
    of_r = products * derivative(SIGMOID, r)
    deltas = _deltas(place, delta, len(products))
    by_inputs, by_products = np.empty_like(kept.sums), np.empty_like(kept.sums)
    later = np.zeros_like(products[0])
    for step in range(len(deltas) - 1, -1, -1):
        by_h = deltas[step] + later
        by_n = by_h * of_n[step]
        by_z, by_r = by_h * of_z[step], by_n * of_r[step]
        by_inputs[step] = np.concatenate([by_z, by_r, by_n], axis=-1)
        by_products[step] = np.concatenate([by_z, by_r, by_n * reset[step]], axis=-1)
        later = by_h * gate[step] + setting.multiply(by_products[step], back)
    by_x, found = _by_weights(weights, kept, by_inputs, by_products, setting)
    if "bias" in weights:
        found["bias"] = np.stack(
            [setting.add(by.reshape(-1, by.shape[-1])) for by in (by_inputs, by_products)]
        )
    return by_x, found


SIMPLE_RNN = Operation(_simple_rnn, _simple_rnn_back)
LSTM = Operation(_lstm, _lstm_back)
GRU = Operation(_gru, _gru_back)

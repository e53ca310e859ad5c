"""Recurrent layers in low level TensorFlow: a cell of each kind, and the ways along a sequence.

Which way: times of a training step with Adam, 28 to 100 steps of 1 to 64 features, 64 units, batch
32 and 128. Without XLA a sequence unrolled takes 0.27 to 0.4 of the time of tf.while_loop, and an
LSTM's fused operation is the fastest from some 64 steps on. In XLA the loop is as fast as anything
without (LSTM 0.8 to 1.04, GRU 0.76 to 0.93 of it; only the simple RNN takes 1.3), and unrolled it
takes twice as long and many times as long to compile.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import tensorflow as tf

from samenet.adapters.tensorflow.products import product
from samenet.spec.layers import Place

Arrays = Mapping[str, tf.Variable]
State = tuple[tf.Tensor, ...]
"""h (B, units), and of an LSTM c (B, units)."""

UNROLLED_STEPS_MAX = 128
"""Above it a graph would take seconds to make."""
FUSED_STEPS_MIN = 64


def simple_rnn(z: tf.Tensor, state: State, arrays: Arrays) -> State:
    """Return h after a step; z is x K + b, with all gates side by side."""
    (h,) = state
    return (tf.tanh(z + h @ arrays["recurrent"]),)


def lstm(z: tf.Tensor, state: State, arrays: Arrays) -> State:
    """Return h and c after a step."""
    h, c = state
    i, f, g, o = tf.split(z + h @ arrays["recurrent"], 4, axis=1)
    c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
    return tf.sigmoid(o) * tf.tanh(c), c


def gru(z: tf.Tensor, state: State, arrays: Arrays) -> State:
    """Return h after a step; z is x K + b0."""
    (h,) = state
    kept, reset, new = tf.split(z, 3, axis=1)
    h_kept, h_reset, h_new = tf.split(h @ arrays["recurrent"] + arrays["bias"][1], 3, axis=1)
    new = tf.tanh(new + tf.sigmoid(reset + h_reset) * h_new)
    return (new + tf.sigmoid(kept + h_kept) * (h - new),)


Cell = Callable[[tf.Tensor, State, Arrays], State]
CELLS: dict[str, Cell] = {"simple_rnn": simple_rnn, "lstm": lstm, "gru": gru}


def entering(place: Place, arrays: Arrays, x: tf.Tensor) -> tf.Tensor:
    """Return x K + b, of one step or of many."""
    bias = arrays["bias"][0] if place.kind == "gru" else arrays["bias"]
    return product(x, arrays["kernel"]) + bias


def start(place: Place, x: tf.Tensor) -> State:
    """Return zeros."""
    rows = tf.shape(x)[0] if x.shape[0] is None else x.shape[0]
    zeros = tf.zeros((rows, place.layer.units), x.dtype)
    return (zeros, zeros) if place.kind == "lstm" else (zeros,)


def in_graph(place: Place, arrays: Arrays, x: tf.Tensor) -> tf.Tensor:
    """Return h of every step, or of the last, by the fastest way without XLA."""
    steps = place.inputs[0]
    if place.kind == "lstm" and x.dtype == tf.float32 and steps >= FUSED_STEPS_MIN:
        return fused_lstm(place, arrays, x)
    return in_loop(place, arrays, x) if steps > UNROLLED_STEPS_MAX else unrolled(place, arrays, x)


def unrolled(place: Place, arrays: Arrays, x: tf.Tensor) -> tf.Tensor:
    """Return h by operations of their own for every step."""
    state, found = start(place, x), []
    for z in tf.unstack(entering(place, arrays, x), axis=1):
        state = CELLS[place.kind](z, state, arrays)
        found.append(state[0])
    return tf.stack(found, axis=1) if place.layer.sequences else state[0]


def in_loop(place: Place, arrays: Arrays, x: tf.Tensor) -> tf.Tensor:
    """Return h by a loop inside the graph.

    Of fewer features than units the products with them are made step by step: made before the loop,
    XLA takes 1.6 times as long for a single feature, and as long for 28; for 64 it takes 0.93.
    """
    steps, features = place.inputs
    cell = CELLS[place.kind]
    by_step = features < place.layer.units
    x = tf.transpose(x, (1, 0, 2))
    given = x if by_step else entering(place, arrays, x)
    begin = start(place, x[0])

    def step(t: tf.Tensor, state: State, found: tf.TensorArray) -> tuple[object, ...]:
        z = entering(place, arrays, given[t]) if by_step else given[t]
        state = cell(z, state, arrays)
        if place.layer.sequences:
            found = found.write(t, state[0])
        return t + 1, state, found

    found = tf.TensorArray(x.dtype, size=steps, element_shape=begin[0].shape)
    _, state, found = tf.while_loop(
        lambda t, *_: t < steps, step, (tf.constant(0), begin, found), maximum_iterations=steps
    )
    return tf.transpose(found.stack(), (1, 0, 2)) if place.layer.sequences else state[0]


def fused_lstm(place: Place, arrays: Arrays, x: tf.Tensor) -> tf.Tensor:
    """Return h by one operation for all steps, which has float32 only, and gates i, g, f, o.

    Not BlockLSTMV2: its order is the spec's, but TensorFlow 2.21 registers this one's gradient for
    it, https://github.com/tensorflow/tensorflow/blob/v2.21.0/tensorflow/python/ops/rnn_grad.py#L50
    """
    joint = tf.concat([arrays["kernel"], arrays["recurrent"]], 0)
    rest, (h, c) = tf.zeros(place.layer.units), start(place, x)
    found = tf.raw_ops.BlockLSTM(
        seq_len_max=tf.constant(place.inputs[0], tf.int64),
        x=tf.transpose(x, (1, 0, 2)),
        cs_prev=c,
        h_prev=h,
        w=with_f_third(joint),
        wci=rest,
        wcf=rest,
        wco=rest,
        b=with_f_third(arrays["bias"]),
        forget_bias=0.0,
        cell_clip=-1.0,
        use_peephole=False,
    ).h
    return tf.transpose(found, (1, 0, 2)) if place.layer.sequences else found[-1]


def with_f_third(numbers: tf.Tensor) -> tf.Tensor:
    """Return gates i, f, g, o in the order i, g, f, o."""
    i, f, g, o = tf.split(numbers, 4, axis=-1)
    return tf.concat([i, g, f, o], -1)

"""Each kind of layer of the TensorFlow adapter beside TensorFlow's own operators; and its programs.

`python tensorflow_own_operators.py` prints one JSON line. "layers": per case, precision and way
(graph, in float64 XLA too) the distances of the outputs and of the gradients of a random sum of
them, by the inputs and by every weight; of batch norm, of what it keeps. What has no operator of
its own stands beside the formula, written by others: an einsum, a scan. "programs": per network and
mode what is read back after two calls of one shape, and how far predictions are from each other.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from samenet.adapter import Batches, DataSource, Layer, Target
from samenet.adapters.tensorflow import adapter, predict
from samenet.adapters.tensorflow.layers import forward_table
from samenet.spec import ModelSpec, Place
from samenet.spec.layers import walk
from samenet.spec.training import TrainSpec

ROWS, TOKENS = 6, 7
Arrays = dict[str, Any]
Operator = Callable[[Place, Arrays, Any], Any]

EPSILON = {"epsilon": 2.0**-10}
CASES: dict[str, tuple[dict[str, Any], tuple[int, ...]]] = {
    "dense": ({"kind": "dense", "units": 4}, (5,)),
    "dense of a sequence": ({"kind": "dense", "units": 4}, (3, 5)),
    "conv1d": ({"kind": "conv1d", "filters": 4, "size": 3}, (7, 2)),
    "conv1d, strided": ({"kind": "conv1d", "filters": 4, "size": 2, "stride": 2}, (7, 2)),
    "conv2d": ({"kind": "conv2d", "filters": 4}, (6, 5, 2)),
    "conv2d, uneven same": ({"kind": "conv2d", "filters": 3, "size": 3, "stride": 2}, (8, 7, 2)),
    "conv2d, oblong": ({"kind": "conv2d", "filters": 3, "size": [2, 4]}, (6, 5, 2)),
    "conv2d, valid": ({"kind": "conv2d", "filters": 3, "size": 5, "padding": "valid"}, (8, 8, 1)),
    "max_pool": ({"kind": "max_pool"}, (7, 6, 3)),
    "max_pool, overlapping": (
        {"kind": "max_pool", "size": 3, "stride": 2, "padding": "same"},
        (8, 7, 3),
    ),
    "max_pool of a sequence": ({"kind": "max_pool", "size": 2}, (8, 3)),
    "average_pool": ({"kind": "average_pool"}, (7, 6, 3)),
    "average_pool, overlapping": ({"kind": "average_pool", "size": 3, "stride": 2}, (8, 7, 3)),
    "global_average_pool": ({"kind": "global_average_pool"}, (4, 5, 3)),
    "global_max_pool": ({"kind": "global_max_pool"}, (4, 5, 3)),
    "flatten": ({"kind": "flatten"}, (4, 5, 3)),
    "batch_norm": ({"kind": "batch_norm", "rate": 0.125, **EPSILON}, (4, 5, 3)),
    "batch_norm of rows": ({"kind": "batch_norm", "rate": 0.125, **EPSILON}, (3,)),
    "batch_norm, in use": ({"kind": "batch_norm", "rate": 0.125, **EPSILON}, (4, 3)),
    "layer_norm": ({"kind": "layer_norm", **EPSILON}, (4, 6)),
    "embedding": ({"kind": "embedding", "width": 3, "vocabulary": TOKENS}, (9,)),
    "positions": ({"kind": "positions"}, (4, 3)),
    "simple_rnn": ({"kind": "simple_rnn", "units": 4}, (5, 3)),
    "lstm": ({"kind": "lstm", "units": 4}, (5, 3)),
    "lstm, sequences": ({"kind": "lstm", "units": 4, "sequences": True}, (5, 6)),
    "lstm, one step": ({"kind": "lstm", "units": 4}, (1, 3)),
    "lstm, long": ({"kind": "lstm", "units": 3}, (66, 2)),
    "gru": ({"kind": "gru", "units": 4}, (5, 3)),
    "gru, sequences": ({"kind": "gru", "units": 4, "sequences": True}, (5, 6)),
    "gru, long": ({"kind": "gru", "units": 3, "sequences": True}, (130, 2)),
    "attention": ({"kind": "attention", "heads": 2}, (5, 6)),
    "attention, causal": ({"kind": "attention", "heads": 3, "causal": True}, (5, 6)),
    "attention, one head": ({"kind": "attention", "heads": 1}, (5, 6)),
    "activation": ({"kind": "activation", "activation": "tanh"}, (4, 3)),
}


def own_dense(place: Place, given: Arrays, x: Any) -> Any:
    return tf.nn.bias_add(tf.einsum("...i,io->...o", x, given["kernel"]), given["bias"])


def own_convolution(place: Place, given: Arrays, x: Any) -> Any:
    layer = place.layer
    way = {1: tf.nn.conv1d, 2: tf.nn.conv2d}[layer.axes]
    strides = layer.strides(layer.axes)
    strides = strides[0] if layer.axes == 1 else strides
    return tf.nn.bias_add(way(x, given["kernel"], strides, layer.padding.upper()), given["bias"])


def own_pool(name: str) -> Operator:
    def run(place: Place, given: Arrays, x: Any) -> Any:
        layer, axes = place.layer, len(place.inputs) - 1
        sizes, strides = layer.sizes(axes), layer.strides(axes)
        return tf.nn.pool(x, sizes, name, strides=strides, padding=layer.padding.upper())

    return run


def own_global(name: str) -> Operator:
    def run(place: Place, given: Arrays, x: Any) -> Any:
        return tf.reshape(tf.nn.pool(x, place.inputs[:-1], name), (ROWS, -1))

    return run


def own_batch_norm(place: Place, given: Arrays, x: Any) -> Any:
    """Return tf.nn's own, of its own moments, and what is kept of those."""
    mean, variance = tf.nn.moments(x, list(range(x.shape.rank - 1)))
    rate = place.layer.rate
    kept = {
        name: (1 - rate) * tf.convert_to_tensor(given[name]) + rate * new
        for name, new in (("mean", mean), ("variance", variance))
    }
    return own_norm(place, given, x, mean, variance), kept


def own_norm(place: Place, given: Arrays, x: Any, mean: Any, variance: Any) -> Any:
    scale, offset = given["scale"], given["offset"]
    return tf.nn.batch_normalization(x, mean, variance, offset, scale, place.layer.epsilon)


def own_recurrent(place: Place, given: Arrays, x: Any) -> Any:
    """Return h by tf.scan; of a short LSTM in float32 by its fused operation, ours of long ones."""
    if place.kind == "lstm" and x.dtype == tf.float32 and x.shape[1] < 10:
        h = block_lstm(given, x)
    else:
        start = tf.zeros((ROWS, place.layer.units), x.dtype)
        start = (start, start) if place.kind == "lstm" else start
        h = tf.scan(lambda s, z: CELLS[place.kind](given, s, z), tf.transpose(x, (1, 0, 2)), start)
        h = h[0] if place.kind == "lstm" else h
    return tf.transpose(h, (1, 0, 2)) if place.layer.sequences else h[-1]


def block_lstm(given: Arrays, x: Any) -> Any:
    """Return what tf.raw_ops.BlockLSTM gives: gates i, g, f, o."""
    order = [
        tf.concat([tf.split(given[n], 4, axis=-1)[i] for i in (0, 2, 1, 3)], -1)
        for n in ("kernel", "recurrent", "bias")
    ]
    units = given["recurrent"].shape[0]
    zeros, none = tf.zeros((ROWS, units)), tf.zeros(units)
    return tf.raw_ops.BlockLSTM(
        seq_len_max=x.shape[1],
        x=tf.transpose(x, (1, 0, 2)),
        cs_prev=zeros,
        h_prev=zeros,
        w=tf.concat(order[:2], 0),
        wci=none,
        wcf=none,
        wco=none,
        b=order[2],
        forget_bias=0,
        cell_clip=-1,
    ).h


def rnn_cell(given: Arrays, h: Any, x: Any) -> Any:
    return tf.tanh(x @ given["kernel"] + h @ given["recurrent"] + given["bias"])


def lstm_cell(given: Arrays, state: Any, x: Any) -> Any:
    h, c = state
    gates = x @ given["kernel"] + h @ given["recurrent"] + given["bias"]
    i, f, g, o = (gates[:, n * h.shape[1] : (n + 1) * h.shape[1]] for n in range(4))
    c = tf.nn.sigmoid(f) * c + tf.nn.sigmoid(i) * tf.nn.tanh(g)
    return tf.nn.sigmoid(o) * tf.nn.tanh(c), c


def gru_cell(given: Arrays, h: Any, x: Any) -> Any:
    u = h.shape[1]
    first = x @ given["kernel"] + given["bias"][0]
    second = h @ given["recurrent"] + given["bias"][1]
    z, r = (
        tf.nn.sigmoid((first + second)[:, :u]),
        tf.nn.sigmoid((first + second)[:, u : 2 * u]),
    )
    return z * h + (1 - z) * tf.tanh(first[:, 2 * u :] + r * second[:, 2 * u :])


CELLS = {"simple_rnn": rnn_cell, "lstm": lstm_cell, "gru": gru_cell}


def own_attention(place: Place, given: Arrays, x: Any) -> Any:
    (steps, width), heads = place.inputs, place.layer.heads
    shape = (width, heads, width // heads)
    q, k, v = (
        tf.einsum("btw,whd->bthd", x, tf.reshape(given[name], shape))
        for name in ("query", "key", "value")
    )
    scores = tf.einsum("bthd,bshd->bhts", q, k) / tf.sqrt(tf.constant(width / heads, x.dtype))
    if place.layer.causal:
        seen = tf.linalg.band_part(tf.ones((steps, steps), x.dtype), -1, 0)
        scores = tf.where(seen > 0, scores, -np.inf)
    said = tf.einsum("bhts,bshd->bthd", tf.nn.softmax(scores), v)
    return tf.einsum("bthd,hdw->btw", said, tf.reshape(given["output"], (*shape[1:], width)))


OWN: dict[str, Operator] = {
    "dense": own_dense,
    "conv1d": own_convolution,
    "conv2d": own_convolution,
    "max_pool": own_pool("MAX"),
    "average_pool": own_pool("AVG"),
    "global_average_pool": own_global("AVG"),
    "global_max_pool": own_global("MAX"),
    "flatten": lambda place, given, x: tf.stack([tf.reshape(row, [-1]) for row in tf.unstack(x)]),
    "batch_norm": own_batch_norm,
    "layer_norm": lambda place, given, x: own_norm(
        place, given, x, *tf.nn.moments(x, [-1], keepdims=True)
    ),
    "embedding": lambda place, given, x: (
        tf.one_hot(x, TOKENS, dtype=given["table"].dtype) @ given["table"]
    ),
    "positions": lambda place, given, x: tf.math.add_n(
        [x, tf.tile(given["table"][None], (ROWS, 1, 1))]
    ),
    "simple_rnn": own_recurrent,
    "lstm": own_recurrent,
    "gru": own_recurrent,
    "attention": own_attention,
    "activation": lambda place, given, x: x,
}


def place_of(name: str) -> Place:
    given, shape = CASES[name]
    (layer,) = ModelSpec.model_validate({"layers": [given]}).layers
    (place,) = walk([layer], shape)
    return place


def distance(found: Any, expected: Any) -> float:
    """Return the largest difference over the largest number, of 1 at least."""
    one, other = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    return float(np.max(np.abs(one - other)) / max(1.0, np.max(np.abs(other))))


def differentiated(
    run: Operator, place: Place, given: Arrays, x: Any, signs: Any, *, xla: bool
) -> tuple[Any, list[Any]]:
    """Return the outputs, and the gradients of their sum times `signs`, tables' as tensors."""

    @tf.function(jit_compile=xla)
    def both() -> tuple[Any, list[Any]]:
        trained = [v for key, v in given.items() if place.parameters[key].is_trained]
        by = trained if place.kind == "embedding" else [x, *trained]
        with tf.GradientTape() as tape:
            tape.watch(by)
            found = run(place, given, x)
            values = found[0] if isinstance(found, tuple) else found
            total = tf.reduce_sum(values * signs)
        return found, [tf.convert_to_tensor(g) for g in tape.gradient(total, by)]

    return both()


def compare(name: str, dtype: str, *, xla: bool) -> dict[str, float]:
    """Return the distances of a case."""
    place = place_of(name)
    draw = np.random.default_rng(len(name))
    if place.kind == "embedding":
        x = tf.constant(draw.integers(0, TOKENS, (ROWS, *place.inputs)), tf.int32)
    else:
        x = tf.constant(draw.normal(size=(ROWS, *place.inputs)), dtype)
    start = {key: draw.normal(size=found.shape) for key, found in place.parameters.items()}
    if "variance" in start:
        start["variance"] = np.square(start["variance"]) + 0.5
    signs = tf.constant(draw.normal(size=(ROWS, *place.outputs)), dtype)
    given = {key: tf.Variable(value, dtype=dtype) for key, value in start.items()}
    in_use = "in use" in name
    theirs = OWN[place.kind]
    if in_use:

        def theirs(place: Place, given: Arrays, x: Any) -> Any:
            return own_norm(place, given, x, given["mean"], given["variance"])

    expected, their_gradients = differentiated(theirs, place, given, x, signs, xla=False)
    ours = forward_table(training=not in_use, xla=xla)[place.kind]
    found, gradients = differentiated(ours, place, given, x, signs, xla=xla)
    kept = 0.0
    if isinstance(expected, tuple):
        expected, wanted = expected
        kept = max(distance(given[key], value) for key, value in wanted.items())
    return {
        "forward": distance(found, expected),
        "gradient": max(map(distance, gradients, their_gradients)),
        "kept": kept,
        "size": float(max(np.max(np.abs(g)) for g in gradients)),
    }


NORM = {"kind": "batch_norm", "rate": 0.125, **EPSILON}
NETWORKS: dict[str, tuple[list[dict[str, Any]], tuple[int, ...], int]] = {
    "dense": ([{"kind": "dense", "units": 4, "dropout": 0.5}], (5,), 0),
    "convolution": (
        [{"kind": "conv2d", "filters": 4}, NORM, {"kind": "flatten"}],
        (4, 4, 2),
        0,
    ),
    "recurrent": ([{"kind": "lstm", "units": 4}], (5, 3), 0),
    "attention": (
        [
            {"kind": "embedding", "width": 4},
            {"kind": "positions"},
            {"kind": "encoder", "heads": 2, "inner": 6},
            {"kind": "global_average_pool"},
        ],
        (5,),
        TOKENS,
    ),
}


def program(name: str, mode: str) -> dict[str, Any]:
    """Return what a program says of itself, and the distances between ways to predict."""
    layers, shape, vocabulary = NETWORKS[name]
    model = ModelSpec.model_validate({"layers": layers})
    network = model.network(inputs=shape, outputs=3, vocabulary=vocabulary)
    training = TrainSpec(
        loss="sparse_categorical_cross_entropy",
        optimizer={"name": "sgd", "learning_rate": 0.125, "momentum": 0.5},
        batch_size=4,
        epochs=1,
    )
    draw = np.random.default_rng(1)
    inputs = draw.normal(size=(16, *shape)).astype(np.float32)
    if vocabulary:
        inputs = draw.integers(0, vocabulary, (16, *shape)).astype(np.int32)
    weights = [
        Layer(
            **{
                key: np.float32(draw.uniform(0.5, 1.0, p.shape))
                for key, p in place.parameters.items()
            }
        )
        for place in network.places
    ]
    target = Target()
    made = adapter.build(network, training, weights, target=target, mode=mode)
    targets = draw.integers(0, 3, 16).astype(np.int32)
    made.load(DataSource(inputs=inputs, targets=targets, train_rows=16))
    counts = []
    for steps in (3, 3, 2):
        order = draw.integers(0, 16, (steps, 4)).astype(np.int32)
        masks = tuple(
            np.full((steps, 4, *place.outputs), 2, np.float32) if place.dropout else None
            for place in network.places
        )
        made.train(Batches(order=order, masks=masks if network.has_dropout else ()))
        said = adapter.read_back(made, target)
        counts.append(said["compilations"])
    resident = made.predict(np.arange(16, dtype=np.int32))
    ways = predict.predictors(made, target)
    state = [
        float(distance(after[key], before[key]))
        for before, after, place in zip(weights, made.weights(), network.places, strict=True)
        for key, parameter in place.parameters.items()
        if not parameter.is_trained
    ]
    return {
        "compilations": counts,
        "compiler": said["compiler"],
        "device": said["device"],
        "losses": [float(loss) for loss in made.losses()],
        "predictions": max(distance(way(inputs), resident) for way in ways.values()),
        "state_moved": state,
    }


if __name__ == "__main__":
    layers = {
        f"{name} | {dtype} | {'xla' if xla else 'graph'}": compare(name, dtype, xla=xla)
        for name in CASES
        for dtype, xla in (("float64", False), ("float64", True), ("float32", False))
    }
    programs = {
        f"{name} | {mode}": program(name, mode) for name in NETWORKS for mode in ("graph", "xla")
    }
    print(json.dumps({"layers": layers, "programs": programs}))

"""Keras' layers and samenet's table of them beside the oracle: `python keras_own_layers.py NAME`.

In the environment of a worker of the adapter NAME, in float64. Prints one JSON line:

layers     per case the distances of outputs, of the gradients of a random sum of them by inputs and
           weights, and of what is kept; of the layer that a user of Keras writes ("own"), and of
           the one that samenet's adapter makes ("ours")
trainings  per network and mode the distances of predictions before a training, and after it of what
           is trained, of what is kept, and of the outputs in use; what compiled it
tokens     per optimiser how far one step moves a table whose first row occurs twice, both ways
clipped    the same of clipping that halves the gradient
variance   of a batch with a large mean, in float32, both ways, and the true one
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from samenet.adapter import Batches, DataSource, Layer, Target, discovery, draws
from samenet.adapter.arrays import Array, Weights
from samenet.certificate.oracle import network as oracle
from samenet.certificate.oracle.functions import derivative, value
from samenet.certificate.oracle.operations import OPERATIONS, Setting
from samenet.machine import imports
from samenet.spec import Network, Place, TrainSpec

ROWS, TOKENS = 6, 5
EPSILON = 2.0**-10
NORM = {"kind": "batch_norm", "rate": 0.125, "epsilon": EPSILON}
CASES: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {
    "dense": ((5,), {"kind": "dense", "units": 4}),
    "dense of a sequence": ((3, 5), {"kind": "dense", "units": 4}),
    "conv1d": ((7, 2), {"kind": "conv1d", "filters": 3}),
    "conv1d, uneven same": ((8, 2), {"kind": "conv1d", "filters": 3, "stride": 2}),
    "conv2d": ((4, 5, 2), {"kind": "conv2d", "filters": 3}),
    "conv2d, uneven same": ((8, 7, 2), {"kind": "conv2d", "filters": 3, "stride": 2}),
    "conv2d, valid": ((6, 5, 2), {"kind": "conv2d", "filters": 2, "padding": "valid"}),
    "conv2d, oblong": ((6, 5, 2), {"kind": "conv2d", "filters": 2, "size": (3, 2)}),
    "max_pool": ((5, 6, 2), {"kind": "max_pool"}),
    "max_pool, overlapping": (
        (8, 7, 3),
        {"kind": "max_pool", "size": 3, "stride": 2, "padding": "same"},
    ),
    "max_pool of a sequence": ((7, 2), {"kind": "max_pool", "size": 3, "stride": 1}),
    "average_pool": ((5, 6, 2), {"kind": "average_pool", "size": 3, "stride": 2}),
    "average_pool of a sequence": ((8, 3), {"kind": "average_pool"}),
    "global_max_pool": ((4, 3, 2), {"kind": "global_max_pool"}),
    "global_average_pool": ((4, 3, 2), {"kind": "global_average_pool"}),
    "global_average_pool of a sequence": ((4, 3), {"kind": "global_average_pool"}),
    "flatten": ((2, 3, 4), {"kind": "flatten"}),
    "activation": ((4, 3), {"kind": "activation", "activation": "silu"}),
    "batch_norm": ((4,), NORM),
    "batch_norm of an image": ((4, 3, 2), NORM),
    "batch_norm, in use": ((4, 3, 2), NORM),
    "layer_norm": ((3, 5), {"kind": "layer_norm", "epsilon": EPSILON}),
    "embedding": ((9,), {"kind": "embedding", "width": 3, "vocabulary": TOKENS}),
    "positions": ((4, 3), {"kind": "positions"}),
    "simple_rnn": ((5, 3), {"kind": "simple_rnn", "units": 4}),
    "simple_rnn, sequences": ((5, 3), {"kind": "simple_rnn", "units": 4, "sequences": True}),
    "lstm": ((5, 3), {"kind": "lstm", "units": 4}),
    "lstm, sequences": ((5, 3), {"kind": "lstm", "units": 4, "sequences": True}),
    "gru": ((5, 3), {"kind": "gru", "units": 4}),
    "gru, sequences": ((5, 3), {"kind": "gru", "units": 4, "sequences": True}),
    "attention": ((5, 6), {"kind": "attention", "heads": 2}),
    "attention, causal": ((5, 6), {"kind": "attention", "heads": 2, "causal": True}),
    "attention, heads of one": ((4, 3), {"kind": "attention", "heads": 3}),
}
"""What enters a layer, and the layer; heads that are 3 wide, as 1 / sqrt(3) is never exact."""

IMAGE = [
    {"kind": "conv2d", "filters": 4},
    NORM,
    {"kind": "activation", "activation": "tanh"},
    {"kind": "dropout", "rate": 0.25},
    {"kind": "max_pool", "size": 3, "stride": 2, "padding": "same"},
    {"kind": "residual", "layers": [{"kind": "conv2d", "filters": 4, "dropout": 0.25}, NORM]},
    {"kind": "average_pool"},
    {"kind": "flatten"},
    {"kind": "dense", "units": 3},
]
ATTENTION = [{"kind": "layer_norm", "epsilon": EPSILON}, {"kind": "attention", "heads": 2}]
TEXT = [
    {"kind": "embedding", "width": 6},
    {"kind": "positions"},
    {"kind": "residual", "layers": ATTENTION},
    {"kind": "lstm", "units": 5, "sequences": True},
    {"kind": "dropout", "rate": 0.25},
    {"kind": "gru", "units": 4, "sequences": True},
    {"kind": "conv1d", "filters": 4, "activation": "tanh"},
    {"kind": "simple_rnn", "units": 4},
    {"kind": "dense", "units": 3},
]
NETWORKS: dict[str, tuple[tuple[int, ...], list[dict[str, Any]], int]] = {
    "image": ((8, 7, 2), IMAGE, 0),
    "text": ((5,), TEXT, TOKENS),
}
"""What enters, the layers, the tokens."""
ADAM = {"beta1": 0.875, "beta2": 1 - 2.0**-10, "epsilon": 2.0**-20}
RULES: dict[str, dict[str, Any]] = {
    "image": {"name": "adamw", "weight_decay": 2.0**-3, "clip_norm": 0.25, **ADAM},
    "text": {"name": "adam", "l2": 2.0**-6, **ADAM},
}
"""Decay and penalty act on some arrays and not on others."""
STEPS, BATCH = 12, 8

Call = Callable[[Any], Any]
Gradients = Callable[[Call, keras.layers.Layer, Array, Array], tuple[Any, Any, dict[int, Any]]]


def own(place: Place) -> tuple[keras.layers.Layer, Call]:
    """Return Keras' layer as its documentation has it, and how it is called."""
    layer: Any = place.layer
    kind, axes = place.kind, len(place.inputs) - 1
    if kind == "attention":
        wide = place.inputs[-1] // layer.heads
        made = keras.layers.MultiHeadAttention(layer.heads, wide, use_bias=False)
        return made, lambda x: made(x, x, use_causal_mask=layer.causal)
    if kind == "positions":
        made = keras.layers.Embedding(*place.inputs)
        steps = np.arange(place.inputs[0])
        return made, lambda x: x + made(steps)
    if kind == "batch_norm":
        made = keras.layers.BatchNormalization(momentum=1 - layer.rate, epsilon=layer.epsilon)
    elif kind in ("conv1d", "conv2d"):
        named = keras.layers.Conv1D if kind == "conv1d" else keras.layers.Conv2D
        made = named(layer.filters, layer.size, strides=layer.stride, padding=layer.padding)
    elif kind in ("max_pool", "average_pool"):
        named = "MaxPooling" if kind == "max_pool" else "AveragePooling"
        made = getattr(keras.layers, f"{named}{axes}D")(
            layer.size, strides=layer.stride or None, padding=layer.padding
        )
    elif kind in ("global_max_pool", "global_average_pool"):
        named = "GlobalMaxPooling" if kind == "global_max_pool" else "GlobalAveragePooling"
        made = getattr(keras.layers, f"{named}{axes}D")()
    elif kind in ("simple_rnn", "lstm", "gru"):
        named = {"simple_rnn": "SimpleRNN", "lstm": "LSTM", "gru": "GRU"}[kind]
        made = getattr(keras.layers, named)(layer.units, return_sequences=layer.sequences)
    else:
        made = {
            "dense": lambda: keras.layers.Dense(layer.units),
            "flatten": keras.layers.Flatten,
            "activation": lambda: keras.layers.Activation(place.activation.name),
            "layer_norm": lambda: keras.layers.LayerNormalization(epsilon=layer.epsilon),
            "embedding": lambda: keras.layers.Embedding(layer.vocabulary, layer.width),
        }[kind]()
    return made, made


def in_tensorflow(call: Call, layer: Any, x: Array, above: Array) -> Any:
    """Return outputs, gradients by inputs and weights, and what variables hold now."""
    import tensorflow as tf

    entering, held = tf.constant(x), [v.value for v in layer.trainable_variables]
    with tf.GradientTape() as tape:
        tape.watch(entering)
        outputs = call(entering)
        total = tf.reduce_sum(outputs * above)
    asked = held if x.dtype.kind == "i" else [entering, *held]
    found = [np.asarray(tf.convert_to_tensor(g)) for g in tape.gradient(total, asked)]
    return np.asarray(outputs), found, {id(v): np.asarray(v) for v in layer.variables}


def in_torch(call: Call, layer: Any, x: Array, above: Array) -> Any:
    """Return the same of PyTorch."""
    import torch

    is_real = x.dtype.kind == "f"
    entering = torch.tensor(x, requires_grad=is_real)
    asked = [*([entering] if is_real else []), *[v.value for v in layer.trainable_variables]]
    outputs = call(entering)
    found = torch.autograd.grad((outputs * torch.tensor(above)).sum(), asked) if asked else ()
    kept = {id(v): v.value.detach().numpy().copy() for v in layer.variables}
    return outputs.detach().numpy(), [g.numpy() for g in found], kept


def in_jax(call: Call, layer: Any, x: Array, above: Array) -> Any:
    """Return the same of JAX."""
    import jax

    variables, trained = layer.variables, layer.trainable_variables

    def total(held: list[Any], entering: Any) -> Any:
        with keras.StatelessScope(list(zip(trained, held, strict=True))) as scope:
            outputs = call(entering)
        kept = [scope.get_current_value(v) for v in variables]
        return (outputs * above).sum(), (
            outputs,
            [v.value if k is None else k for v, k in zip(variables, kept, strict=True)],
        )

    asked = (0,) if x.dtype.kind == "i" else (0, 1)
    values = [v.value for v in trained]
    gradient = jax.jit(jax.grad(total, argnums=asked, has_aux=True))
    found, (outputs, kept) = gradient(values, jax.numpy.array(x))
    by_inputs = [] if len(asked) == 1 else [np.asarray(found[1])]
    gradients = [*by_inputs, *map(np.asarray, found[0])]
    return (
        np.asarray(outputs),
        gradients,
        {id(v): np.asarray(k) for v, k in zip(variables, kept, strict=True)},
    )


BACKENDS: dict[str, Gradients] = {"tensorflow": in_tensorflow, "torch": in_torch, "jax": in_jax}


def place_of(shape: tuple[int, ...], layer: dict[str, Any]) -> Place:
    ends = [{"kind": "flatten"}, {"kind": "dense", "units": 1}]
    vocabulary = layer.get("vocabulary", 0)
    given = {"inputs": shape, "layers": [layer, *ends], "vocabulary": vocabulary}
    return Network.model_validate(given).places[0]


def random_weights(places: Sequence[Place], draw: np.random.Generator) -> list[Layer]:
    """Return numbers that float32 holds exactly, none of them 0; variances are positive."""
    found = []
    for place in places:
        arrays = {name: draw.normal(size=p.shape) / 2 for name, p in place.parameters.items()}
        if "variance" in arrays:
            arrays["variance"] = arrays["variance"] ** 2 + 0.5
        found.append(Layer(**arrays).map(lambda a: a.astype(np.float32).astype(np.float64)))
    return found


def of_oracle(place: Place, weights: Layer, x: Array, above: Array, *, training: bool) -> Any:
    """Return outputs, gradients by inputs and weights in order, and the new state by name."""
    if place.kind == "activation":
        slope = derivative(place.activation, x)
        return value(place.activation, x), [above * slope], {}
    operation, setting = OPERATIONS[place.kind], Setting(training=training)
    outputs, kept, state = operation.forward(place, weights, x, setting)
    by_x, found = operation.backward(place, weights, kept, above, setting)
    order = [found[name] for name, p in place.parameters.items() if p.is_trained]
    return outputs, [*([] if by_x is None else [by_x]), *order], state


def distance(found: Sequence[Array], expected: Sequence[Array]) -> float:
    """Return the largest difference over the largest number, over all arrays."""
    pairs = [(a.reshape(b.shape), b) for a, b in zip(found, expected, strict=True)]
    return max((float(np.abs(a - b).max() / max(1, np.abs(b).max())) for a, b in pairs), default=0)


def compare(case: str, kinds: Any) -> dict[str, Any]:
    """Return how far both ways to make the layer of a case are from the oracle."""
    place, training = place_of(*CASES[case]), "in use" not in case
    draw = np.random.default_rng(len(case))
    x = draw.normal(size=(ROWS, *place.inputs))
    if place.kind == "embedding":
        x = draw.integers(0, TOKENS, x.shape).astype(np.int32)
    (weights,) = random_weights([place], draw)
    above = draw.normal(size=(ROWS, *place.outputs))
    outputs, gradients, state = of_oracle(place, weights, x, above, training=training)
    made = kinds.MAKERS[place.kind](place, None)
    ways = {"own": own(place), "ours": (made, getattr(made, "of", made))}
    found: dict[str, Any] = {"size": max(float(np.abs(g).max()) for g in gradients)}
    for name, (layer, plain) in ways.items():
        call = (lambda x, p=plain: p(x, training=training)) if "batch_norm" in case else plain
        call(keras.ops.convert_to_tensor(x))  # builds it
        pairs = zip(weights.values(), layer.weights, strict=True)
        layer.set_weights([array.reshape(held.shape) for array, held in pairs])
        got = BACKENDS[keras.config.backend()](call, layer, x, above)
        kept = [got[2][id(held)] for held in layer.non_trainable_weights] if state else []
        found[name] = {
            "forward": distance([got[0]], [outputs]),
            "gradient": distance(got[1], gradients),
            "state": distance(kept, list(state.values())),
        }
    return found


def problem(name: str) -> tuple[Network, TrainSpec, Weights, DataSource]:
    """Return a network, its training, weights and rows."""
    shape, layers, vocabulary = NETWORKS[name]
    network = Network.model_validate({"inputs": shape, "layers": layers, "vocabulary": vocabulary})
    training = TrainSpec.model_validate(
        {
            "loss": "sparse_categorical_cross_entropy",
            "optimizer": {"learning_rate": 2.0**-6, **RULES[name]},
            "batch_size": BATCH,
            "epochs": 1,
        }
    )
    draw = np.random.default_rng(len(name))
    inputs = draw.normal(size=(STEPS * BATCH, *shape)).astype(np.float32)
    if vocabulary:
        inputs = draw.integers(0, vocabulary, inputs.shape).astype(np.int32)
    targets = draw.integers(0, 3, len(inputs)).astype(np.int32)
    source = DataSource(inputs=inputs, targets=targets, train_rows=len(inputs))
    return network, training, random_weights(network.places, draw), source


def train(adapter: Any, predicting: Any, name: str, mode: str) -> dict[str, Any]:
    """Return how far predictions of a fresh program, and a training in float64, are from right."""
    network, training, weights, source = problem(name)
    order = np.arange(STEPS * BATCH, dtype=np.int32).reshape(STEPS, BATCH)
    masks = draws.dropout_masks(network, order.shape, task=name, repeat=0, first_step=0)
    target = Target(dtype="float64")
    program = adapter.build(network, training, weights, target=target, mode=mode)
    program.load(source)
    rows = source.inputs if network.vocabulary else source.inputs.astype(np.float64)
    fresh = oracle.outputs(network, weights, rows)
    ways = predicting.predictors(program, target).values()
    predicted = max(distance([way(rows)], [fresh]) for way in ways)
    program.train(Batches(order=order, masks=masks))
    batches = [
        oracle.Batch(rows[now], source.targets[now], [None if m is None else m[i] for m in masks])
        for i, now in enumerate(order)
    ]
    forms = adapter.capabilities().forms
    truth = oracle.trajectory(network, training, weights, batches, forms=forms)
    found, expected = (oracle.flatten(w) for w in (program.weights(), truth.final))
    trained = oracle.trained(network)
    outputs = oracle.outputs(network, truth.final, rows)
    return {
        "trained": distance([found[trained]], [expected[trained]]),
        "state": distance([found[~trained]], [expected[~trained]]) if not trained.all() else 0.0,
        "moved": float(np.abs(expected - oracle.flatten(weights)).max()),
        "outputs": distance([np.asarray(program.predict(order.ravel()))], [outputs]),
        "predicted": predicted,
        "compiler": program.compiler(),
        "one by one": getattr(program, "one_by_one", False),
    }


def one_step(optimizer: Any) -> list[float]:
    """Return how far one step moves a table whose gradient is 2, in two parts, 1 and 0."""
    import tensorflow as tf

    table = keras.layers.Embedding(3, 1, embeddings_initializer="zeros")
    table.build()
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(table(tf.constant([0, 0, 1])))
    held = table.trainable_variables
    optimizer.build(held)
    optimizer.apply(tape.gradient(total, [v.value for v in held]), held)
    return np.asarray(held[0]).ravel().tolist()


def repeated_tokens(rules: Any) -> dict[str, dict[str, list[float]]]:
    """Return the steps of Keras' optimisers and of samenet's on TensorFlow."""
    found = {}
    for name in ("SGD", "Adam", "AdamW", "RMSprop", "Adagrad"):
        made = {"own": getattr(keras.optimizers, name), "ours": rules.class_of(name)}
        found[name] = {
            way: one_step(kind(0.125, epsilon=1e-12) if name != "SGD" else kind(0.125))
            for way, kind in made.items()
        }
    clipped = {"own": keras.optimizers.SGD, "ours": rules.class_of("SGD")}
    found["clipped"] = {
        way: one_step(kind(1.0, global_clipnorm=1.0)) for way, kind in clipped.items()
    }
    return found


def variances(kinds: Any) -> dict[str, float]:
    """Return what both ways keep of a batch whose mean is 10,000, and its true variance."""
    x = np.random.default_rng(0).normal(10_000, 1, size=(64, 1)).astype(np.float32)
    found = {"true": float(x.astype(np.float64).var())}
    for way, kind in {
        "own": keras.layers.BatchNormalization,
        "ours": kinds.BatchNormalization,
    }.items():
        layer = kind(momentum=0.0, dtype="float32")
        layer(keras.ops.convert_to_tensor(x), training=True)
        found[way] = float(keras.ops.convert_to_numpy(layer.moving_variance)[0])
    return found


def main(name: str) -> None:
    """Compare everything once."""
    imports.keep_out()  # as a worker begins
    shipped = discovery.shipped_adapters()[name]
    adapter = discovery.load(shipped.path)
    adapter.capabilities()  # probes before anything changes
    adapter.wake(Target())
    from samenet.adapters.keras import layers as kinds
    from samenet.adapters.keras import training as rules
    from samenet.adapters.keras.precision import scope

    found: dict[str, Any] = {"variance": variances(kinds)}
    if name == "keras":
        found["tokens"] = repeated_tokens(rules)
    predicting = discovery.load(shipped.predictors_path)
    with scope(Target(dtype="float64")):
        found["layers"] = {case: compare(case, kinds) for case in CASES}
    found["trainings"] = {
        f"{network}, {mode}": train(adapter, predicting, network, mode)
        for network in NETWORKS
        for mode in shipped.header.modes
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1])

"""Mutants of layers in another framework: `python layer_mutation_run.py NAME ADAPTER.py [FAMILY]`.

In a process of its own; prints one JSON line: per mutant the gate that had to catch it and the gate
that did. Beside those at the seam, which are the same everywhere, each framework has the mistakes
that it makes easy: another table of its layers, a phase or a default left as it comes.
"""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).resolve().parent))  # not there under `python -P`

from layer_mutants import (
    ADAM_TOKENS,
    HEADS,
    LAYERS_AT_THE_SEAM,
    LSTM,
    NORM,
    ROWS,
    STRIDE,
    TOKENS,
    by,
    first_failure,
)
from mutants import Mutant
from remembered_truths import remembered

from samenet.adapter import Target, discovery
from samenet.certificate import cases
from samenet.certificate.problem import builder

MODES = {
    "pytorch": "eager",
    "tensorflow": "graph",
    "keras": "fit",
    "jax": "scan",
    "keras-torch": "native",
    "keras-jax": "native",
}
SHARED = (
    *("flatten_order", "kernel_flipped", "batch_norm_epsilon", "rate_mirrored", "other_variance"),
    *("lstm_gates", "update_mirrored", "mask_forgotten", "heads_interleaved", "positions_shifted"),
    *("residual_forgotten", "scales_decayed"),
)
BY_ROLE = ("tables_penalised", "recurrent_not_penalised")
"""Keras' penalty belongs to its layers and asks for no role."""
HEALTHY = (NORM, LSTM, HEADS, STRIDE)
ODD_HEADS = by("attention odd heads", "momentum")
LONG = by("lstm of many steps", "adam")

Inside = Callable[[], AbstractContextManager[object]]


def _own(what: str, on: str, gate: str, inside: Inside) -> Mutant:
    return Mutant(what=what, on=on, gate=gate, inside=inside)


def of_pytorch() -> dict[str, Mutant]:
    """Return mistakes that PyTorch makes easy."""
    from torch import nn
    from torch.nn import functional

    from samenet.adapters.pytorch import layers, network

    usual, steps_of = layers.windows_of, network.steps_of
    scaled = functional.scaled_dot_product_attention

    def own_padding(place):
        found = usual(place)
        ends = [behind for _, behind in place.layer.paddings(place.inputs)]
        return found._replace(padding=tuple(ends), around=()) if found.around else found

    def without_first(place, phase):
        del place, phase
        return partial(functional.embedding, padding_idx=0)

    return {
        "own_padding": _own(
            "zeros at both ends, as padding=1 puts them",
            STRIDE,
            "gate 1",
            lambda: patch.object(layers, "windows_of", own_padding),
        ),
        "not_scaled": _own(
            "scores of attention not scaled",
            HEADS,
            "gate 1",
            lambda: patch.object(
                functional, "scaled_dot_product_attention", partial(scaled, scale=1.0)
            ),
        ),
        "padding_token": _own(
            "token 0 taken for padding",
            TOKENS,
            "gate 1",
            lambda: patch.dict(
                layers.KINDS,
                {"embedding": replace(layers.KINDS["embedding"], operation=without_first)},
            ),
        ),
        "trained_in_use": _own(
            "kept statistics used in training",
            NORM,
            "gate 1",
            lambda: patch.object(network, "steps_of", lambda parts, phase: steps_of(parts, "use")),
        ),
        "eval_forgotten": _own(
            "statistics of the batch used in prediction: eval() forgotten",
            NORM,
            "gate 2",
            lambda: patch.object(nn.Module, "eval", lambda self: self),
        ),
    }


def of_tensorflow() -> dict[str, Mutant]:
    """Return mistakes that TensorFlow makes easy."""
    import tensorflow as tf

    from samenet.adapters.tensorflow import layers, network, recurrent

    usual = network.forward_table

    def always(*, training: bool) -> Inside:
        table = lambda *, xla, **asked: usual(training=training, xla=xla)  # noqa: E731
        return lambda: patch.object(network, "forward_table", table)

    def own_order(z, state, arrays):
        h, c = state
        i, g, f, o = tf.split(z + h @ arrays["recurrent"], 4, axis=1)
        c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
        return tf.sigmoid(o) * tf.tanh(c), c

    def second_version(*, forget_bias, **arguments):
        del forget_bias
        return tf.raw_ops.BlockLSTMV2(**arguments)

    def fused() -> AbstractContextManager[object]:
        return patch.multiple(
            recurrent, f_third=lambda numbers: numbers, tf=_with(tf, BlockLSTM=second_version)
        )

    def channels_first(place, arrays, x):
        del arrays
        return tf.reshape(tf.transpose(x, (0, 3, 1, 2)), (-1, *place.outputs))

    return {
        "channels_first": _own(
            "flattened channels first",
            by("conv2d same", "momentum + l2"),
            "gate 1",
            lambda: patch.dict(layers.FORWARD, {"flatten": channels_first}),
        ),
        "own_gates": _own(
            "gates of an LSTM in the order i, g, f, o of BlockLSTM",
            LSTM,
            "gate 1",
            lambda: patch.dict(recurrent.CELLS, {"lstm": own_order}),
        ),
        "second_version": _own(
            "BlockLSTMV2, which has the gradient of another order",
            LONG,
            "gate 1",
            fused,
        ),
        "trained_in_use": _own(
            "kept statistics used in training", NORM, "gate 1", always(training=False)
        ),
        "training_in_use": _own(
            "statistics of the batch used in prediction", NORM, "gate 2", always(training=True)
        ),
    }


def _with(module: Any, **operations: Any) -> Any:
    """Return a module whose raw operations are others."""

    class RawOperations:
        def __getattr__(self, name):
            return operations.get(name) or getattr(module.raw_ops, name)

    class Other:
        raw_ops = RawOperations()

        def __getattr__(self, name):
            return getattr(module, name)

    return Other()


def of_keras() -> dict[str, Mutant]:
    """Return mistakes that Keras makes easy: mostly what its layers do unless they are told."""
    import keras

    from samenet.adapters.keras import layers, training

    makers = layers.MAKERS

    def made(kind: str, maker: Callable) -> Inside:
        return lambda: patch.dict(layers.MAKERS, {kind: maker})

    def hard(place, penalty, usual=makers["lstm"]):
        found = usual(place, penalty)
        found.cell.recurrent_activation = keras.activations.hard_sigmoid
        return found

    def backwards(place, penalty, usual=makers["lstm"]):
        found = usual(place, penalty)
        found.go_backwards = True
        return found

    def own_momentum(place, penalty):
        del penalty
        return layers.BatchNormalization(epsilon=place.layer.epsilon)

    start = layers.Attention.__init__

    def as_keras_has_it(self, *arguments, **named):
        start(self, *arguments, **named)
        self._inverse_sqrt_key_dim = float(self._inverse_sqrt_key_dim)
        self.fused = True

    found = {
        "hard_sigmoid": _own("hard sigmoid for sigmoid", LSTM, "gate 1", made("lstm", hard)),
        "backwards": _own("a sequence read from its end", LSTM, "gate 1", made("lstm", backwards)),
        "own_epsilon": _own(
            "Keras' own epsilon of layer norm",
            ROWS,
            "gate 1",
            made("layer_norm", lambda place, penalty: keras.layers.LayerNormalization()),
        ),
        "own_momentum": _own(
            "Keras' own momentum of batch norm", NORM, "gate 2", made("batch_norm", own_momentum)
        ),
    }
    backend = keras.config.backend()
    if backend != "torch":
        found["as_keras_has_it"] = _own(
            {
                "tensorflow": "factor of attention rounded to float32",
                "jax": "softmax of attention in float32 where float64 was asked for",
            }[backend],
            ODD_HEADS,
            "gate 1",
            lambda: patch.object(layers.Attention, "__init__", as_keras_has_it),
        )
    if backend == "tensorflow":
        found["squares_of_occurrences"] = _own(
            "squares of a token's occurrences instead of the square of their sum",
            ADAM_TOKENS,
            "gate 2",
            lambda: patch.object(
                training, "class_of", functools.partial(getattr, keras.optimizers)
            ),
        )
    return found


def of_jax() -> dict[str, Mutant]:
    """Return mistakes that JAX makes easy."""
    import jax
    from jax import lax

    from samenet.adapters.jax import layers, modes

    usual = modes.outputs

    def fused(place, given, x):
        shape = (*x.shape[:2], place.layer.heads, -1)
        q, k, v = ((x @ given[name]).reshape(shape) for name in ("query", "key", "value"))
        seen = jax.nn.dot_product_attention(q, k, v, is_causal=place.layer.causal)
        return seen.reshape(x.shape) @ given["output"]

    def same_lower(place, given, x):
        strides = place.layer.strides(2)
        numbers = ("NHWC", "HWIO", "NHWC")
        found = lax.conv_general_dilated(
            x, given["kernel"], strides, "SAME_LOWER", dimension_numbers=numbers
        )
        return layers.plus_bias(found, given)

    def in_use(*arguments, training, **named):
        del training
        return usual(*arguments, training=False, **named)

    def from_its_end(place, given, x, lstm=layers.LAYERS["lstm"]):
        return lstm(place, given, x[:, ::-1])

    return {
        "fused": _own(
            "softmax of attention in float32 where float64 was asked for",
            HEADS,
            "gate 1",
            lambda: patch.dict(layers.LAYERS, {"attention": fused}),
        ),
        "same_lower": _own(
            'the odd zero of "same" before instead of after',
            STRIDE,
            "gate 1",
            lambda: patch.dict(layers.LAYERS, {"conv2d": same_lower}),
        ),
        "trained_in_use": _own(
            "kept statistics used in training",
            NORM,
            "gate 1",
            lambda: patch.object(modes, "outputs", in_use),
        ),
        "from_its_end": _own(
            "a sequence read from its end",
            LSTM,
            "gate 1",
            lambda: patch.dict(layers.LAYERS, {"lstm": from_its_end}),
        ),
    }


OWN: dict[str, Callable[[], dict[str, Mutant]]] = {
    "pytorch": of_pytorch,
    "tensorflow": of_tensorflow,
    "keras": of_keras,
    "keras-torch": of_keras,
    "keras-jax": of_keras,
    "jax": of_jax,
}


def all_mutants(name: str, family: str) -> dict[str, Mutant]:
    """Return the mutants of a framework, and its healthy self on some cases; or one family's."""
    shared = SHARED if name.startswith("keras") else (*SHARED, *BY_ROLE)
    found = {**{key: LAYERS_AT_THE_SEAM[key] for key in shared}, **OWN[name]()}
    if not family:
        healthy = {f"healthy: {on}": Mutant(what="", on=on, gate="nothing") for on in HEALTHY}
        return {**found, **healthy}
    return {
        key: mutant
        for key, mutant in found.items()
        if cases.find_case(mutant.on).shown.network.family == family
    }


def main(name: str, path: Path, family: str) -> None:
    """Plant each mutant, or those on networks of a family, and print what caught it."""
    adapter = discovery.load(path)
    adapter.wake(Target())
    build, offered = builder(adapter, MODES[name], Target()), adapter.capabilities()
    found = {}
    for key, mutant in all_mutants(name, family).items():
        with remembered():
            check = first_failure(mutant, build, offered)
        about = {"what": mutant.what, "on": mutant.on, "wanted": mutant.gate}
        seen = {"found": check.gate if check else "nothing", "check": str(check or "")}
        found[key] = {**about, **seen}
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else "")

"""Mutants in another framework, in a process of its own: `python mutation_run.py NAME ADAPTER.py`.

Prints one JSON line: per mutant the gate that had to catch it and the gate that did; of what shows
late or in large arrays, the same once more for what is timed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).resolve().parent))  # not there under `python -P`

from mutants import (
    AT_THE_SEAM,
    INSIDE_NUMPY,
    IRIS,
    LARGE,
    MANY_CALLS,
    SMOOTH_ADAM,
    Mutant,
    checks,
)
from mutation_table import timed_failures

from samenet.adapter import Capabilities, Target, discovery
from samenet.certificate.problem import Build, builder

MODES = {
    "pytorch": "eager",
    "tensorflow": "graph",
    "keras": "fit",
    "jax": "scan",
    "scikit-learn": "fit",
    "keras-torch": "native",
    "keras-jax": "native",
}

SHARED = (
    *("slope", "biases_offset", "square_transposed", "labels_shifted"),
    *("momentum_for_nesterov", "coupled_decay", "samples_swapped", "last_batch"),
)
LATE = {
    "pytorch": (
        *("dropped_if_long", "skips_late", "idle_after_100", "stale_after_100"),
        *("wrong_beyond_1024", "rows_modulo_1024", "first_masks_only", "off_by_one_row"),
    )
}
"""At the seam, too: what shows late or in large arrays only. One framework will do."""
TIMED = {"pytorch": ("not_zeroed_500", "halved_late", "last_column", "wrong_beyond_1024")}
"""What gate 4 has to see in what is timed, too; each takes seconds."""
NOT_OFFERED = {"scikit-learn": {"slope", "coupled_decay"}}
INSTEAD = {
    "scikit-learn": {
        "gradient of tanh, huber(delta=0.5)": "gradient of relu, mean_squared_error",
    }
}
DECAY = "training by adam + decay, smooth"


def of_pytorch() -> dict[str, Mutant]:
    """Return mistakes that PyTorch makes easy, and those of NumPy made in it."""
    import late_in_pytorch
    import torch
    from torch.nn import functional

    from samenet.adapters.pytorch import functions, optimizers

    def twice(spec):
        return lambda z, y: functional.cross_entropy(torch.softmax(z, 1), y)

    return {
        **late_in_pytorch.MUTANTS,
        "gelu_tanh": Mutant(
            what="GELU by tanh instead of erf",
            on="activation gelu",
            gate="gate 0",
            inside=lambda: patch.dict(
                functions.ACTIVATIONS,
                {"gelu": lambda a: torch.nn.GELU(approximate="tanh")},
            ),
        ),
        "softmax_twice": Mutant(
            what="softmax twice",
            on="loss sparse_categorical_cross_entropy",
            gate="gate 0",
            inside=lambda: patch.dict(
                functions.LOSSES, {"sparse_categorical_cross_entropy": twice}
            ),
        ),
        "not_zeroed": Mutant(
            what="gradients not set to zero",
            on=SMOOTH_ADAM,
            gate="gate 2",
            inside=lambda: patch.object(optimizers.Updates, "zero_grad", lambda self: None),
        ),
    }


def of_tensorflow() -> dict[str, Mutant]:
    """Return mistakes that TensorFlow makes easy."""
    import tensorflow as tf

    from samenet.adapters.tensorflow import functions as tensorflow_functions
    from samenet.adapters.tensorflow import optimizers

    usual = optimizers.Updates.__init__

    def everything_decayed(self, training, decayed, others):
        usual(self, training, decayed, others)
        self.decayed = self.variables

    return {
        "gelu_tanh": Mutant(
            what="GELU by tanh instead of erf",
            on="activation gelu",
            gate="gate 0",
            inside=lambda: patch.dict(
                tensorflow_functions.ACTIVATIONS, {"gelu": partial(tf.nn.gelu, approximate=True)}
            ),
        ),
        "default_slope": Mutant(
            what="the framework's own slope of leaky ReLU",
            on="activation leaky_relu(slope=0.0078125)",
            gate="gate 0",
            inside=lambda: patch.object(
                tensorflow_functions, "leaky_relu", lambda z, slope: tf.nn.leaky_relu(z)
            ),
        ),
        "biases_decayed": Mutant(
            what="bias decayed",
            on=DECAY,
            gate="gate 2",
            inside=lambda: patch.object(optimizers.Updates, "__init__", everything_decayed),
        ),
    }


def of_keras() -> dict[str, Mutant]:
    """Return mistakes that Keras makes easy."""
    import keras

    from samenet.adapters.keras import functions
    from samenet.adapters.keras import training as keras_training

    usual = keras_training.sgd

    def each(spec, *, global_clipnorm, **shared):
        return usual(spec, clipnorm=global_clipnorm, **shared)

    base = keras.optimizers.Adam.__mro__[1]
    return {
        "gelu_tanh": Mutant(
            what="GELU by tanh instead of erf",
            on="activation gelu",
            gate="gate 0",
            inside=lambda: patch.dict(functions.ACTIVATIONS, {"gelu": keras.ops.gelu}),
        ),
        "logits_forgotten": Mutant(
            what="from_logits forgotten",
            on="loss sparse_categorical_cross_entropy",
            gate="gate 0",
            inside=lambda: patch.object(
                keras_training,
                "loss_of",
                lambda spec: keras.losses.SparseCategoricalCrossentropy(),
            ),
        ),
        "clipping_per_variable": Mutant(
            what="clipping per variable instead of globally",
            on="training by sgd + clipping, smooth",
            gate="gate 2",
            inside=lambda: patch.dict(keras_training.OPTIMIZERS, {"sgd": each}),
        ),
        "biases_decayed": Mutant(
            what="bias decayed",
            on=DECAY,
            gate="gate 2",
            inside=lambda: patch.object(
                base, "exclude_from_weight_decay", lambda self, **names: None
            ),
        ),
    }


def of_jax() -> dict[str, Mutant]:
    """Return mistakes that JAX makes easy."""
    import jax

    from samenet.adapters.jax import functions as jax_functions
    from samenet.adapters.jax import modes
    from samenet.adapters.jax import optimizers as jax_optimizers

    def everything(changes, share, parameters, decayed):
        del decayed
        return jax.tree.map(lambda c, w: c + share * w, changes, parameters)

    return {
        "gelu_tanh": Mutant(
            what="GELU by tanh instead of erf",
            on="activation gelu",
            gate="gate 0",
            inside=lambda: patch.dict(
                jax_functions.ACTIVATIONS, {"gelu": lambda z, s: jax.nn.gelu(z)}
            ),
        ),
        "biases_decayed": Mutant(
            what="bias decayed",
            on=DECAY,
            gate="gate 2",
            inside=lambda: patch.object(jax_optimizers, "plus_share", everything),
        ),
        "state_not_kept": Mutant(
            what="every call starts from the moments of the first",
            on=SMOOTH_ADAM,
            gate="gate 2",
            inside=lambda: patch.object(
                modes,
                "update",
                lambda rule, w, slots, *others: (
                    jax_optimizers.update(rule, w, slots, *others)[0],
                    slots,
                ),
            ),
        ),
    }


def of_sklearn() -> dict[str, Mutant]:
    """Return mistakes that scikit-learn makes easy."""
    from samenet.adapters.sklearn import network as sklearn_network

    usual = sklearn_network.make_estimator

    def with_setting(**values):
        return lambda *arguments: usual(*arguments).set_params(**values)

    return {
        "gradient_factor": Mutant(
            what="the factor of issue 8349 forgotten",
            on="loss mean_squared_error",
            gate="gate 0",
            inside=lambda: patch.object(sklearn_network, "factors", lambda outputs: (2.0, 0.5)),
        ),
        "loss_halved": Mutant(
            what="half the squared error reported",
            on="loss mean_squared_error",
            gate="gate 0",
            inside=lambda: patch.object(
                sklearn_network, "factors", lambda outputs: (1.0, outputs / 2)
            ),
        ),
        "penalty_left_on": Mutant(
            what="its default penalty left on",
            on=SMOOTH_ADAM,
            gate="gate 2",
            inside=lambda: patch.object(
                sklearn_network, "make_estimator", with_setting(alpha=1e-4)
            ),
        ),
        "shuffled": Mutant(
            what="its own shuffling left on",
            on=SMOOTH_ADAM,
            gate="gate 2",
            inside=lambda: patch.object(
                sklearn_network, "make_estimator", with_setting(shuffle=True)
            ),
        ),
    }


def of_keras_elsewhere() -> dict[str, Mutant]:
    """Return Keras' mistakes, and the one of its backends that have no float64 of their own."""
    from samenet.adapters.keras import precision

    @contextmanager
    def left_alone() -> Iterator[None]:
        table = precision.promotions()
        with (
            patch.dict(table, {"float64": "float32"}),  # whatever was proved last left there
            patch.object(precision, "promotions", dict),
        ):
            yield

    return {
        **of_keras(),
        "promoted_to_float32": Mutant(
            what="float64 rounded to float32 on the way",
            on=SMOOTH_ADAM,
            gate="gate 2",
            inside=left_alone,
        ),
    }


OWN = {
    "pytorch": of_pytorch,
    "tensorflow": of_tensorflow,
    "keras": of_keras,
    "jax": of_jax,
    "scikit-learn": of_sklearn,
    "keras-torch": of_keras_elsewhere,
    "keras-jax": of_keras_elsewhere,
}


def at_the_seam(name: str) -> dict[str, Mutant]:
    """Return the shared mistakes, where a framework offers it, or on a case that it does offer."""
    kept = {key: AT_THE_SEAM[key] for key in SHARED if key not in NOT_OFFERED.get(name, ())}
    kept |= {key: INSIDE_NUMPY[key] for key in LATE.get(name, ())}
    other = INSTEAD.get(name, {})
    return {key: replace(one, on=other.get(one.on, one.on)) for key, one in kept.items()}


def caught_by(mutant: Mutant, build: Build, capabilities: Capabilities) -> str:
    """Return the first gate that a mutant falls to, or "nothing".

    Float64 comes first, as in the gates of a training; where it catches the mutant, nothing is
    built and compiled once more for float32.
    """
    with mutant.inside():
        made, offers = mutant.apply(build, capabilities)
        for dtype in sorted(offers.dtypes, reverse=True):
            only = offers.model_copy(update={"dtypes": (dtype,)})
            failed = [check for check in checks(mutant.on, made, only) if not check.passed]
            if failed:
                return failed[0].gate
    return "nothing"


def main(name: str, path: Path) -> None:
    """Plant each mutant, run the checks of its case, and print what caught it."""
    adapter = discovery.load(path)
    adapter.wake(Target())
    build, capabilities = builder(adapter, MODES[name], Target()), adapter.capabilities()
    mutants = {**at_the_seam(name), **OWN[name]()}
    late = {key: mutants[key] for key in TIMED.get(name, ())}
    for case in (SMOOTH_ADAM, *((LARGE, MANY_CALLS) if name in LATE else ())):
        mutants[f"healthy: {case}"] = Mutant(what="", on=case, gate="nothing")
    found = {
        key: {"wanted": one.gate, "found": caught_by(one, build, capabilities)}
        for key, one in mutants.items()
    }
    if late:
        late["healthy"] = Mutant(what="", on="", gate="", timed=IRIS)
    for key, mutant in late.items():
        seen = timed_failures(mutant, (build, capabilities))
        found[f"{key}, timed"] = {
            "wanted": "nothing" if key == "healthy" else "gate 4",
            "found": seen[0].gate if seen else "nothing",
        }
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))

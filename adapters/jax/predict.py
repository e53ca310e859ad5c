"""JAX: the network as a function, called operation by operation, and compiled for each shape."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from samenet.adapter import Array, Target
from samenet.adapters.jax.network import JaxProgram, outputs, predicted, set_precision

PREDICT = {
    "usual": {
        "why": "the documentation's predict: a function of parameters and rows, not compiled",
        "source": "https://docs.jax.dev/en/latest/notebooks/neural_network_with_tfds_data.html",
    },
    "fast": {
        "why": "the same function under jit, compiled once for each number of rows; on a processor "
        "those of layers other than dense go in blocks",
        "source": "https://docs.jax.dev/en/latest/jit-compilation.html",
    },
}


def predictors(program: JaxProgram, target: Target) -> dict[str, Callable[[Array], Array]]:
    """Return both ways."""
    set_precision(target.dtype)
    network, device = program.network, program.device
    parameters, kept = program.layers_of(program.state[0]), program.state[2]
    compiled = jax.jit(partial(predicted, network, in_blocks=program.in_blocks))

    def usual(inputs: Array) -> Array:
        with jax.default_device(device):
            return np.asarray(outputs(network, parameters, kept, jnp.asarray(inputs))[0])

    def fast(inputs: Array) -> Array:
        return np.asarray(compiled(parameters, kept, inputs))

    return {"usual": usual, "fast": fast}

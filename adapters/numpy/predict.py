"""NumPy: a forward pass as in the textbook, and one that spares memory."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from samenet.adapter import Array, Target
from samenet.adapters.numpy.inplace.passes import ForwardPass
from samenet.adapters.numpy.mode_buffers import BLOCK_ROWS, zeros
from samenet.adapters.numpy.network import Layers
from samenet.spec import Network

PREDICT = {
    "usual": {
        "why": "one expression per layer, as in the textbook",
        "source": "http://neuralnetworksanddeeplearning.com/chap1.html",
    },
    "fast": {
        "why": "arrays made once and written to with out=; few rows at a time, for the caches",
        "source": "https://www.labri.fr/perso/nrougier/from-python-to-numpy/#views-and-copies",
    },
}

FEW_ROWS = 64
"""A convolution makes many times as many numbers of an image, and caches are small."""


def predictors(program: Any, target: Target) -> dict[str, Callable[[Array], Array]]:
    """Return both ways; either works on the weights of either mode."""
    network = program.network
    weights = program.weights()
    dtype = np.dtype(target.dtype)
    layers = Layers(network, program.training.loss, weights, dtype)
    if network.is_dense:
        return {"usual": layers.outputs, "fast": BufferedPredictor(network, weights, dtype)}

    def fast(inputs: Array) -> Array:
        """A few rows at a time: what a layer makes of them is still in the cache for the next."""
        blocks = range(0, len(inputs), FEW_ROWS)
        return np.concatenate([layers.outputs(inputs[i : i + FEW_ROWS]) for i in blocks])

    return {"usual": layers.outputs, "fast": fast}


class BufferedPredictor:
    """A forward pass whose arrays are kept, one set per number of rows."""

    def __init__(self, network: Network, weights: Any, dtype: np.dtype) -> None:
        """Lay the weights out as the buffers want them: each bias below its kernel."""
        self.network = network
        self.dtype = dtype
        _, self.layers = zeros(network, dtype)
        for given, mine in zip(weights, self.layers, strict=True):
            mine[:-1] = given.kernel
            mine[-1] = given.bias
        self.passes = lru_cache(16)(self._pass)

    def _pass(self, rows: int) -> ForwardPass:
        made = ForwardPass(self.network, self.layers, rows, drop=False)
        made.inputs.fill(1)
        return made

    def __call__(self, inputs: Array) -> Array:
        """Return the outputs, block by block of what the processor's caches hold."""
        found = np.empty((len(inputs), self.network.outputs), self.dtype)
        for start in range(0, len(inputs), BLOCK_ROWS):
            block = inputs[start : start + BLOCK_ROWS]
            work = self.passes(len(block))
            work.inputs[:, : block.shape[1]] = block
            with np.errstate(over="ignore"):
                for call in work.forward:
                    call()
            found[start : start + len(block)] = work.outputs.T
        return found

"""The fault: `train` only starts a thread, and `sync` does not wait for it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from samenet.adapters.numpy_mlp import NumpyProgram, capabilities, read_back, wake

__all__ = ["build", "capabilities", "read_back", "wake"]

ADAPTER = {
    "name": "sync-returns-early",
    "title": "sync does not wait",
    "modes": {
        "plain": {"why": "a planted fault", "source": "tests/faults", "default": True},
    },
    "imports": ["numpy"],
    "distributions": ["numpy", "scipy"],
    "adoptable": False,
}


class Hasty(NumpyProgram):
    """NumPy's program on a queue; only reading its results waits."""

    def __init__(self, *arguments):
        """Open a queue with one worker: calls stay in order."""
        super().__init__(*arguments)
        self.queue = ThreadPoolExecutor(max_workers=1)

    def train(self, batches):
        """Return at once."""
        self.queue.submit(super().train, batches)

    def sync(self):
        """Return at once, too: this is the fault."""

    def losses(self):
        """Wait, then return the losses."""
        return self.queue.submit(super().losses).result()

    def predict(self, rows):
        """Wait, then return the outputs."""
        return self.queue.submit(super().predict, rows).result()

    def weights(self):
        """Wait, then return the weights."""
        return self.queue.submit(super().weights).result()


def build(network, training, weights, *, target, mode):
    """Return the program with the fault."""
    del mode
    return Hasty(network, training, weights, np.dtype(target.dtype))

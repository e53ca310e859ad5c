"""The fault: Adam's two decays are exchanged."""

from __future__ import annotations

import numpy as np

from samenet.adapters.numpy_mlp import NumpyProgram, capabilities, read_back, wake
from samenet.spec import Adam

__all__ = ["build", "capabilities", "read_back", "wake"]

ADAPTER = {
    "name": "betas-swapped",
    "title": "Decays exchanged",
    "modes": {
        "plain": {"why": "a planted fault", "source": "tests/faults", "default": True},
    },
    "imports": ["numpy"],
    "distributions": ["numpy", "scipy"],
    "adoptable": False,
}


class Swapped(NumpyProgram):
    """NumPy's program with beta1 for beta2."""

    def __init__(self, network, training, weights, dtype):
        """Exchange the two constants."""
        rule = training.optimizer
        if isinstance(rule, Adam):
            rule = rule.model_copy(update={"beta1": rule.beta2, "beta2": rule.beta1})
        changed = training.model_copy(update={"optimizer": rule})
        super().__init__(network, changed, weights, dtype)


def build(network, training, weights, *, target, mode):
    """Return the program with the fault."""
    del mode
    return Swapped(network, training, weights, np.dtype(target.dtype))

"""The fault: heavy-ball momentum where Nesterov's is asked for."""

from __future__ import annotations

import numpy as np

from samenet.adapters.numpy_mlp import NumpyProgram, capabilities, read_back, wake
from samenet.spec import SGD

__all__ = ["build", "capabilities", "read_back", "wake"]

ADAPTER = {
    "name": "momentum-for-nesterov",
    "title": "Momentum for Nesterov",
    "modes": {
        "plain": {"why": "a planted fault", "source": "tests/faults", "default": True},
    },
    "imports": ["numpy"],
    "distributions": ["numpy", "scipy"],
    "adoptable": False,
}


class HeavyBall(NumpyProgram):
    """NumPy's program without the look ahead."""

    def __init__(self, network, training, weights, dtype):
        """Forget the flag."""
        rule = training.optimizer
        if isinstance(rule, SGD):
            rule = rule.model_copy(update={"nesterov": False})
        changed = training.model_copy(update={"optimizer": rule})
        super().__init__(network, changed, weights, dtype)


def build(network, training, weights, *, target, mode):
    """Return the program with the fault."""
    del mode
    return HeavyBall(network, training, weights, np.dtype(target.dtype))

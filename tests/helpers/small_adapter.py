"""NumPy's loop, which offers what the task of digits uses and nothing else."""

from __future__ import annotations

from samenet.adapters.numpy import adapter
from samenet.adapters.numpy.adapter import build, read_back, wake

__all__ = ["build", "capabilities", "read_back", "wake"]

ADAPTER = {
    "name": "small",
    "title": "Small",
    "modes": {"plain": {"why": "a fake", "source": "https://example.org", "default": True}},
    "imports": ["numpy"],
    "distributions": ["numpy", "scipy"],
    "adoptable": False,
}


def capabilities():
    """Offer one activation, one loss and one optimiser."""
    return adapter.capabilities().model_copy(
        update={
            "activations": ("relu",),
            "losses": ("sparse_categorical_cross_entropy",),
            "optimizers": ("adam",),
        }
    )

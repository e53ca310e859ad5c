"""No fault: what a copy without a change is to pass."""

from __future__ import annotations

from samenet.adapters.numpy.adapter import build, capabilities, read_back, wake

__all__ = ["build", "capabilities", "read_back", "wake"]

ADAPTER = {
    "name": "healthy",
    "title": "No fault",
    "modes": {
        "plain": {
            "why": "a planted fault",
            "source": "tests/helpers",
            "default": True,
        },
    },
    "imports": ["numpy"],
    "distributions": ["numpy", "scipy"],
    "adoptable": False,
}

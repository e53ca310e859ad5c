"""The fault: computes on two cores where one was asked for, and says so when asked."""

from __future__ import annotations

from samenet.adapters.numpy.adapter import build, capabilities, wake

__all__ = ["build", "capabilities", "read_back", "wake"]

ADAPTER = {
    "name": "threads-doubled",
    "title": "Two threads",
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


def read_back(program, target):
    """Return what is in force."""
    return {"threads": 2 * target.threads, "device": "cpu"}

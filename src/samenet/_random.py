"""The one generator of random numbers, seeded by what is drawn."""

from __future__ import annotations

import hashlib

import numpy as np


def derive_seed(*words: str | int) -> int:
    """Return a 64-bit seed that depends on every word, equal on every machine."""
    text = "\x1f".join(str(word) for word in words)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")


def make_generator(*words: str | int) -> np.random.Generator:
    """Return the generator for one purpose, e.g. `make_generator("digits", 0, "weights")`."""
    return np.random.default_rng(derive_seed(*words))

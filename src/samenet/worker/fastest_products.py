"""How many operations a second this process could do at the very most: one large matrix product.

No training step can be faster than its products at this rate; one that seems to be was not done.
"""

from __future__ import annotations

import numpy as np

from samenet.machine import clock

SIZE = 384
"""Rows and columns: three such matrices fit into a processor's second cache."""

SECONDS, TRIES_MIN, TRIES_MAX = 0.03, 3, 50


def rate(dtype: str) -> float:
    """Return operations per second, the best of some tries: a disturbed one says nothing."""
    one, other = (np.full((SIZE, SIZE), value, dtype) for value in (1.0, 2.0))
    out = np.empty_like(one)
    tries: list[float] = []
    start = clock.now()
    while len(tries) < TRIES_MIN or (clock.now() - start < SECONDS and len(tries) < TRIES_MAX):
        tries.append(clock.time_call(lambda: np.matmul(one, other, out)))
    return float(2 * SIZE**3 / max(min(tries), 1e-9))

"""Where a process's arrays lie in memory, drawn anew for every process.

Where malloc puts an array depends on all that was allocated before, down to the length of a file's
name, and a product of small matrices is up to a hundredth faster or slower for it. Two arms would
keep such a difference through all repeats, and the interval would not know (Mytkowicz et al. 2009,
"Producing wrong data without doing anything obviously wrong"; Curtsinger and Berger 2013 draw the
layout for this reason). Drawn per process it is noise like any other.
"""

from __future__ import annotations

from samenet._random import generator

BLOCKS = 400
UNIT_BYTES = 16
"""malloc's alignment: what an address is a multiple of."""

UNITS_MIN, UNITS_MAX = 64, 4096
"""From 1 to 64 KiB, where the arrays of small networks are; larger ones get pages of their own."""


def scattered(seed: str) -> list[bytearray]:
    """Return blocks that keep the heap uneven while they live, their sizes drawn from a text.

    Half of the blocks are given back at once: the holes are where later arrays go.
    """
    sizes = UNIT_BYTES * generator("layout", seed).integers(UNITS_MIN, UNITS_MAX, size=BLOCKS)
    blocks = [bytearray(size) for size in sizes.tolist()]
    return blocks[::2]

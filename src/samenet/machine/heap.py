"""Where a process's arrays lie in memory, drawn anew for every process.

Where malloc puts an array depends on everything that was allocated before, down to the length of a
file's name, and makes a product of small matrices up to 1 % faster or slower. Two arms would keep
such a difference through all repeats, and no interval would include it (Mytkowicz et al. 2009,
"Producing wrong data without doing anything obviously wrong"; Curtsinger and Berger 2013 randomise
the layout for this reason). Drawn per process it is noise like any other.
"""

from __future__ import annotations

from samenet._random import make_generator

BLOCKS_DRAWN = 400
UNIT_BYTES = 16
"""malloc's alignment: every address is a multiple of it."""

UNITS_MIN = 64
UNITS_MAX = 4096
"""From 1 to 64 KiB, like the arrays of small networks; larger ones get pages of their own."""


def scatter_heap(seed: str) -> list[bytearray]:
    """Return blocks that keep the heap uneven while they live; their sizes are drawn from a text.

    Half of the blocks are freed at once: later arrays go into the holes.
    """
    sizes = UNIT_BYTES * make_generator("layout", seed).integers(
        UNITS_MIN, UNITS_MAX, size=BLOCKS_DRAWN
    )
    blocks = [bytearray(size) for size in sizes.tolist()]
    return blocks[::2]

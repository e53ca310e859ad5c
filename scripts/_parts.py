"""What can be installed: the core and one part per framework, and what each takes."""

from collections.abc import Mapping
from typing import NamedTuple

CORE = "core"
MAIN_JOB = ("numpy", "scikit-learn", "tensorflow", "keras", "pytorch")
"""What the main job compares; the first two come with the core.

Not JAX: where it is installed, TensorFlow and Keras load it too, and their start takes longer.
"""
EVERY_FRAMEWORK = (*MAIN_JOB, "jax", "keras-torch", "keras-jax")

NEEDS: Mapping[str, tuple[str, ...]] = {
    "keras": ("tensorflow",),
    "keras-torch": ("pytorch",),
    "keras-jax": ("jax",),
}
"""Extras that contain another one: it is installed, counted and reported on its own."""


class Cost(NamedTuple):
    """What one part takes: megabytes to download, megabytes on disk, seconds on two cores."""

    download: int
    disk: int
    seconds: int


COSTS: Mapping[str, Cost] = {
    CORE: Cost(105, 490, 35),
    "tensorflow": Cost(612, 1990, 35),
    "keras": Cost(2, 30, 3),
    "pytorch": Cost(201, 865, 22),
    "jax": Cost(86, 385, 6),
    "keras-torch": Cost(2, 30, 3),
    "keras-jax": Cost(2, 30, 3),
    "docs": Cost(23, 113, 5),
    "test": Cost(85, 270, 12),
}
"""Measured with constraints.txt on Linux x86-64 and an empty pip cache, PyTorch's CPU build."""

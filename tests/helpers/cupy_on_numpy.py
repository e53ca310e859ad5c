"""A stand-in for CuPy: NumPy under CuPy's names, so that the adapter's formulas run anywhere.

It shows that the arithmetic is right, and nothing about a GPU.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace

import numpy as np
import scipy.special

FAMILY = "samenet.adapters.cupy_"


class Event:
    """An event that is over as soon as it is recorded."""

    def record(self) -> None: ...

    def synchronize(self) -> None: ...


class Device:
    """The only device; what is asked of it has been computed."""

    def __init__(self, number: int = 0) -> None:
        self.id = number

    def use(self) -> None: ...

    def synchronize(self) -> None: ...


def _module() -> ModuleType:
    found = ModuleType("cupy")
    found.__dict__.update({name: getattr(np, name) for name in dir(np) if name[0] != "_"})
    found.asarray = found.asnumpy = np.array  # a transfer is a copy
    found.get_default_memory_pool = lambda: SimpleNamespace(total_bytes=lambda: 4096)
    found.cuda = SimpleNamespace(
        Device=Device,
        Event=Event,
        get_elapsed_time=lambda start, end: 250.0,
        is_available=lambda: True,
    )
    return found


@contextmanager
def installed():
    """Put the stand-in where `import cupy` finds it, and take everything away again."""
    given = {name: ModuleType(name) for name in ("cupyx", "cupyx.scipy", "cupyx.scipy.special")}
    given["cupyx"].scipy = given["cupyx.scipy"]
    given["cupyx.scipy"].special = given["cupyx.scipy.special"]
    given["cupyx.scipy.special"].erf = scipy.special.erf
    given["cupyx.scipy.special"].expit = scipy.special.expit
    given["cupy"] = _module()
    before = {name: sys.modules.get(name) for name in given}
    sys.modules.update(given)
    try:
        yield given["cupy"]
    finally:
        for name in [n for n in sys.modules if n.startswith(FAMILY)]:
            del sys.modules[name]
        for name, module in before.items():
            sys.modules.pop(name)
            if module is not None:
                sys.modules[name] = module

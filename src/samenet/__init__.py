"""samenet: one network, every framework, on equal terms.

    result = samenet.run(X, y)      measure the frameworks on your own arrays
    result = samenet.load(folder)   open an earlier run

Both names are imported when they are used, so that `samenet --help` stays fast.
"""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"

__all__ = ["Result", "Training", "load", "run"]  # see __getattr__


def __getattr__(name: str) -> Any:
    """Import the Python API on first use."""
    if name not in __all__:
        raise AttributeError(f"module 'samenet' has no attribute '{name}'")
    from samenet import api

    return getattr(api, name)

"""samenet: one network, every framework, on equal terms.

    result = samenet.run(X, y)      measure the frameworks on your own arrays
    result = samenet.load(folder)   open an earlier run
    samenet.study_activations("digits"), samenet.study_losses("digits")   choose by experiment

All names are imported when they are used, so that `samenet --help` stays fast.
"""

from __future__ import annotations

from typing import Any

__all__ = ["Result", "Training", "load", "run", "study_activations", "study_losses"]  # __getattr__


def __getattr__(name: str) -> Any:
    """Import the Python API on first use."""
    if name not in __all__:
        raise AttributeError(f"module 'samenet' has no attribute '{name}'")
    from samenet import api
    from samenet.experiments.study import api as study_api

    return getattr(study_api if name.startswith("study_") else api, name)

"""Modules kept out of a process, as if they were not installed.

Some frameworks load others that lie beside them without needing them: `import tensorflow` loads JAX
where it is installed, which nobody waits for who has installed TensorFlow alone. What
a framework takes must not depend on which others it is compared with, nor on what samenet itself
needs: `import keras` loads scikit-learn, pandas and matplotlib where they are installed, and they
are, because samenet scores and draws with them. So these are kept out as well, but only until the
framework is there.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import ModuleSpec
from typing import Any

KEPT_OUT_VARIABLE = "SAMENET_KEPT_OUT"
"""Names of modules, separated by commas; the parent sets it for a worker."""

KEPT_OUT_OF_IMPORT_VARIABLE = "SAMENET_KEPT_OUT_OF_IMPORT"
"""The same, of modules that `let_in` lets in again."""


class _Without:
    """A finder of modules that finds some no longer; in all else it is the finder it wraps."""

    def __init__(self, finder: Any, names: frozenset[str]) -> None:
        self.finder = finder
        self.names = names

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Return None for what is kept out: to be imported, or asked for, it is not there."""
        if name.partition(".")[0] in self.names:
            return None
        found: ModuleSpec | None = self.finder.find_spec(name, path, target)
        return found

    def __getattr__(self, name: str) -> Any:
        """Return what the finder itself has, such as how it lists distributions."""
        return getattr(self.finder, name)


def keep_out() -> None:
    """Keep out what the environment of this process names; call it before the first import."""
    names = _named(KEPT_OUT_VARIABLE) | _named(KEPT_OUT_OF_IMPORT_VARIABLE)
    if names:
        sys.meta_path[:] = [_Without(finder, names) for finder in sys.meta_path]


def let_in() -> None:
    """Let in what was kept out of the framework's import alone; call it when that is done."""
    for finder in sys.meta_path:
        if isinstance(finder, _Without):
            finder.names = _named(KEPT_OUT_VARIABLE)


def _named(variable: str) -> frozenset[str]:
    return frozenset(filter(None, os.environ.get(variable, "").split(",")))

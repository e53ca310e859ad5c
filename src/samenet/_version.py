"""The version, where nothing else needs to be imported for it."""

from __future__ import annotations

__version__ = "0.1.0"

"""What the fake adapter takes, in seconds: known by construction, so that a report can be wrong."""

from __future__ import annotations

PHASES = {"import": 0.20, "wake": 0.15, "build": 0.10, "load": 0.08}
FIRST_CALL, STEP = 0.30, 0.005
"""A first call takes FIRST_CALL more than its steps do."""

RESULT = 0.02
"""Of the mode that returns at once: from a call to its result."""

RECOMPILED_STEP = 57
"""Of the steady window: the step at which a mode compiles once more."""

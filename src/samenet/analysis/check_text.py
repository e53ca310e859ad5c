"""A check in words: why it failed, and which value of a setting was read back."""

from __future__ import annotations

from typing import Any

import pandas as pd

from samenet.analysis.deviations import because
from samenet.runs.records import INFINITE_ERROR
from samenet.stats.formatting import error_text

MISSING = ("this check is missing", "no such check was made")
"""The details of what stands in the place of a check that was asked for and never made."""

DEFINITIONS = ("processor time over wall time", "relative error of one product")
"""Where a read-back's detail begins like this it says what was measured: the error is the value."""

TRAINED = ("gate 2", "gate 3", "gate 4")
"""The gates that train: what is no number there has most likely diverged."""


def is_missing(check: Any) -> bool:
    """Return whether a row of the frame `checks` stands for a check that was never made."""
    return check.detail in MISSING


def why_failed(check: Any, deviations: pd.DataFrame) -> str:
    """Return why a row of the frame `checks` did not pass, in part of a sentence."""
    name = f"{check.gate}, {check.quantity}"
    if is_missing(check):
        return f"{name}: {check.detail}"
    if check.gate == "read-back" and not _is_defined(check.detail):
        return f"{check.quantity} in force: {check.detail}"
    if not check.error < INFINITE_ERROR:
        hint = ": a smaller learning rate may help" if check.gate in TRAINED else ""
        return f"{name} is not a number{hint}"
    why = because(deviations, str(check.task), str(check.arm), str(check.detail))
    return f"{name}: {check.error:.2g} instead of at most {check.limit:.2g}{why}"


def value_in_force(check: Any) -> str:
    """Return the value that a read-back found, as it stands beside its setting's name."""
    if is_missing(check) or not _is_defined(check.detail):
        return str(check.detail)
    definition, _, note = str(check.detail).partition("; ")
    if definition.startswith("relative error"):
        return f"relative error {error_text(check.error)}"
    return f"{check.error:.2f}" + (f" ({note})" if note else "")


def _is_defined(detail: str) -> bool:
    return detail.startswith(DEFINITIONS)

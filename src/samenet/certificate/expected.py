"""Which checks a certificate consists of: one that is missing is a failure, not a success.

The absence of a failure proves nothing: an examination that ended early, or a precision that an
adapter does not name, would look as good as one that passed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from samenet.adapter.api import Capabilities
from samenet.certificate.problem import Check

Named = tuple[str, str, str]
"""Gate, what its quantity begins with, precision."""


def of_task(offered: Capabilities) -> list[Named]:
    """Return what stands before the timing of a task: gates 1 and 2."""
    found: list[Named] = []
    for dtype in offered.dtypes:
        found += [("initial weights", "", dtype), ("gate 1", "gradient", dtype)]
    return found + (_trajectory("gate 2", "float64") if "float64" in offered.dtypes else [])


def of_training(offered: Capabilities) -> list[Named]:
    """Return what a training case gives: gate 2 in float64, gate 3 in float32."""
    gates = {"float64": "gate 2", "float32": "gate 3"}
    return [each for dtype in offered.dtypes for each in _trajectory(gates[dtype], dtype)]


def _trajectory(gate: str, dtype: str) -> list[Named]:
    return [(gate, quantity, dtype) for quantity in ("weights", "loss", "outputs")]


def gates(offered: Capabilities) -> set[str]:
    """Return the gates without which an adapter is not examined to the end."""
    always = {"initial weights", "gate 0", "gate 1", "gate 4", "sync", "read-back", "repeatable"}
    return always | {gate for gate, _, _ in of_training(offered)}


def completed(checks: Sequence[Check], wanted: Iterable[Named]) -> list[Check]:
    """Return the checks, with a failed one in the place of each that is missing."""
    found = list(checks)
    for gate, quantity, dtype in wanted:
        if not any(_is(check, gate, quantity, dtype) for check in checks):
            found.append(
                Check(
                    gate=gate,
                    quantity=quantity or "largest difference",
                    dtype=dtype,
                    error=float("inf"),
                    limit=0.0,
                    detail="no such check was made",
                )
            )
    return found


def _is(check: Check, gate: str, quantity: str, dtype: str) -> bool:
    return (check.gate, check.dtype) == (gate, dtype) and check.quantity.startswith(quantity)

"""Which checks a certificate consists of: one that is missing is a failure, not a success.

The absence of a failure proves nothing: an examination that ended early, or a precision that an
adapter does not name, would look as good as one that passed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from samenet.adapter.api import Capabilities
from samenet.adapter.expected_checks import Named, is_one, of_training
from samenet.certificate.problem import Check


def gates(offered: Capabilities) -> set[str]:
    """Return the gates without which an adapter is not examined to the end."""
    always = {"initial weights", "gate 0", "gate 1", "gate 4", "sync", "read-back", "repeatable"}
    return always | {gate for gate, _, _ in of_training(offered)}


def completed(checks: Sequence[Check], wanted: Iterable[Named]) -> list[Check]:
    """Return the checks, with a failed one in the place of each that is missing."""
    found = list(checks)
    for named in wanted:
        gate, quantity, dtype = named
        if not any(is_one(named, made.gate, made.quantity, made.dtype) for made in checks):
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

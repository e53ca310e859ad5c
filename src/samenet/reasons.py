"""Why a result has no number, in words."""

from __future__ import annotations

from typing import Any

from samenet import trust
from samenet.frames import Frames


def failures_of(frames: Frames, task: str) -> dict[str, list[str]]:
    """Return the arms without a number and why, in words: 'failed: the worker was killed'."""
    found: dict[str, list[str]] = {}
    rows = frames.failures
    rows = rows[(rows.task == task) & (rows.track == "same")]
    for arm, mark, reason in zip(rows.arm, rows["mark"], rows.reason, strict=True):
        found.setdefault(arm, []).append(with_mark(mark, reason))
    checks = frames.checks
    for row in checks[(checks.task == task) & ~checks.passed.astype(bool)].itertuples():
        found.setdefault(str(row.arm), []).append(f"refused: {_refusal(row)}")
    return {arm: list(dict.fromkeys(lines))[:3] for arm, lines in found.items()}


def _refusal(check: Any) -> str:
    if check.gate == "read-back":
        return f"{check.quantity} in force: {check.detail}"
    error, limit = trust.error_text(check.error), trust.error_text(check.limit)
    return f"{check.gate}, {check.quantity}: error {error}, limit {limit}"


def with_mark(mark: str, reason: str) -> str:
    """Return a mark and its reason, said once."""
    return reason if reason.startswith(mark) else f"{mark}: {reason}"

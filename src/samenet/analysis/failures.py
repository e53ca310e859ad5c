"""Why a result has no number, in words."""

from __future__ import annotations

from typing import Any

from samenet.analysis import certificates
from samenet.analysis.frames import Frames
from samenet.analysis.memo import once


def failures_of(frames: Frames, task: str) -> dict[str, list[str]]:
    """Return the arms without a number and why, in words: 'failed: the worker was killed'."""
    found = _by_task(frames).get(task, {})
    return {arm: list(dict.fromkeys(lines))[:3] for arm, lines in found.items()}


@once
def _by_task(frames: Frames) -> dict[str, dict[str, list[str]]]:
    found: dict[str, dict[str, list[str]]] = {}
    failed = frames.failures[frames.failures.track == "same"]
    for task, arm, mark, reason in zip(
        failed.task, failed.arm, failed["mark"], failed.reason, strict=True
    ):
        found.setdefault(task, {}).setdefault(arm, []).append(with_mark(mark, reason))
    for row in frames.checks[~frames.checks.passed.astype(bool)].itertuples():
        own = found.setdefault(str(row.task), {})
        own.setdefault(str(row.arm), []).append(f"refused: {_refusal(frames, row)}")
    return found


def _refusal(frames: Frames, check: Any) -> str:
    if check.gate == "read-back":
        return f"{check.quantity} in force: {check.detail}"
    error, limit = certificates.error_text(check.error), certificates.error_text(check.limit)
    because = certificates.because(frames, str(check.task), str(check.arm), str(check.detail))
    return f"{check.gate}, {check.quantity}: error {error}, limit {limit}{because}"


def with_mark(mark: str, reason: str) -> str:
    """Return a mark and its reason, said once."""
    return reason if reason.startswith(mark) else f"{mark}: {reason}"

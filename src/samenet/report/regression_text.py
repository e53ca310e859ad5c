"""A comparison of two runs as text, Markdown and JSON."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from samenet.analysis.quantities import Quantity
from samenet.analysis.regression import Comparison, Row
from samenet.errors import UsageError
from samenet.report.result import RESULT_SCHEMA
from samenet.stats.formatting import words
from samenet.stats.verdicts import Word

HEAD = {
    "regression": "Regression",
    "inconclusive": "Cannot tell yet",
    "fine": "No regression",
    "refused": "Not compared",
}

ADMIT = {"machine": "--across-machines", "versions": "--across-versions"}


def document(path: Path) -> dict[str, Any]:
    """Return the result document of a run folder or of a file that holds one.

    Raises UsageError, in one sentence, for anything else.
    """
    if path.is_dir():
        from samenet.analysis import frames
        from samenet.report import result

        return json_again(result.document(frames.load(path)))
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"Cannot read {path}: {error.strerror}.") from None
    except ValueError:
        raise UsageError(f"{path} is neither a run folder nor a JSON document.") from None
    if not isinstance(found, dict) or found.get("schema") != RESULT_SCHEMA:
        raise UsageError(f"{path} is no result: write one with `samenet run --json`.")
    if "fingerprint" not in found:
        raise UsageError(f"{path} comes from an older samenet: it has no fingerprint.")
    return found


def json_again(values: dict[str, Any]) -> dict[str, Any]:
    """Return a document as a reader of its JSON gets it: both kinds of input are then alike."""
    again: dict[str, Any] = json.loads(json.dumps(values))
    return again


def summary(found: Comparison) -> str:
    """Return the answer in one sentence."""
    if found.verdict == "refused":
        return f"Not compared, these differ: {'; '.join(found.refusals)}."
    count = Counter(row.word for row in found.rows)
    unknown = count[Word.UNKNOWN] + count[Word.NOT_COMPARED]
    slower = f"{count[Word.SLOWER]} of {len(found.rows)} results slower"
    parts = [f"{slower} by more than {100 * found.margin:.3g} %"]
    parts += [f"{count[Word.FASTER]} faster"] if count[Word.FASTER] else []
    parts += [f"{unknown} without an answer"] if unknown else []
    return f"{HEAD[found.verdict]}: {', '.join(parts)} ({Quantity(found.quantity).label})."


def _notes(found: Comparison) -> list[str]:
    """Return what a reader must know beside the numbers."""
    if not found.admitted:
        return []
    return [f"Admitted, so the ratios hold these differences too: {'; '.join(found.admitted)}."]


def lines(found: Comparison) -> list[str]:
    """Return the comparison for a terminal."""
    return [*map(_line, found.rows), *_notes(found), summary(found), *_remedy(found)]


def _remedy(found: Comparison) -> list[str]:
    """Return what to do about a refusal."""
    groups = {text.partition(":")[0] for text in found.refusals}
    if "settings" in groups:
        return ["Measure both with the same settings."]
    options = [option for group, option in ADMIT.items() if group in groups]
    return [f"Add {' '.join(options)} to compare all the same."] if options else []


def _line(row: Row) -> str:
    return f"  {row.task:<18} {row.arm:<22} {_ratio(row):<24} {row.word}{_after(row)}"


def _ratio(row: Row) -> str:
    """Return new / base, with its interval where there is one."""
    found = row.ratio
    if found is None:
        return "–"
    interval = f" [{found.low:.3f}, {found.high:.3f}]" if found.known else ""
    return f"{found.value:.3f}×{interval}"


def _after(row: Row) -> str:
    return f": {row.note}" if row.note else ""


def markdown(found: Comparison) -> list[str]:
    """Return the comparison as it is pasted: the answer first, then every row."""
    bold, _, rest = summary(found).partition(":")
    head = [f"**{bold}**:{rest}" if rest else f"**{bold}**"]
    table = [
        "",
        "| task | framework | base | new | new / base (95 %) | |",
        "|---|---|--:|--:|--:|---|",
    ]
    rows = [
        f"| {_cell(row.task)} | {_cell(row.arm)} | {_time(row.base_seconds)} | "
        f"{_time(row.new_seconds)} | {_ratio(row)} | {row.word}{_after(row)} |"
        for row in found.rows
    ]
    notes = [text for note in [*_notes(found), *_remedy(found)] for text in ("", note)]
    return [*head, *(table if rows else []), *rows, *notes]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _time(seconds: float | None) -> str:
    return "–" if seconds is None else words(seconds)

"""A comparison of two runs as text, Markdown and JSON."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from samenet.analysis.quantities import Quantity
from samenet.analysis.regression import Comparison, Row
from samenet.analysis.result_document import ResultDocument
from samenet.errors import UNREADABLE, UsageError, explain_unreadable
from samenet.machine.files import JSON_BYTES_MAX, read_text
from samenet.report.result import RESULT_SCHEMA
from samenet.spec.parsing import parse
from samenet.stats.formatting import format_seconds
from samenet.stats.verdicts import VerdictWord

VERDICT_TITLES = {
    "regression": "Regression",
    "inconclusive": "Cannot tell yet",
    "fine": "No regression",
    "refused": "Not compared",
}

ADMIT_OPTIONS = {"machine": "--across-machines", "versions": "--across-versions"}


def load_document(path: Path) -> dict[str, Any]:
    """Return the result document of a run folder or of a file that holds one.

    Raises UsageError, in one sentence, for anything else.
    """
    if path.is_dir():
        from samenet.analysis import frames
        from samenet.report import result

        return as_json_reads(result.to_document(frames.load(path)))
    try:
        values = json.loads(read_text(path, JSON_BYTES_MAX))
    except OSError as error:
        raise UsageError(f"Cannot read {path}: {explain_unreadable(error)}.") from None
    except UNREADABLE:
        raise UsageError(f"{path} is neither a run folder nor a JSON document.") from None
    if not isinstance(values, dict) or values.get("schema") != RESULT_SCHEMA:
        raise UsageError(f"{path} is no result: write one with `samenet run --json`.")
    if "fingerprint" not in values:
        raise UsageError(f"{path} comes from an older samenet: it has no fingerprint.")
    parse(ResultDocument, values, where=str(path))
    return values


def as_json_reads(values: dict[str, Any]) -> dict[str, Any]:
    """Return a document as its JSON reads back, so that both kinds of input are alike."""
    again: dict[str, Any] = json.loads(json.dumps(values))
    return again


def summary_sentence(comparison: Comparison) -> str:
    """Return the answer in one sentence."""
    if comparison.verdict == "refused":
        return f"Not compared, these differ: {'; '.join(comparison.refusals)}."
    count = Counter(row.word for row in comparison.rows)
    unknown = count[VerdictWord.UNKNOWN] + count[VerdictWord.NOT_COMPARED]
    slower = f"{count[VerdictWord.SLOWER]} of {len(comparison.rows)} results slower"
    parts = [f"{slower} by more than {100 * comparison.margin:.3g} %"]
    parts += [f"{count[VerdictWord.FASTER]} faster"] if count[VerdictWord.FASTER] else []
    parts += [f"{unknown} without an answer"] if unknown else []
    quantity = Quantity(comparison.quantity).label
    return f"{VERDICT_TITLES[comparison.verdict]}: {', '.join(parts)} ({quantity})."


def _notes(comparison: Comparison) -> list[str]:
    """Return what a reader must know beside the numbers."""
    if not comparison.admitted:
        return []
    differences = "; ".join(comparison.admitted)
    return [f"Admitted differences, which every ratio includes: {differences}."]


def to_lines(comparison: Comparison) -> list[str]:
    """Return the comparison for a terminal."""
    rows = [
        f"  {row.task:<18} {row.arm:<22} {_ratio(row):<24} {row.word}{_after(row)}"
        for row in comparison.rows
    ]
    return [*rows, *_notes(comparison), summary_sentence(comparison), *_remedy(comparison)]


def _remedy(comparison: Comparison) -> list[str]:
    """Return what to do about a refusal."""
    groups = {text.partition(":")[0] for text in comparison.refusals}
    if "settings" in groups:
        return ["Measure both with the same settings."]
    options = [option for group, option in ADMIT_OPTIONS.items() if group in groups]
    return [f"Add {' '.join(options)} to compare all the same."] if options else []


def _ratio(row: Row) -> str:
    """Return new / base, with its interval where there is one."""
    ratio = row.ratio
    if ratio is None:
        return "–"
    interval = f" [{ratio.low:.3f}, {ratio.high:.3f}]" if ratio.known else ""
    return f"{ratio.value:.3f}×{interval}"


def _after(row: Row) -> str:
    return f": {row.note}" if row.note else ""


def to_markdown(comparison: Comparison) -> list[str]:
    """Return the comparison as Markdown to paste: the answer first, then every row."""
    bold, _, rest = summary_sentence(comparison).partition(":")
    head = [f"**{bold}**:{rest}" if rest else f"**{bold}**"]
    table = [
        "",
        "| task | framework | base | new | new / base (95 %) | |",
        "|---|---|--:|--:|--:|---|",
    ]
    rows = [
        f"| {_cell(row.task)} | {_cell(row.arm)} | {_time(row.base_seconds)} | "
        f"{_time(row.new_seconds)} | {_ratio(row)} | {row.word}{_after(row)} |"
        for row in comparison.rows
    ]
    notes = [text for note in [*_notes(comparison), *_remedy(comparison)] for text in ("", note)]
    return [*head, *(table if rows else []), *rows, *notes]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _time(seconds: float | None) -> str:
    return "–" if seconds is None else format_seconds(seconds)

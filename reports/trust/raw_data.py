"""The run's data inside the page, so that everything can be recomputed from that file alone."""

from __future__ import annotations

import json
import math
from typing import Any

import pandas as pd

from samenet.analysis import subset
from samenet.analysis.frames import Frames
from samenet.report.blocks import Data, Section, Text

ORDER = 5
EVERY_TASK = True
LARGEST_BYTES = 1_500_000
SCORED = ["track", "task", "arm", "repeat", "split", "metric"]
KEYS = ["track", "task", "arm", "repeat", "phase", "steps"]


def section(frames: Frames) -> Section | None:
    """Return the data with a button that saves them; if they are too many, where to find them."""
    return Section(
        id="raw",
        title="Raw data",
        summary="Every single sample, score and check, as JSON.",
        blocks=(_block(frames),),
    )


def _block(frames: Frames) -> Data | Text:
    elsewhere = "The data are too many for a page: see records.jsonl in the run’s folder."
    if subset.is_large(frames):
        return Text(lines=(elsewhere,))
    values = run_data(frames)
    size = len(json.dumps(values))
    if size > LARGEST_BYTES:
        return Text(lines=(elsewhere,))
    return Data(name="run", text=_what(size), values=values)


def _what(size: int) -> str:
    return (
        f"This page holds the run’s data ({size / 1e3:.0f} kB of JSON): every timing sample in "
        "the order it was taken, in seconds, to the nanosecond; every score, check, memory peak "
        "and failure. "
        "The same stands in records.jsonl in the run’s folder."
    )


def run_data(frames: Frames) -> dict[str, Any]:
    """Return the frames as columns; samples and scores as lists, one per phase and training."""
    return {
        "samenet": frames.plan.samenet,
        "run": frames.plan.name,
        "created": frames.plan.created,
        "samples": _samples(frames.samples),
        "scores": _scores(frames.scores),
        "checks": _columns(frames.checks),
        "footprints": _columns(frames.footprints),
        "failures": _columns(frames.failures),
    }


def _samples(samples: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        dict(zip(KEYS, key, strict=True)) | {"seconds": [round(s, 9) for s in group.seconds]}
        for key, group in samples.groupby(KEYS, sort=False)
    ]


def _scores(scores: pd.DataFrame) -> list[dict[str, Any]]:
    """Return one list of epochs and values per score of a training."""
    return [
        dict(zip(SCORED, key, strict=True))
        | {"epochs": group.epoch.tolist(), "values": [_finite(value) for value in group.value]}
        for key, group in scores.groupby(SCORED, sort=False)
    ]


def _finite(value: float) -> float | None:
    """Return a score to ten digits, or None: JSON has no infinity."""
    return float(f"{value:.10g}") if math.isfinite(value) else None


def _columns(frame: pd.DataFrame) -> dict[str, list[Any]]:
    plain: dict[str, list[Any]] = json.loads(frame.to_json(orient="split"))
    return {
        name: [row[column] for row in plain["data"]] for column, name in enumerate(plain["columns"])
    }

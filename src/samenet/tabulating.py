"""From records to data frames, a column at a time: a run has a million samples."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from statistics import median
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from samenet.records import LimitRecord, QualityRecord, Record, TimingRecord

_SAMPLES = ["track", "task", "arm", "repeat", "phase", "index", "steps", "seconds"]
_LIMITS = ["task", "quantity", "work", "seconds"]
_SCORES = ["track", "task", "arm", "repeat", "split", "metric", "epoch", "value"]


def table(records: Sequence[Record], kind: type[Record], columns: list[str]) -> pd.DataFrame:
    """Return these columns of the records of one kind."""
    own = [record for record in records if isinstance(record, kind)]
    if not own:
        return pd.DataFrame(columns=columns)
    return pd.DataFrame({name: [getattr(record, name) for record in own] for name in columns})


def samples(records: Sequence[Record]) -> pd.DataFrame:
    """Return one row per raw sample."""
    own = [record for record in records if isinstance(record, TimingRecord)]
    if not own:
        return pd.DataFrame(columns=_SAMPLES)
    counts = [len(record.seconds) for record in own]
    columns = _repeated(own, counts, _SAMPLES)
    columns["index"] = _joined((range(count) for count in counts), np.int64)
    columns["seconds"] = _joined((record.seconds for record in own), np.float64)
    return pd.DataFrame(columns, copy=False)


def _repeated(records: Sequence[Any], counts: list[int], names: list[str]) -> dict[str, Any]:
    """Return what the records have of these columns, each value as often as it has rows."""
    known = [name for name in names if hasattr(records[0], name)]
    values = {name: pd.Series([getattr(record, name) for record in records]) for name in known}
    return {name: values[name].repeat(counts).array if name in known else [] for name in names}


def _joined(parts: Iterable[Iterable[float]], kind: type[np.generic]) -> NDArray[Any]:
    return np.fromiter(itertools.chain.from_iterable(parts), dtype=kind)


def limits(records: Sequence[Record]) -> pd.DataFrame:
    """Return one row per limit of the machine."""
    rows = [
        (r.task, r.quantity, r.work, median(r.seconds))
        for r in records
        if isinstance(r, LimitRecord)
    ]
    return pd.DataFrame(rows, columns=_LIMITS)


def scores(records: Sequence[Record]) -> pd.DataFrame:
    """Return one row per score and epoch."""
    own = [record for record in records if isinstance(record, QualityRecord)]
    if not own:
        return pd.DataFrame(columns=_SCORES)
    columns = _repeated(own, [len(record.epochs) for record in own], _SCORES)
    columns["epoch"] = _joined((record.epochs for record in own), np.int64)
    columns["value"] = _joined((record.values for record in own), np.float64)
    return pd.DataFrame(columns, copy=False)

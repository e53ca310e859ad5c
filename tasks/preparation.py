"""From a table to numbers: what each column is, the split, and the scaling of the inputs.

What a column *is* (number, date, text) follows from the whole table. What is *learnt* from rows
(medians, means, deviations, categories) is learnt by scikit-learn from the training rows alone.
"""

from __future__ import annotations

import math
import re
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import is_bool_dtype, is_numeric_dtype
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from samenet.errors import UsageError

CATEGORIES_MAX = 32
"""Inputs that one column of texts may become; the rarest texts share the last of them."""
IDENTIFIER_SHARE = 0.9
"""Texts that differ in so many rows name the rows and say nothing about others."""
IDENTIFIER_NAME = re.compile(r"(?:.*[_ ])?(?:id|index|unnamed: \d+)", re.IGNORECASE)
NUMBERS_SHARE = 0.95
"""A column of texts of which so many are numbers is a column of numbers with slips."""

DATE_LIKE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[T ].*)?")
DATE_FORMATS = [
    day + time
    for day in ("ISO8601", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%Y/%m/%d", "%d-%m-%Y")
    for time in (("",) if day == "ISO8601" else ("", " %H:%M", " %H:%M:%S"))
]

DATE_PARTS = ("year", "month", "day", "weekday", "hour", "days since 1970")

NUMBER, DATE, TEXT = "f", "M", "O"
"""The kinds of NumPy types that a settled table has."""


class Column(NamedTuple):
    """What became of one column: its values, or None if it is left out, and a sentence."""

    values: pd.Series[Any] | None
    note: str


def type_columns(features: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Return the columns as float64, datetime64 or texts (object), and what was done to them.

    Columns that only name the rows are left out. Raises UsageError if nothing is left.
    """
    columns = {str(name): _column(str(name), values) for name, values in features.items()}
    kept = {name: column.values for name, column in columns.items() if column.values is not None}
    if not kept:
        raise UsageError("The data have no column to predict from.")
    return pd.DataFrame(kept), [column.note for column in columns.values() if column.note]


def _column(name: str, values: pd.Series[Any]) -> Column:
    if values.isna().all():
        return Column(None, f"Column '{name}' is empty and left out.")
    if is_bool_dtype(values) or not is_numeric_dtype(values):
        return _text_column(name, values)
    if IDENTIFIER_NAME.fullmatch(name) and values.is_unique and (values % 1 == 0).all():
        return Column(None, f"Column '{name}' numbers the rows and is left out.")
    return Column(values.astype("float64"), "")


def _text_column(name: str, values: pd.Series[Any]) -> Column:
    texts = values.map(str, na_action="ignore").astype(object)
    present = texts.dropna()
    dates = _as_dates(texts)
    if dates is not None:
        note = f"Column '{name}' is read as a date{dates.note}: {', '.join(DATE_PARTS)}."
        return dates._replace(note=note)
    numbers = pd.to_numeric(texts, errors="coerce").astype("float64")
    slips = present[numbers.reindex(present.index).isna()]
    if len(slips) <= (1 - NUMBERS_SHARE) * len(present):
        return Column(numbers, _about_slips(name, slips))
    if present.nunique() > IDENTIFIER_SHARE * len(present):
        return Column(
            None, f"Column '{name}' has a different text in almost every row and is left out."
        )
    return Column(texts, "")


def _about_slips(name: str, slips: pd.Series[Any]) -> str:
    if len(slips) == 0:
        return ""
    others = f"the other texts ({len(slips)}, such as '{slips.iloc[0]}') count as missing"
    return f"Column '{name}' holds numbers; {others}."


def _as_dates(texts: pd.Series[Any]) -> Column | None:
    if not texts.dropna().map(lambda text: DATE_LIKE.fullmatch(text) is not None).all():
        return None
    found = [(form, dates) for form in DATE_FORMATS if (dates := _read(texts, form)) is not None]
    if not found:
        return None
    form, dates = found[0]
    also_day_first = any(other == form.replace("%m/%d", "%d/%m") for other, _ in found[1:])
    return Column(dates, " (month/day/year is assumed)" if also_day_first else "")


def _read(texts: pd.Series[Any], form: str) -> pd.Series[Any] | None:
    try:
        return pd.to_datetime(texts, format=form, utc=True).dt.tz_localize(None)
    except (ValueError, OverflowError):
        return None


def date_parts(dates: pd.DataFrame) -> pd.DataFrame:
    """Return each date as numbers; a missing date as missing numbers."""
    parts = {}
    for name, column in dates.items():
        days = (column - pd.Timestamp("1970-01-01")) / pd.Timedelta(days=1)
        numbers = [column.dt.year, column.dt.month, column.dt.day, column.dt.day_of_week]
        for part, values in zip(DATE_PARTS, [*numbers, column.dt.hour, days], strict=True):
            parts[f"{name} {part}"] = values.astype("float64")
    return pd.DataFrame(parts)


def _date_part_names(transformer: FunctionTransformer, names: NDArray[Any]) -> list[str]:
    del transformer  # scikit-learn hands over itself
    return [f"{name} {part}" for name in names for part in DATE_PARTS]


def preprocessor(features: pd.DataFrame) -> ColumnTransformer:
    """Return the unfitted preparation of a table whose columns `typed` has settled.

    Numbers: median for missing ones plus an input that says so, then mean 0 and deviation 1.
    Dates: their parts, treated as numbers. Texts: one input per category, missing is a category.
    """
    dates = FunctionTransformer(date_parts, feature_names_out=_date_part_names)
    texts = make_pipeline(
        SimpleImputer(strategy="constant", fill_value="missing"),
        OneHotEncoder(
            max_categories=CATEGORIES_MAX,
            handle_unknown="infrequent_if_exist",
            sparse_output=False,
        ),
    )
    return ColumnTransformer(
        [
            ("numbers", _scaled(), _columns_of(features, NUMBER)),
            ("dates", make_pipeline(dates, _scaled()), _columns_of(features, DATE)),
            ("texts", texts, _columns_of(features, TEXT)),
        ]
    )


def _scaled() -> Pipeline:
    median = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
    return make_pipeline(median, StandardScaler())


def _columns_of(features: pd.DataFrame, kind: str) -> list[str]:
    return [str(name) for name, dtype in features.dtypes.items() if dtype.kind == kind]


def describe_learnt(train: pd.DataFrame) -> list[str]:
    """Return what `preprocessor` learns from the training rows, one sentence per kind of column."""
    numbers, gaps = _columns_of(train, NUMBER), [str(n) for n in train if train[n].isna().any()]
    notes = []
    if numbers:
        scaled = "scaled to mean 0 and deviation 1 of the training rows"
        notes.append(f"Columns of numbers ({len(numbers)}): {scaled}.")
    if filled := [name for name in gaps if train[name].dtype.kind != TEXT]:
        notes.append(
            f"Missing values in {_listed(filled)}: the median of the training rows instead, "
            "and one more input that says so."
        )
    return notes + [_about_texts(name, train[name]) for name in _columns_of(train, TEXT)]


def _about_texts(name: str, texts: pd.Series[Any]) -> str:
    distinct = texts.nunique(dropna=False)
    if distinct <= CATEGORIES_MAX:
        return f"Column '{name}' becomes {distinct} inputs, one per text."
    return (
        f"Column '{name}' has {distinct} texts: the {CATEGORIES_MAX - 1} most frequent "
        "become one input each, the others share one."
    )


def _listed(names: list[str]) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:5])
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"


class Split(NamedTuple):
    """Row numbers of the two parts, and how they were drawn."""

    train: NDArray[np.int64]
    test: NDArray[np.int64]
    note: str


def split(classes: NDArray[Any] | None, *, rows: int, test_rows: int, seed: int) -> Split:
    """Return the parts as `train_test_split` draws them, by class where there are classes.

    A class with a single row goes to the training part: what was never seen cannot be learnt.
    """
    test_rows = test_rows or math.ceil(rows / 4)
    free, lone = _free_and_lone(classes, rows)
    if test_rows >= len(free):
        raise UsageError(f"{test_rows} test rows are too many: the data have {rows} usable rows.")
    by_class = _can_stratify(classes, free, test_rows)
    train, test = train_test_split(
        free,
        test_size=test_rows,
        random_state=seed,
        stratify=classes[free] if classes is not None and by_class else None,
    )
    note = (
        f"{rows} rows: {rows - test_rows} to train on, {test_rows} to test, drawn with seed {seed}"
    )
    shares = ", each class in equal shares" if by_class else ""
    single = "; a class with one row is in the training part" if len(lone) else ""
    return Split(np.concatenate([train, lone]), test, f"{note}{shares}{single}.")


def _free_and_lone(
    classes: NDArray[Any] | None, rows: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    if classes is None:
        return np.arange(rows), np.arange(0)
    alone = np.bincount(classes)[classes] == 1
    return np.flatnonzero(~alone), np.flatnonzero(alone)


def _can_stratify(classes: NDArray[Any] | None, free: NDArray[np.int64], test_rows: int) -> bool:
    """Return whether each part has room for a row of every class."""
    if classes is None:
        return False
    different = len(np.unique(classes[free]))
    return different <= min(test_rows, len(free) - test_rows)

"""A person's own table: read a CSV file, guess what its target is, make it a task.

The parent process works with this module, so it knows pandas but not scikit-learn.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from samenet.errors import UsageError, unknown
from samenet.spec import Kind, parse
from samenet.task import DataSpec, Task, against_several
from samenet.terminal import printable
from samenet.training import LOSSES_OF_KIND

SEPARATORS = ",;\t"
MISSING_MARKS = ["?"]
"""Read as missing beside pandas' own list (empty, NA, null ...): the mark of the UCI tables."""

LARGEST_NUMBER = 1e100
"""Beyond it a square overflows; such numbers are typing errors or stand for infinity."""

FEW_WHOLE_NUMBERS = 20
"""A target of at most so many different whole numbers is taken for class numbers ..."""
ROWS_PER_NUMBER = 5
"""... if each of them stands in at least so many rows on average."""
CLASSES_MAX = 1000

EXACT_ADAM = {
    "name": "adam",
    "learning_rate": 2.0**-10,
    "beta1": 1 - 2.0**-3,
    "beta2": 1 - 2.0**-10,
    "epsilon": 2.0**-40,
}
"""Adam with constants that are exact in binary, so that its two forms agree to 2e-6."""


def read_csv(path: str | Path) -> pd.DataFrame:
    """Return the table in a CSV file: stripped texts, finite numbers, one name per column.

    The separator (comma, semicolon or tab) is the one that splits the first line most often.
    Raises UsageError saying in one sentence why a file is not such a table.
    """
    text = _text(Path(path))
    try:
        separator, names = _header(text)
        _named_once(names, path)
        frame = _parsed(text, separator)
    except (pd.errors.ParserError, csv.Error) as error:
        reason = str(error).removeprefix("Error tokenizing data. C error: ").strip()
        raise UsageError(f"{path} cannot be read as a table: {reason}.") from None
    if len(frame) == 0:
        raise UsageError(f"{path} has a header but no rows.")
    if not isinstance(frame.index, pd.RangeIndex):
        raise UsageError(f"{path} has rows with more values than the {len(names)} column names.")
    frame = frame.apply(_stripped)
    refuse_infinite(frame, str(path))
    return frame


def _text(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8 text; save the table as CSV in UTF-8.") from None
    except OSError as error:
        raise UsageError(f"Cannot read the data file {path}: {error.strerror}.") from None
    if not text.strip():
        raise UsageError(f"{path} is empty.")
    return text.lstrip("\n")


def _header(text: str) -> tuple[str, list[str]]:
    first_line = text.split("\n", 1)[0]
    pieces = {mark: len(next(csv.reader([first_line], delimiter=mark))) for mark in SEPARATORS}
    separator = max(SEPARATORS, key=lambda mark: pieces[mark])  # the first of equals: the comma
    names = next(csv.reader(io.StringIO(text), delimiter=separator, skipinitialspace=True))
    return separator, [_one_line(name) for name in names]


def _named_once(names: list[str], path: str | Path) -> None:
    twice = [name for name, times in Counter(names).items() if name and times > 1]
    if twice:
        raise UsageError(f"{path} has two columns called '{twice[0]}'; rename one.")


def _parsed(text: str, separator: str) -> pd.DataFrame:
    frame = pd.read_csv(
        io.StringIO(text),
        sep=separator,
        decimal="," if separator == ";" and _has_decimal_commas(text) else ".",
        skipinitialspace=True,
        na_values=MISSING_MARKS,
        low_memory=False,  # the type of a column must not depend on where a chunk ends
    )
    return frame.rename(columns=_one_line)


def _one_line(name: object) -> str:
    return printable(" ".join(str(name).split()))


def _has_decimal_commas(text: str) -> bool:
    return re.search(r"(?:^|;)\s*-?\d+,\d+\s*(?:;|$)", text, re.MULTILINE) is not None


def _stripped(column: pd.Series[Any]) -> pd.Series[Any]:
    if is_numeric_dtype(column):  # pandas counts booleans as numbers
        return column
    return column.map(lambda value: str(value).strip(), na_action="ignore").astype(object)


def refuse_infinite(frame: pd.DataFrame, where: str) -> None:
    """Raise UsageError if a column of numbers holds an infinite one, or one beyond 1e100."""
    for name, column in frame.select_dtypes("number").items():
        beyond = column[column.abs() > LARGEST_NUMBER]
        if len(beyond):
            raise UsageError(
                f"{where}: column '{name}' holds an infinite or too large number "
                f"({beyond.iloc[0]:g} in row {int(beyond.index[0]) + 1})."
            )


def target_columns(frame: pd.DataFrame, targets: Sequence[str], where: str) -> pd.DataFrame:
    """Return the values to predict, a column per target; rows that lack one are left out.

    Raises UsageError if a column is not there, or if no row is left.
    """
    if not targets:
        raise UsageError(f"{where}: no target column is named; set data.target.")
    for target in targets:
        if target not in frame.columns:
            raise unknown(f"column of {where}", target, [str(name) for name in frame.columns])
        if frame[target].isna().all():
            raise UsageError(f"{where}: the target column '{target}' has no values.")
    values = frame[list(targets)].dropna()
    if len(values) == 0:
        raise UsageError(f"{where}: no row has a value of every target ({', '.join(targets)}).")
    return values.apply(lambda column: column.map(str) if is_bool_dtype(column) else column)


def check_targets(values: pd.DataFrame, kind: Kind, where: str) -> None:
    """Raise UsageError if targets without missing values cannot be of this kind."""
    if problem := against_several(kind, [str(name) for name in values]):
        raise UsageError(f"{where}: {problem}.")
    for name in values:
        _check_target(values[name], kind, where)


def _check_target(values: pd.Series[Any], kind: Kind, where: str) -> None:
    distinct, name = values.nunique(), values.name
    if distinct == 1:
        raise UsageError(f"{where}: '{name}' has one value only: there is nothing to predict.")
    if kind is Kind.REGRESSION and not is_numeric_dtype(values):
        example = values[pd.to_numeric(values, errors="coerce").isna()]
        shown = f" such as '{example.iloc[0]}'" if len(example) else ""
        raise UsageError(f"{where}: '{name}' holds texts{shown}; a regression needs numbers.")
    if kind is Kind.BINARY and distinct != 2:
        raise UsageError(f"{where}: '{name}' has {distinct} different values; binary needs two.")
    if kind is Kind.MULTICLASS and distinct > min(CLASSES_MAX, len(values) / 2):
        raise UsageError(
            f"{where}: '{name}' has {distinct} different values in {len(values)} rows, "
            "too many to be classes."
        )


def guess_kind(path: str | Path, target: str | Sequence[str]) -> tuple[Kind, str]:
    """Return what kind of task one or several columns make, and the reason as one sentence."""
    values = target_columns(read_csv(path), _data(path, target).target, str(path))
    kind, reason = _guessed(values)
    check_targets(values, kind, str(path))
    return kind, f"{reason}: {kind}"


def _data(path: str | Path, target: str | Sequence[str]) -> DataSpec:
    values = {"source": f"csv:{Path(path).as_posix()}", "target": target}
    return parse(DataSpec, values, where=str(path))


def _guessed(targets: pd.DataFrame) -> tuple[Kind, str]:
    if len(targets.columns) > 1:
        return Kind.REGRESSION, f"{' and '.join(map(str, targets))} are several targets"
    target, values = str(targets.columns[0]), targets.iloc[:, 0]
    distinct = values.nunique()
    if distinct == 2:
        first, second = sorted(values.unique())
        return Kind.BINARY, f"{target} has two different values ({first}, {second})"
    if not is_numeric_dtype(values):
        return Kind.MULTICLASS, f"{target} is text with {distinct} different values"
    whole = bool((values % 1 == 0).all())
    if whole and distinct <= min(FEW_WHOLE_NUMBERS, len(values) / ROWS_PER_NUMBER):
        return Kind.MULTICLASS, f"{target} is one of {distinct} whole numbers"
    return Kind.REGRESSION, f"{target} is numeric with {distinct} different values"


def usual_batch(rows: int) -> int:
    """Return 64, or what still gives four batches of the three quarters that are trained on."""
    return max(1, min(64, rows * 3 // 16))


def csv_task(  # noqa: PLR0913  (each is one option of the command line)
    path: str | Path,
    target: str | Sequence[str],
    *,
    kind: Kind | None = None,
    hidden: Sequence[int] = (64, 32),
    epochs: int = 30,
    batch: int | None = None,
    activation: str = "relu",
) -> Task:
    """Return the task of predicting one column of a CSV file, or several, from all the others.

    Without a batch size it is 64, or a quarter of a small table's training rows.
    Raises UsageError if the file or a column does not allow it.
    """
    data = _data(path, target)
    columns = target_columns(read_csv(path), data.target, str(path))
    kind = kind or _guessed(columns)[0]
    check_targets(columns, kind, str(path))
    named = " and ".join(f"'{name}'" for name in data.target)
    what = "the column" if len(data.target) == 1 else "the columns"
    values = {
        "name": re.sub(r"[^\w.-]+", "-", Path(path).stem).strip("-.")[:80] or "data",
        "title": f"{Path(path).name}: {', '.join(data.target)}",
        "description": f"Predicts {what} {named} of {Path(path).name} from the others.",
        "kind": kind,
        "data": data.model_dump(),
        "model": {"layers": [{"units": units, "activation": activation} for units in hidden]},
        "training": {
            "loss": LOSSES_OF_KIND[kind][0],
            "batch_size": usual_batch(len(columns)) if batch is None else batch,
            "epochs": epochs,
            "optimizer": EXACT_ADAM,
        },
    }
    return parse(Task, values, where=f"The task for {path}")

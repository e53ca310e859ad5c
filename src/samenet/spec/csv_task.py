"""A person's own table: read a CSV file, check its target, make a task of it.

The parent process uses this module, so it imports pandas but not scikit-learn.
"""

from __future__ import annotations

import csv
import io
import re
import stat
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from samenet._console import make_printable
from samenet._text import join_names, pluralize, shorten
from samenet.errors import UsageError, explain_unreadable, unknown_name
from samenet.machine.readings import memory_available_bytes
from samenet.spec import kind_guess
from samenet.spec.network import TaskKind
from samenet.spec.parsing import parse
from samenet.spec.task import DataSpec, Task, why_not_several
from samenet.spec.task_defaults import EPOCHS, HIDDEN, default_batch_size, make_task

SEPARATORS = ",;\t"
MISSING_MARKS = ["?"]
"""Read as missing, in addition to pandas' own list (empty, NA, null ...): used in UCI tables."""

LARGEST_NUMBER = 1e100
"""The square of larger numbers overflows; they are typing errors or stand for infinity."""

CLASSES_MAX = 1000


def read_csv(path: str | Path) -> pd.DataFrame:
    """Return the table in a CSV file: stripped texts, finite numbers, one name per column.

    The separator (comma, semicolon or tab) is the one that splits the first line most often.
    Raises UsageError saying in one sentence why a file is not such a table.
    """
    text = _text(Path(path))
    try:
        separator, names = _header(text)
        _refuse_equal_names(names, path)
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


MEMORY_PER_BYTE = 12
"""Bytes of memory that reading and typing a table takes, at most, for each byte of its file: 755 MB
were seen for 69 MB of a million rows."""


def _text(path: Path) -> str:
    try:
        _refuse_large(path)
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8 text; save the table as CSV in UTF-8.") from None
    except (OSError, ValueError) as error:
        reason = explain_unreadable(error)
        raise UsageError(f"Cannot read the data file {shorten(str(path))}: {reason}.") from None
    if not text.strip():
        raise UsageError(f"{path} is empty.")
    return text.lstrip("\n")


def _refuse_large(path: Path) -> None:
    """Raise ValueError for a table that this machine's memory cannot take, before it is read."""
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise ValueError("it is no plain file")
    available, needed = memory_available_bytes(), MEMORY_PER_BYTE * found.st_size
    if available is not None and needed > available:
        raise ValueError(
            f"{found.st_size / 1e6:.0f} MB of text take about {needed / 1e9:.1f} GB of memory, and "
            f"{available / 1e9:.1f} GB are free; use fewer rows"
        )


def _header(text: str) -> tuple[str, list[str]]:
    first_line = text.split("\n", 1)[0]
    columns = {mark: len(next(csv.reader([first_line], delimiter=mark))) for mark in SEPARATORS}
    separator = max(SEPARATORS, key=lambda mark: columns[mark])  # of equals the first: the comma
    names = next(csv.reader(io.StringIO(text), delimiter=separator, skipinitialspace=True))
    return separator, [_one_line(name) for name in names]


def _refuse_equal_names(names: list[str], path: str | Path) -> None:
    repeated = [name for name, count in Counter(names).items() if name and count > 1]
    if repeated:
        raise UsageError(f"{path} has two columns called '{repeated[0]}'; rename one.")


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
    return make_printable(" ".join(str(name).split()))


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
    """Return the values to predict, one column per target, without rows that lack a value.

    Raises UsageError if there is no such column, or if no row is left.
    """
    if not targets:
        raise UsageError(f"{where}: no target column is named; set data.target.")
    for target in targets:
        if target not in frame.columns:
            raise unknown_name(f"column of {where}", target, [str(name) for name in frame.columns])
        if frame[target].isna().all():
            raise UsageError(f"{where}: the target column '{target}' has no values.")
    values = frame[list(targets)].dropna()
    if len(values) == 0:
        raise UsageError(f"{where}: no row has a value of every target ({', '.join(targets)}).")
    return values.apply(lambda column: column.map(str) if is_bool_dtype(column) else column)


def check_targets(values: pd.DataFrame, kind: TaskKind, where: str) -> None:
    """Raise UsageError if targets without missing values cannot be of this kind."""
    if problem := why_not_several(kind, [str(name) for name in values]):
        raise UsageError(f"{where}: {problem}.")
    for name in values:
        _check_target(values[name], kind, where)


def _check_target(values: pd.Series[Any], kind: TaskKind, where: str) -> None:
    distinct = values.nunique()
    name = values.name
    if distinct == 1:
        raise UsageError(f"{where}: '{name}' has one value only: there is nothing to predict.")
    if kind is TaskKind.REGRESSION and not is_numeric_dtype(values):
        example = values[pd.to_numeric(values, errors="coerce").isna()]
        shown = f" such as '{example.iloc[0]}'" if len(example) else ""
        raise UsageError(f"{where}: '{name}' holds texts{shown}; a regression needs numbers.")
    if kind is TaskKind.BINARY and distinct != 2:
        raise UsageError(f"{where}: '{name}' has {distinct} different values; binary needs two.")
    if kind is TaskKind.MULTICLASS and distinct > min(CLASSES_MAX, len(values) / 2):
        raise UsageError(
            f"{where}: '{name}' has {distinct} different values in {len(values)} rows, "
            "too many to be classes."
        )


def guess_kind(path: str | Path, target: str | Sequence[str]) -> tuple[TaskKind, str]:
    """Return the kind of task that one or several columns make, and the reason in one sentence."""
    values = target_columns(read_csv(path), _data(path, target).target, str(path))
    kind, reason = kind_guess.guess_kind(values)
    check_targets(values, kind, str(path))
    return kind, reason


def _data(path: str | Path, target: str | Sequence[str]) -> DataSpec:
    values = {"source": f"csv:{Path(path).as_posix()}", "target": target}
    return parse(DataSpec, values, where=str(path))


def csv_task(  # noqa: PLR0913  (each is one option of the command line)
    path: str | Path,
    target: str | Sequence[str],
    *,
    kind: TaskKind | None = None,
    hidden: Sequence[int] = HIDDEN,
    epochs: int = EPOCHS,
    batch: int | None = None,
    activation: str = "relu",
) -> Task:
    """Return the task of predicting one column of a CSV file, or several, from all the others.

    The default batch size is 64, or a quarter of a small table's training rows.
    Raises UsageError if the file or a column does not allow it.
    """
    data = _data(path, target)
    columns = target_columns(read_csv(path), data.target, str(path))
    kind = kind or kind_guess.guess_kind(columns)[0]
    check_targets(columns, kind, str(path))
    file = Path(path).name
    noun = pluralize(len(data.target), "column")
    named = join_names(f"'{name}'" for name in data.target)
    return make_task(
        re.sub(r"[^\w.-]+", "-", Path(path).stem).strip("-.")[:80] or "data",
        kind,
        data.model_dump(),
        batch_size=default_batch_size(len(columns)) if batch is None else batch,
        hidden=hidden,
        activation=activation,
        epochs=epochs,
        title=f"{file}: {', '.join(data.target)}",
        description=f"Predicts the {noun} {named} of {file} from the others.",
        where=f"The task for {path}",
    )

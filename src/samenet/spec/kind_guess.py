"""The guess of what kind of task a target makes, the same for a table and for arrays.

It looks at the type first and counts values second, as AutoGluon's `infer_problem_type` does: texts
and categoricals are classes; whole numbers (also 2.0) are classes if they are few and each occurs
often enough; all other numbers are a regression. scikit-learn's `type_of_target` takes all whole
numbers for classes, which is right for a check of labels and wrong for a guess: counts, years and
ages are whole numbers, too.
"""

from __future__ import annotations

import pandas as pd
from pandas.api.types import is_numeric_dtype

from samenet._text import join_names
from samenet.errors import UsageError
from samenet.spec.network import TaskKind

FEW_WHOLE_NUMBERS = 20
"""A target with at most this many different whole numbers is taken for class numbers ..."""
ROWS_PER_NUMBER = 5
"""... if each of them occurs in at least this many rows on average."""


def guess_kind(targets: pd.DataFrame) -> tuple[TaskKind, str]:
    """Return the kind that targets suggest, and why in one sentence.

    There is a column per target, without missing values. Raises UsageError for several columns of
    only 0 and 1, which may be one-hot classes or numbers.
    """
    if len(targets.columns) > 1:
        return _of_several(targets)
    name = str(targets.columns[0])
    values = targets.iloc[:, 0]
    distinct = values.nunique()
    if distinct == 2:
        first, second = sorted(values.unique(), key=_order)
        return _with_reason(TaskKind.BINARY, f"{name} has two different values ({first}, {second})")
    if isinstance(values.dtype, pd.CategoricalDtype):
        return _with_reason(
            TaskKind.MULTICLASS, f"{name} is categorical with {distinct} different values"
        )
    if not is_numeric_dtype(values):
        return _with_reason(TaskKind.MULTICLASS, f"{name} is text with {distinct} different values")
    whole = bool((values % 1 == 0).all())
    if whole and distinct <= min(FEW_WHOLE_NUMBERS, len(values) / ROWS_PER_NUMBER):
        return _with_reason(TaskKind.MULTICLASS, f"{name} is one of {distinct} whole numbers")
    return _with_reason(TaskKind.REGRESSION, f"{name} is numeric with {distinct} different values")


def _order(value: object) -> tuple[bool, object]:
    """Return what sorts numbers before texts, which do not compare with each other."""
    is_text = isinstance(value, str)
    return is_text, value


def _of_several(targets: pd.DataFrame) -> tuple[TaskKind, str]:
    names = join_names(str(name) for name in targets)
    if targets.isin([0, 1, "False", "True"]).all(axis=None):  # a table's booleans come as texts
        raise UsageError(
            f"{names} are several targets of 0 and 1 alone. Of classes one column is needed, "
            "such as onehot.argmax(axis=1). If they are numbers to predict, say that the kind is "
            "regression."
        )
    return _with_reason(TaskKind.REGRESSION, f"{names} are several targets")


def _with_reason(kind: TaskKind, reason: str) -> tuple[TaskKind, str]:
    return kind, f"{reason}: {kind}"

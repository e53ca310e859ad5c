"""Where the rows of a task come from: scikit-learn, a formula, a CSV file, arrays.

`load` gives the table as a person would hand it to scikit-learn, with the split;
`prepare` gives the numbers that every framework sees. Only workers import this module.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field
from sklearn import datasets
from sklearn.preprocessing import StandardScaler

from samenet.dataset import DataCard, Dataset
from samenet.draws import generator
from samenet.errors import UsageError, unknown
from samenet.spec import Frozen, Kind, parse
from samenet.tables import check_target, read_csv, refuse_infinite, target_column
from samenet.task import DataSpec, Task
from samenet.tasks.preparation import learnt, preprocessor, split, typed

ROWS_MIN = 10
"""Fewer rows cannot be split into a part to learn from and a part to judge by."""


class Table(NamedTuple):
    """What a source gives: columns, the values to predict, and the names of class numbers."""

    features: pd.DataFrame
    target: pd.Series[Any]
    class_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RawTable:
    """A table before any scaling, and its split.

    `features` holds numbers (float64), dates and texts; `target` int64 class numbers or
    float64 values in the data's own units; `train` and `test` are row numbers of both.
    """

    features: pd.DataFrame
    target: NDArray[Any]
    train: NDArray[np.int64]
    test: NDArray[np.int64]
    kind: Kind
    class_names: tuple[str, ...]
    notes: tuple[str, ...]


def load(task: Task) -> RawTable:
    """Return the table of a task; raise UsageError if it cannot be trained on."""
    table = _table(task)
    check_target(table.target, task.kind, task.data.source)
    dropped = len(table.features) - len(table.target)
    features, notes = typed(table.features.loc[table.target.index])
    refuse_infinite(features, task.data.source)  # texts that turned out to be numbers
    codes, names = _coded(table, task.kind)
    _enough(task, rows=len(codes))
    parts = split(
        None if task.kind is Kind.REGRESSION else codes,
        rows=len(codes),
        test_rows=task.data.test_rows,
        seed=task.data.split_seed,
    )
    _whole_batch(task, train_rows=len(parts.train))
    missing = [f"Rows without a target ({dropped}) are left out."] if dropped else []
    return RawTable(
        features=features.reset_index(drop=True),
        target=codes,
        train=parts.train,
        test=parts.test,
        kind=task.kind,
        class_names=names,
        notes=(*missing, parts.note, *notes),
    )


def _coded(table: Table, kind: Kind) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Return class numbers and the names of the classes, or the values of a regression."""
    if kind is Kind.REGRESSION:
        return table.target.to_numpy(np.float64), ()
    values, codes = np.unique(table.target.to_numpy(), return_inverse=True)
    names = table.class_names or tuple(_class_name(value) for value in values)
    return codes.astype(np.int64), names


def _class_name(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _enough(task: Task, *, rows: int) -> None:
    if rows < ROWS_MIN:
        raise UsageError(
            f"{task.data.source} has {rows} usable rows; samenet needs at least {ROWS_MIN}."
        )


def _whole_batch(task: Task, *, train_rows: int) -> None:
    if task.training.batch_size > train_rows:
        raise UsageError(
            f"A batch of {task.training.batch_size} rows is larger than the {train_rows} rows "
            f"to train on; use a batch of at most {train_rows}."
        )


def prepare(task: Task) -> Dataset:
    """Return the rows every framework sees: training rows first, then test rows."""
    raw = load(task)
    train, order = raw.features.iloc[raw.train], np.concatenate([raw.train, raw.test])
    preparation = preprocessor(raw.features).fit(train)
    inputs = preparation.transform(raw.features.iloc[order]).astype(np.float32)
    targets, mean, scale = _targets(raw)
    names = preparation.get_feature_names_out()  # such as "numbers__age"
    card = DataCard(
        kind=task.kind,
        train_rows=len(raw.train),
        test_rows=len(raw.test),
        features=inputs.shape[1],
        outputs=len(raw.class_names) if task.kind is Kind.MULTICLASS else 1,
        feature_names=tuple(str(name).split("__", 1)[1] for name in names),
        class_names=raw.class_names,
        target_mean=mean,
        target_scale=scale,
        notes=(*raw.notes, *learnt(train), _about_target(raw)),
    )
    return Dataset(card=card, inputs=np.ascontiguousarray(inputs), targets=targets[order])


def _targets(raw: RawTable) -> tuple[NDArray[Any], tuple[float, ...], tuple[float, ...]]:
    """Return the targets as DataSource holds them; mean and scale if they are values."""
    if raw.kind is Kind.MULTICLASS:
        return raw.target.astype(np.int32), (), ()
    column = raw.target.reshape(-1, 1)
    if raw.kind is Kind.BINARY:
        return column.astype(np.float32), (), ()
    scaler = StandardScaler().fit(column[raw.train])
    scaled = scaler.transform(column).astype(np.float32)
    return scaled, (float(scaler.mean_[0]),), (float(scaler.scale_[0]),)


def _about_target(raw: RawTable) -> str:
    if raw.kind is Kind.REGRESSION:
        return "The target is scaled like the inputs; errors are reported in its own units."
    counts = np.bincount(raw.target, minlength=len(raw.class_names))
    shown = [f"{name} ({count})" for name, count in zip(raw.class_names, counts, strict=True)]
    rest = f" and {len(shown) - 10} more" if len(shown) > 10 else ""
    return f"Classes and their rows: {', '.join(shown[:10])}{rest}."


def _table(task: Task) -> Table:
    prefix, _, name = task.data.source.partition(":")
    if prefix not in SOURCES or not name:
        raise unknown("data source", task.data.source, [f"{key}:..." for key in SOURCES])
    if task.data.options and prefix != "synthetic":
        raise UsageError(f"data.options: a source '{prefix}:' has no options.")
    return SOURCES[prefix](name, task.data)


def _from_sklearn(name: str, data: DataSpec) -> Table:
    del data  # these sets have no options
    if name not in SKLEARN_SETS:
        raise unknown("data set of scikit-learn", name, SKLEARN_SETS)
    bunch = SKLEARN_SETS[name]()
    names = getattr(bunch, "target_names", ())
    return Table(bunch.data, bunch.target, tuple(str(class_name) for class_name in names))


SKLEARN_SETS: dict[str, Callable[[], Any]] = {
    "breast_cancer": lambda: datasets.load_breast_cancer(as_frame=True),
    "diabetes": lambda: datasets.load_diabetes(as_frame=True, scaled=False),
    "digits": lambda: datasets.load_digits(as_frame=True),
    "iris": lambda: datasets.load_iris(as_frame=True),
    "wine": lambda: datasets.load_wine(as_frame=True),
}


class Synthetic(Frozen):
    """The options of a synthetic source."""

    rows: int = Field(default=1000, ge=ROWS_MIN, le=1_000_000)
    noise: float = Field(default=0.1, ge=0)
    seed: int = Field(default=0, ge=0, lt=2**32)


def _from_formula(name: str, data: DataSpec) -> Table:
    if name not in FORMULAS:
        raise unknown("synthetic data set", name, FORMULAS)
    options = parse(Synthetic, data.options, where=f"The options of synthetic:{name}")
    inputs, target = FORMULAS[name](options)
    columns = [f"x{number + 1}" for number in range(inputs.shape[1])]
    return Table(pd.DataFrame(inputs, columns=columns), pd.Series(target, name="target"))


def _two_moons(options: Synthetic) -> tuple[NDArray[Any], NDArray[Any]]:
    moons = datasets.make_moons(options.rows, noise=options.noise, random_state=options.seed)
    return moons[0], moons[1]


def _friedman(options: Synthetic) -> tuple[NDArray[Any], NDArray[Any]]:
    table = datasets.make_friedman1(options.rows, noise=options.noise, random_state=options.seed)
    return table[0], table[1]


def _spirals(options: Synthetic) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return three arms wound once around the origin; noise is the deviation of each point."""
    draw = generator("spirals", options.seed)
    arm = np.arange(options.rows) % 3
    radius = np.sqrt(draw.uniform(0.01, 1.0, options.rows))  # evenly along the area, not the arm
    angle = 2 * np.pi * (radius + arm / 3)
    points = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return points + options.noise * draw.standard_normal(points.shape), arm


FORMULAS = {"two_moons": _two_moons, "spirals": _spirals, "friedman": _friedman}


def _from_csv(path: str, data: DataSpec) -> Table:
    frame = read_csv(path)
    target = target_column(frame, data.target, path)
    return Table(frame.drop(columns=data.target), target)


def _from_arrays(path: str, data: DataSpec) -> Table:
    """Return the rows of an NPZ file with `inputs` (rows, features) and `targets` (rows,)."""
    del data  # there is nothing to choose
    try:
        with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as stored:
            inputs, targets = stored["inputs"], stored["targets"]
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise UsageError(f"Cannot read inputs and targets from {path}: {error}.") from None
    targets = targets[:, 0] if targets.ndim == 2 and targets.shape[1] == 1 else targets
    if inputs.ndim != 2 or targets.shape != inputs.shape[:1]:
        raise UsageError(
            f"{path}: inputs must be (rows, features) and targets (rows,); "
            f"they are {inputs.shape} and {targets.shape}."
        )
    columns = [f"x{number + 1}" for number in range(inputs.shape[1])]
    frame = pd.DataFrame(inputs, columns=columns).assign(target=targets)
    refuse_infinite(frame, path)
    return Table(frame[columns], target_column(frame, "target", path))


SOURCES: dict[str, Callable[[str, DataSpec], Table]] = {
    "sklearn": _from_sklearn,
    "synthetic": _from_formula,
    "csv": _from_csv,
    "arrays": _from_arrays,
}

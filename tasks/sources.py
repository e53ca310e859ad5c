"""Where the rows of a task come from: scikit-learn, a formula, a CSV file, arrays.

`load` gives the table as a person would hand it to scikit-learn, with the split;
`prepare` gives the numbers that every framework sees. Only workers import this module.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn import datasets
from sklearn.preprocessing import StandardScaler

from samenet._text import join_names
from samenet.adapter.array_files import read_arrays
from samenet.adapter.dataset import DataCard, Dataset
from samenet.errors import UsageError, unknown_name
from samenet.spec import DataSpec, Task, TaskKind, every_layer, parse
from samenet.spec.baselines import BEST_FIRST
from samenet.spec.csv_task import check_targets, read_csv, refuse_infinite, target_columns
from samenet.tasks.options import ROWS_MIN
from samenet.tasks.places import numbers_in_places, scale_in_places
from samenet.tasks.preparation import describe_learnt, preprocessor, split, type_columns
from samenet.tasks.synthetic import FORMULAS


class Table(NamedTuple):
    """What a source gives: columns, a column per target, and the names of class numbers."""

    features: pd.DataFrame
    targets: pd.DataFrame
    class_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RawTable:
    """A table before any scaling, and its split.

    `features` holds numbers (float64), dates and texts; `target` int64 class numbers (rows,) or
    float64 values in the data's own units, (rows,) or of several targets (rows, outputs); `train`
    and `test` are row numbers of both.
    """

    features: pd.DataFrame
    target: NDArray[Any]
    train: NDArray[np.int64]
    test: NDArray[np.int64]
    kind: TaskKind
    target_names: tuple[str, ...]
    class_names: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def outputs(self) -> int:
        """Return the width of a network's head."""
        return len(self.class_names) if self.kind is TaskKind.MULTICLASS else len(self.target_names)


def load(task: Task) -> RawTable:
    """Return the table of a task; raise UsageError if it cannot be trained on."""
    table = _table(task)
    check_targets(table.targets, task.kind, task.data.source)
    dropped = len(table.features) - len(table.targets)
    features, notes = _typed(table.features.loc[table.targets.index], task.data)
    codes, names = _coded(table, task.kind)
    _enough(task, rows=len(codes))
    parts = split(
        None if task.kind is TaskKind.REGRESSION else codes,
        rows=len(codes),
        test_rows=task.data.test_rows,
        seed=task.data.split_seed,
    )
    _whole_batch(task, train_rows=len(parts.train))
    _no_lone_row(task, train_rows=len(parts.train))
    missing = [f"Rows without a target ({dropped}) are left out."] if dropped else []
    return RawTable(
        features=features.reset_index(drop=True),
        target=codes,
        train=parts.train,
        test=parts.test,
        kind=task.kind,
        target_names=tuple(str(name) for name in table.targets),
        class_names=names,
        notes=(*missing, parts.note, *notes),
    )


def _typed(features: pd.DataFrame, data: DataSpec) -> tuple[pd.DataFrame, list[str]]:
    """Return the columns as what they are; where they stand in a shape, all are numbers."""
    if data.shape or data.vocabulary:
        return numbers_in_places(features, data), []
    typed, notes = type_columns(features)
    refuse_infinite(typed, data.source)  # texts that turned out to be numbers
    return typed, notes


def _coded(table: Table, kind: TaskKind) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Return class numbers and the names of the classes, or the values of a regression."""
    columns = table.targets
    if kind is TaskKind.REGRESSION:
        values = columns.to_numpy(np.float64)
        return values[:, 0] if values.shape[1] == 1 else values, ()
    values, codes = np.unique(columns.iloc[:, 0].to_numpy(), return_inverse=True)
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


def _no_lone_row(task: Task, *, train_rows: int) -> None:
    """Refuse a last batch of one row where a layer takes the variance over the batch."""
    kinds = {layer.kind for _, layer in every_layer(task.model.layers)}
    if "batch_norm" in kinds and train_rows % task.training.batch_size == 1:
        raise UsageError(
            f"{train_rows} rows to train on in batches of {task.training.batch_size} leave a last "
            "batch of one row, and batch_norm needs at least two; change test_rows or batch_size."
        )


def prepare(task: Task) -> Dataset:
    """Return the rows every framework sees: training rows first, then test rows."""
    raw = load(task)
    order = np.concatenate([raw.train, raw.test])
    inputs, names, learnt = _inputs(raw, order, task.data)
    targets, mean, scale = _targets(raw)
    card = DataCard(
        kind=task.kind,
        train_rows=len(raw.train),
        test_rows=len(raw.test),
        features=inputs.shape[1],
        outputs=raw.outputs,
        feature_names=names,
        class_names=raw.class_names,
        target_mean=mean,
        target_scale=scale,
        notes=(*raw.notes, *learnt, _about_target(raw), *_about_baselines(raw)),
    )
    return Dataset(card=card, inputs=np.ascontiguousarray(inputs), targets=targets[order])


def _inputs(
    raw: RawTable, order: NDArray[np.int64], data: DataSpec
) -> tuple[NDArray[Any], tuple[str, ...], list[str]]:
    """Return the inputs (rows, features), their names, and what was learnt from training rows."""
    train = raw.features.iloc[raw.train]
    if data.shape or data.vocabulary:
        inputs, said = scale_in_places(raw.features.to_numpy(), raw.train, data)
        return inputs[order], tuple(str(name) for name in raw.features), [said]
    preparation = preprocessor(raw.features).fit(train)
    inputs = preparation.transform(raw.features.iloc[order]).astype(np.float32)
    names = preparation.get_feature_names_out()  # such as "numbers__age"
    return inputs, tuple(str(name).split("__", 1)[1] for name in names), describe_learnt(train)


def _targets(raw: RawTable) -> tuple[NDArray[Any], tuple[float, ...], tuple[float, ...]]:
    """Return the targets as DataSource holds them; mean and scale if they are values."""
    if raw.kind is TaskKind.MULTICLASS:
        return raw.target.astype(np.int32), (), ()
    columns = raw.target.reshape(len(raw.target), -1)
    if raw.kind is TaskKind.BINARY:
        return columns.astype(np.float32), (), ()
    scaler = target_scaler(raw)
    scaled = scaler.transform(columns).astype(np.float32)
    return scaled, tuple(scaler.mean_.tolist()), tuple(scaler.scale_.tolist())


def target_scaler(raw: RawTable) -> StandardScaler:
    """Return what scales each target of a regression: its mean and deviation in the training."""
    return StandardScaler().fit(raw.target[raw.train].reshape(len(raw.train), -1))


def _about_target(raw: RawTable) -> str:
    if raw.kind is TaskKind.REGRESSION and raw.outputs > 1:
        return (
            f"Each of the {raw.outputs} targets ({', '.join(raw.target_names)}) is scaled like the "
            "inputs; errors are in their own units, and the average over the targets is reported."
        )
    if raw.kind is TaskKind.REGRESSION:
        return "The target is scaled like the inputs; errors are reported in its own units."
    counts = np.bincount(raw.target, minlength=len(raw.class_names))
    shown = [f"{name} ({count})" for name, count in zip(raw.class_names, counts, strict=True)]
    rest = f" and {len(shown) - 10} more" if len(shown) > 10 else ""
    return f"Classes and their rows: {', '.join(shown[:10])}{rest}."


def _about_baselines(raw: RawTable) -> list[str]:
    """Say which models that are not networks are not fitted for comparison."""
    size = {"rows": len(raw.train), "features": raw.features.shape[1], "outputs": raw.outputs}
    left = [baseline.in_sentence for baseline in BEST_FIRST if not baseline.fits(**size)]
    if not left:
        return []
    table = f"{size['rows']} rows of {size['features']} numbers for {size['outputs']} outputs"
    return [f"Not fitted for comparison, as it takes minutes on {table}: {join_names(left)}."]


def _table(task: Task) -> Table:
    prefix, _, name = task.data.source.partition(":")
    if prefix not in SOURCES or not name:
        raise unknown_name("data source", task.data.source, [f"{key}:..." for key in SOURCES])
    if task.data.options and prefix != "synthetic":
        raise UsageError(f"data.options: a source '{prefix}:' has no options.")
    return SOURCES[prefix](name, task.data)


def _from_sklearn(name: str, data: DataSpec) -> Table:
    del data  # these sets have no options
    if name not in SKLEARN_SETS:
        raise unknown_name("data set of scikit-learn", name, SKLEARN_SETS)
    bunch = SKLEARN_SETS[name]()
    names = getattr(bunch, "target_names", ())
    targets = pd.DataFrame({"target": bunch.target})
    return Table(bunch.data, targets, tuple(str(class_name) for class_name in names))


SKLEARN_SETS: dict[str, Callable[[], Any]] = {
    "breast_cancer": lambda: datasets.load_breast_cancer(as_frame=True),
    "diabetes": lambda: datasets.load_diabetes(as_frame=True, scaled=False),
    "digits": lambda: datasets.load_digits(as_frame=True),
    "iris": lambda: datasets.load_iris(as_frame=True),
    "wine": lambda: datasets.load_wine(as_frame=True),
}


def _from_formula(name: str, data: DataSpec) -> Table:
    if name not in FORMULAS:
        raise unknown_name("synthetic data set", name, FORMULAS)
    kind, formula = FORMULAS[name]
    inputs, targets = formula(parse(kind, data.options, where=f"The options of synthetic:{name}"))
    return Table(_named(inputs, "x"), _named(targets, "target"))


def _named(values: NDArray[Any], name: str) -> pd.DataFrame:
    """Return the columns as x1, x2 ...; the one column of a vector is called by the name alone."""
    if values.ndim == 1:
        return pd.DataFrame({name: values})
    columns = [f"{name}{number + 1}" for number in range(values.shape[1])]
    return pd.DataFrame(values, columns=columns)


def _from_csv(path: str, data: DataSpec) -> Table:
    frame = read_csv(path)
    targets = target_columns(frame, data.target, path)
    return Table(frame.drop(columns=list(data.target)), targets)


def _from_arrays(path: str, data: DataSpec) -> Table:
    """Return the rows of an NPZ file: `inputs` (rows, *shape), `targets` (rows[, outputs])."""
    inputs, targets = read_arrays(Path(path), ("inputs", "targets"))
    targets = targets[:, 0] if targets.ndim == 2 and targets.shape[1] == 1 else targets
    if inputs.ndim > 2 and data.shape == inputs.shape[1:]:
        inputs = inputs.reshape(len(inputs), -1)
    if inputs.ndim > 2 and not data.shape:
        raise UsageError(f"{path}: say data.shape = {list(inputs.shape[1:])}, the shape of a row.")
    if inputs.ndim != 2 or targets.ndim not in (1, 2) or len(targets) != len(inputs):
        raise UsageError(
            f"{path}: inputs must be (rows, features) and targets (rows,) or (rows, outputs); "
            f"they are {inputs.shape} and {targets.shape}."
        )
    features, named = _named(inputs, "x"), _named(targets, "target")
    for frame in (features, named):
        refuse_infinite(frame, path)
    return Table(features, target_columns(named, [str(name) for name in named], path))


SOURCES: dict[str, Callable[[str, DataSpec], Table]] = {
    "sklearn": _from_sklearn,
    "synthetic": _from_formula,
    "csv": _from_csv,
    "arrays": _from_arrays,
}

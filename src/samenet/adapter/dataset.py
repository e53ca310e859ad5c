"""The rows every framework sees: prepared once, read-only, in one file with one hash."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from samenet.adapter.array_files import read_arrays
from samenet.adapter.arrays import Array, DataSource
from samenet.errors import RunFolderError, reading
from samenet.spec.network import ModelSpec, Network, TaskKind
from samenet.spec.task import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class DataCard:
    """What a reader wants to know about the data, as plain values."""

    kind: TaskKind
    train_rows: int
    test_rows: int
    features: int
    outputs: int
    """Width of the network's head: 1 if binary, classes if multi-class, targets if regression."""
    feature_names: tuple[str, ...]
    class_names: tuple[str, ...] = ()
    target_mean: tuple[float, ...] = ()
    """Regression only: targets are (original - mean) / scale, both of the training part."""
    target_scale: tuple[float, ...] = ()
    notes: tuple[str, ...] = ()
    """What the preparation did, one plain sentence each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """Prepared rows; inputs (rows, features) whatever their shape, targets as in DataSource."""

    card: DataCard
    inputs: Array
    targets: Array

    def rows(self, network: Network) -> Array:
        """Return all inputs as a network takes them: (rows, *input_shape), tokens as int32."""
        dtype = np.int32 if network.vocabulary else np.float32
        return self.inputs.astype(dtype, copy=False).reshape(-1, *network.input_shape)

    def source(self, network: Network, *, one_hot: bool = False) -> DataSource:
        """Return the rows as a program loads them, read-only; class numbers one-hot if asked."""
        inputs, targets = self.rows(network), self.targets
        if one_hot:
            targets = np.eye(self.card.outputs, dtype=np.float32)[targets]
        for array in (self.inputs, inputs, targets):
            array.flags.writeable = False
        return DataSource(inputs=inputs, targets=targets, train_rows=self.card.train_rows)

    def digest(self) -> str:
        """Return the SHA-256 of the bytes every framework sees."""
        state = hashlib.sha256()
        for array in (self.inputs, self.targets):
            state.update(f"{array.dtype.str}{array.shape}".encode())
            state.update(np.ascontiguousarray(array).tobytes())
        return state.hexdigest()

    def original_units(self, values: Array) -> Array:
        """Return regression targets or predictions (rows, outputs) in the data's own units."""
        return values * np.array(self.card.target_scale) + np.array(self.card.target_mean)

    def save(self, path: Path) -> None:
        """Write one NPZ file."""
        card = json.dumps(asdict(self.card))
        np.savez(path, card=np.array(card), inputs=self.inputs, targets=self.targets)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read the file that `save` wrote; raises RunFolderError if it is damaged."""
        with reading(f"the prepared data {path}", RunFolderError):
            card, inputs, targets = read_arrays(
                path, ("card", "inputs", "targets"), RunFolderError, is_foreign=True
            )
            facts = DataCard(**_tuples(json.loads(str(card))))
            if inputs.ndim != 2 or len(inputs) != len(targets):
                raise ValueError(f"inputs are {inputs.shape}, targets {targets.shape}")
            return cls(card=facts, inputs=inputs, targets=targets)


def _tuples(values: dict[str, Any]) -> dict[str, Any]:
    values["kind"] = TaskKind(values["kind"])
    return {key: tuple(v) if isinstance(v, list) else v for key, v in values.items()}


def network_of(task: Task, dataset: Dataset) -> Network:
    """Return the network of a task on its prepared data."""
    return network_for(task, task.model, dataset)


def network_for(task: Task, model: ModelSpec, dataset: Dataset) -> Network:
    """Return another model's network on the prepared data of a task."""
    return model.network(
        inputs=task.data.shape or dataset.card.features,
        outputs=dataset.card.outputs,
        vocabulary=task.data.vocabulary,
    )

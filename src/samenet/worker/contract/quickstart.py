"""The items of the contract that are about the quick start; each returns what it found wrong."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from samenet.adapter import discovery, draws
from samenet.adapter.arrays import Array, QuickStartData
from samenet.adapter.discovery import AdapterFile
from samenet.certificate import cases
from samenet.runs import adapter_source
from samenet.runs.plan import Arm
from samenet.spec.network import Network, TaskKind
from samenet.spec.training import LOSSES_OF_KIND, TrainSpec

INPUTS, BATCH, ROWS, EPOCHS = 6, 16, 64, 2
OPTIONAL = (
    ("batch_size", r"all|[1-9]\d*", "a whole number of rows or 'all'"),
    ("updates", r"[1-9]\d*", "a whole number"),
)
"""What an entry of PAGES may say for the worker; without it the task's own number holds."""
OUTPUTS = {TaskKind.BINARY: 1, TaskKind.MULTICLASS: 3, TaskKind.REGRESSION: 1}


def there(arm: Arm) -> str:
    """Look for the file of the quick start and its function."""
    path = _path(arm)
    if not path.is_file():
        return f"there is no file {path.name} beside {Path(arm.path).name}"
    made = callable(getattr(discovery.load(path), "quickstart", None))
    return "" if made else f"{path.name} has no function quickstart"


def _path(arm: Arm) -> Path:
    found = AdapterFile(path=Path(arm.path), header=arm.header).quickstart_path
    return found or Path(arm.path)


def kinds(arm: Arm) -> dict[TaskKind, dict[str, str]]:
    """Return the kinds of tasks for which it names a page, with what it says about each."""
    said = {kind: adapter_source.read_pages(arm, str(kind)) for kind in TaskKind}
    return {kind: about for kind, about in said.items() if about}


def pages(arm: Arm) -> str:
    """Look for an address and a date of every kind it serves."""
    said = kinds(arm)
    wrong = [
        f"{kind}: no {name}"
        for kind, about in said.items()
        for name, form in (("page", r"https?://.+"), ("read", r"\d{4}-\d\d-\d\d"))
        if not re.fullmatch(form, about.get(name, ""))
    ]
    wrong += [
        f"{kind}: {name} is not {allowed}"
        for kind, about in said.items()
        for name, form, allowed in OPTIONAL
        if name in about and not re.fullmatch(form, about[name])
    ]
    return "; ".join(wrong) if said else f"{_path(arm).name} has no PAGES of plain data"


def fits(arm: Arm) -> str:
    """Train and predict once for every kind it serves."""
    example = discovery.load(_path(arm))
    wrong = {kind: _fitted(example, kind) for kind in kinds(arm)}
    return "; ".join(f"{kind}: {text}" for kind, text in wrong.items() if text)


def _fitted(example: Any, kind: TaskKind) -> str:
    loss, outputs = LOSSES_OF_KIND[kind][0], OUTPUTS[kind]
    layers = [{"units": 8, "activation": "relu"}, {"units": outputs, "activation": "identity"}]
    network = Network.model_validate({"inputs": INPUTS, "layers": layers})
    spec = {"loss": loss, "optimizer": cases.RULES["adam"], "batch_size": BATCH, "epochs": EPOCHS}
    training = TrainSpec.model_validate(spec)
    inputs, targets = draws.parity_rows(ROWS, INPUTS, outputs, loss=loss, words=("quick start", 0))
    data = QuickStartData(inputs=inputs, targets=targets, kind=kind)
    made = example.quickstart(network, training, data, seed=0)
    losses = [float(each) for each in made.fit(EPOCHS)]
    if len(losses) != EPOCHS or not np.isfinite(losses).all():
        return f"fit({EPOCHS}) gives the losses {losses}"
    return _wrong_outputs(np.asarray(made.predict(inputs)), kind)


def _wrong_outputs(found: Array, kind: TaskKind) -> str:
    shape = (ROWS, OUTPUTS[kind])
    if found.shape != shape:
        return f"predict gives the shape {found.shape} instead of {shape}"
    if not np.isfinite(found).all():
        return "some predictions are infinite or not numbers"
    sums = found.sum(axis=1) if kind is TaskKind.MULTICLASS else np.ones(ROWS)
    outside = kind is not TaskKind.REGRESSION and bool(found.min() < 0 or found.max() > 1 + 1e-3)
    wrong = outside or bool(np.abs(sums - 1).max() > 1e-3)
    return "predictions are no probabilities" if wrong else ""

"""A task: named data, the network to train on them, how, and what counts as reaching the goal."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from samenet._text import shorten
from samenet.errors import UNREADABLE, UsageError, explain_unreadable, reading, unknown_name
from samenet.machine.files import read_text
from samenet.spec.layers import ON_NUMBERS, every_layer
from samenet.spec.metrics import METRICS, metric_names
from samenet.spec.network import ModelSpec, TaskKind, expand_model
from samenet.spec.parsing import FrozenModel, GrownModel, parse
from samenet.spec.training import LOSSES_OF_KIND, TrainSpec

MAIN_JOB = ("breast_cancer", "digits", "diabetes")
"""The tasks of `samenet run` without arguments: one real data set per kind."""


def _as_names(value: Any) -> Any:
    """Return a single name as a list, and the empty text as an empty one."""
    return [name for name in [value] if name] if isinstance(value, str) else value


class DataSpec(GrownModel):
    """Where the rows come from and how they are split and prepared."""

    newer: ClassVar[frozenset[str]] = frozenset({"shape", "vocabulary"})
    source: str = Field(pattern=r"^(sklearn|synthetic|csv|arrays):.+$")
    """`sklearn:NAME`, `synthetic:NAME`, `csv:PATH`, or `arrays:PATH` of an NPZ file that holds
    `inputs` (rows, features) and `targets` (rows,), or (rows, outputs) of a regression."""
    options: dict[str, str | int | float | bool] = {}
    """Arguments of the source, e.g. the number of rows or the seed of a synthetic set."""
    target: Annotated[tuple[str, ...], BeforeValidator(_as_names)] = ()
    """The column to predict, or several columns of numbers at once (CSV only)."""
    test_rows: int = Field(default=0, ge=0, le=1_000_000_000)
    """Rows kept for the test; 0 takes a quarter."""
    split_seed: int = Field(default=0, ge=0, le=2**32 - 1)
    """What NumPy's older generator, with which scikit-learn splits, takes."""
    shape: tuple[Annotated[int, Field(ge=1, le=1_000_000)], ...] = Field(default=(), max_length=3)
    """How the numbers of a row stand: [height, width, channels] of an image, [steps, features] of a
    sequence, channels last; left out, a row is numbers without places."""
    vocabulary: int = Field(default=0, ge=0, le=10_000_000)
    """If a row is token numbers, how many there are: they go from 0 to below it."""

    @field_validator("target")
    @classmethod
    def _named_once(cls, target: tuple[str, ...]) -> tuple[str, ...]:
        for name in target:
            if target.count(name) > 1:
                raise ValueError(f"'{name}' is named twice")
        return target


class Goal(FrozenModel):
    """The score on the test rows at which a training is called done."""

    metric: str
    target: float

    def reached(self, value: float) -> bool:
        """Return whether a score is as good as the goal or better."""
        return METRICS[self.metric].reached(value, self.target)


def why_not_several(kind: TaskKind, targets: Sequence[str]) -> str:
    """Return why several targets do not fit a kind, or "": only a regression can have several."""
    if kind is TaskKind.REGRESSION or len(targets) < 2:
        return ""
    return f"several targets ({', '.join(targets)}) need a regression; a {kind} task has one"


PLACES = "places: say data.shape, such as [28, 28, 1] of images or [steps, features]"
NEEDS = {"embedding": "token numbers: say data.vocabulary, how many tokens there are"}

NAME_MAX = 80
"""Characters of a task's name."""


class Task(FrozenModel):
    """One comparison: every framework gets exactly this."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    name: str = Field(pattern=rf"^[^/\\\x00-\x1f\x7f-\x9f]{{1,{NAME_MAX}}}$")
    title: str = ""
    description: str = ""
    kind: TaskKind
    data: DataSpec
    model: ModelSpec = ModelSpec()
    training: TrainSpec
    goal: Goal | None = None

    @model_validator(mode="before")
    @classmethod
    def _with_its_tokens(cls, values: Any) -> Any:
        """Return the data with a preset spelt out: what it begins with depends on the rows."""
        data = values.get("data") if isinstance(values, dict) else None
        if not isinstance(data, dict) or "model" not in values:
            return values
        return {
            **values,
            "model": expand_model(values["model"], tokens=bool(data.get("vocabulary"))),
        }

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        self._check_layers()
        if problem := why_not_several(self.kind, self.data.target):
            raise ValueError(problem)
        losses = LOSSES_OF_KIND[self.kind]
        if self.training.loss.name not in losses:
            raise ValueError(f"a {self.kind} task trains with the loss {' or '.join(losses)}")
        if self.goal and self.goal.metric not in metric_names(self.kind):
            allowed = ", ".join(metric_names(self.kind))
            raise ValueError(f"goal.metric '{self.goal.metric}' is not one of {allowed}")
        return self

    def _check_layers(self) -> None:
        """Raise ValueError if the layers cannot fit the rows, as far as the file tells of them."""
        data, layers = self.data, list(every_layer(self.model.layers))
        if data.shape:
            if problem := self.model.why_not(inputs=data.shape, vocabulary=data.vocabulary):
                raise ValueError(problem)
        elif not data.vocabulary:
            for path, layer in layers:
                if layer.kind not in ON_NUMBERS:
                    raise ValueError(
                        f"layer {path} ({layer.kind}) gets rows of numbers and needs "
                        f"{NEEDS.get(layer.kind, PLACES)}"
                    )
        if self.training.batch_size < 2 and any(x.kind == "batch_norm" for _, x in layers):
            raise ValueError("batch_norm needs a training.batch_size of at least 2")

    @property
    def example(self) -> str:
        """Return which first example of a framework is followed, by its key in PAGES.

        That of the task's kind; of layers that are not dense that of their family.
        """
        family = self.model.family
        return str(self.kind) if family == "dense" else family

    def to_json(self) -> dict[str, Any]:
        """Return the task as plain data, as workers and run folders hold it."""
        return self.model_dump(mode="json", by_alias=True)


def shipped_tasks() -> list[str]:
    """Return the names of the tasks that come with samenet."""
    folder = files("samenet.tasks")
    return sorted(
        f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml")
    )


def load_task(name_or_path: str, overrides: Sequence[tuple[str, str]] = ()) -> Task:
    """Return a shipped task by name or a task file by path; `overrides` are (key, value) texts.

    Raises UsageError naming file, key, received value and what is allowed.
    """
    text, where = _text_of(name_or_path)
    values = parse_toml(text, where)
    for key, value in overrides:
        set_value(values, key, value)
    return parse(Task, values, where=where)


TASK_BYTES_MAX = 200_000
"""Of a task file; those of samenet have 2000."""

DOTS_MAX = 200
"""In one line: tomllib takes the square of the number of dots in a key to read it."""


def parse_toml(text: str, where: str) -> dict[str, Any]:
    """Return the plain data of a TOML text; raises UsageError if it is none, or absurdly nested."""
    for number, line in enumerate(text.split("\n"), start=1):
        if line.count(".") > DOTS_MAX:
            raise UsageError(f"{where} is not valid TOML: line {number} has too many dots.")
    try:
        return tomllib.loads(text)
    except UNREADABLE as error:
        reason = explain_unreadable(error)
        raise UsageError(f"{shorten(where)} is not valid TOML: {reason}.") from None


def _text_of(name_or_path: str) -> tuple[str, str]:
    if name_or_path.endswith(".toml"):
        return _read(Path(name_or_path)), name_or_path
    if name_or_path not in shipped_tasks():
        raise unknown_name("task", name_or_path, shipped_tasks())
    file = files("samenet.tasks") / f"{name_or_path}.toml"
    return file.read_text(encoding="utf-8"), f"task {name_or_path}"


def _read(path: Path) -> str:
    with reading(f"the task file {shorten(str(path))}"):
        return read_text(path, TASK_BYTES_MAX)


def set_value(values: dict[str, Any], key: str, text: str) -> None:
    """Change one place of a task's plain data, e.g. `model.layers.0.units`.

    Raises UsageError if the task has no such place; the value itself is checked by `parse`.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):  # no JSON, or absurd: a text, which `parse` looks at
        value = text
    *parents, last = key.split(".")
    node: Any = values
    try:
        for part in parents:
            node = node[int(part)] if isinstance(node, list) else node.setdefault(part, {})
        if isinstance(node, list):
            node[int(last)] = value
        else:
            node[last] = value
    except (ValueError, IndexError, TypeError, AttributeError):
        raise UsageError(f"--set {shorten(key)}: the task has no such place.") from None


def check_names_unique(tasks: Iterable[Task]) -> None:
    """Raise UsageError if two tasks of one run share a name."""
    seen: set[str] = set()
    for task in tasks:
        if task.name in seen:
            raise UsageError(f"Two tasks of this run are called '{task.name}'; rename one.")
        seen.add(task.name)

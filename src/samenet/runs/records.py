"""What is measured, as frozen records: one JSON line each, with a checksum of its content.

In a run folder the lines form a chain, see samenet.runs.chain.

History of the format
    1  first version; later lines hold the checksum of the one before as "previous"
"""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import asdict, dataclass, fields
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any, ClassVar, Literal

from samenet._text import quote_value, shorten
from samenet.errors import UNREADABLE, RunFolderError
from samenet.runs import validation

PREDICTION_GATE = "inference"
"""The gate of predictions: it decides about their times, not about those of training."""

DEVIATION = "deviation"
"""In place of a gate: how far a declared deviation leads, which is stated and judged by nothing."""


RECORD_SCHEMA = 1

INFINITE_ERROR = 1e308
"""Stands for an infinite or undefined error; JSON has neither."""

WORKING_PHASES = ("call", "call_other", "step", "forward")
"""Phases of which the time per step is computed; of an own fit it is a difference of two times."""

Track = Literal[
    "same",
    "control",
    "sensitivity",
    "quickstart",
    "reference",
    "inference",
    "limits",
    "layers",
]
Split = Literal["train", "test"]
FailureMark = Literal[
    "failed", "timed out", "interrupted", "unsupported", "not installed", "refused"
]
"""Interrupted: the machine, and not the framework, is why there is no result; a resume tries again.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What every record has."""

    kind: ClassVar[str] = ""

    job: str
    """The job of the plan that produced it."""

    def mismatch(self) -> str:
        """Return what in it does not go together, in words; nothing in a record as it should be."""
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateRecord(Record):
    """One check of one arm on one task: an error beside its limit."""

    kind: ClassVar[str] = "certificate"

    task: str
    arm: str
    repeat: int | None
    """None for gates that run once; a number for the checks of one timed process."""
    gate: str
    """"gate 1", "gate 2", "gate 4", "initial weights", "sync", "read-back"; only for predictions:
    "inference"."""
    quantity: str
    dtype: str
    error: float
    limit: float
    passed: bool
    detail: str = ""

    @property
    def share(self) -> float:
        """Return error / limit; with a limit of 0 it is 0 or infinite."""
        if self.limit:
            return self.error / self.limit
        return 0.0 if self.error == 0 else float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class TimingRecord(Record):
    """Raw samples of one phase in one process, in the order they were taken."""

    kind: ClassVar[str] = "timing"

    track: Track
    task: str
    arm: str
    repeat: int
    phase: str
    """interpreter, import, adapter (running its file), wake, load, build, first_call, warmup,
    calibration (stretches that find how many calls make one), call, call_other_first, call_other,
    check (whether `sync` waits; gate 4 and what is read back, after the clock has stopped: counted
    nowhere), own_fit (one epoch of the framework's own whole fit), fit (reference: the whole
    training; quick start: what its file imports as well); of inference: interpreter, import,
    adapter, wake, build, first_prediction, predict_usual, predict_fast; of single layers:
    interpreter, import, adapter, wake, build, first_call, warmup, calibration, step (forward and
    backward pass and the update), forward."""
    steps: int
    """Training steps, forward passes, or rows of a prediction in one sample; 0 where none of them
    applies."""
    seconds: tuple[float, ...]
    cpu_seconds: float | None = None
    """Processor time of all samples together, where it was read."""

    def mismatch(self) -> str:
        """Return whether samples of work hold none, or took less than no time."""
        if self.phase not in WORKING_PHASES and not self.phase.startswith("predict_"):
            return ""
        if not self.steps:
            return f"{self.phase} of 0 steps"
        return f"{self.phase} in negative seconds" if min(self.seconds, default=0) < 0 else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityRecord(Record):
    """One score of one training on one part of the data."""

    kind: ClassVar[str] = "quality"

    track: Track
    task: str
    arm: str
    repeat: int
    split: Split
    metric: str
    epochs: tuple[int, ...]
    """After which epochs; 0 is the untrained network."""
    values: tuple[float, ...]

    def mismatch(self) -> str:
        """Return whether there are as many values as epochs, and any."""
        epochs, values = len(self.epochs), len(self.values)
        return "" if epochs == values > 0 else f"{epochs} epochs, {values} values"


@dataclass(frozen=True, slots=True, kw_only=True)
class FootprintRecord(Record):
    """Peak memory of one process that did one training of one epoch and one prediction."""

    kind: ClassVar[str] = "footprint"

    task: str
    arm: str
    bytes_after_import: int
    bytes_peak: int
    device_bytes_peak: int | None = None
    """The peak of the framework's allocator on the CUDA device, if it reports one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitRecord(Record):
    """How fast this machine did some work without any framework: samples in order."""

    kind: ClassVar[str] = "limit"

    task: str
    """Empty for the machine as a whole."""
    quantity: str
    """"step" (all matrix products of one training step), one product as (rows, inner, columns)
    such as "forward 1: 32 x 64 x 32", or "memory"."""
    work: float
    """Floating point operations, or bytes, of one sample."""
    seconds: tuple[float, ...]

    def mismatch(self) -> str:
        """Return whether it holds no sample, or one of no time."""
        return "" if self.seconds and min(self.seconds) > 0 else "it holds no time above 0"


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureRecord(Record):
    """Why there is no result."""

    kind: ClassVar[str] = "failure"

    track: Track
    task: str
    arm: str
    repeat: int | None
    mark: FailureMark
    reason: str
    detail: str = ""


AnswerRecord = (
    CertificateRecord | TimingRecord | QualityRecord | FootprintRecord | LimitRecord | FailureRecord
)
"""What a worker is asked for. Each has a `task`, in whose place a parity case may stand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event(Record):
    """Something that happened: its line holds the event's name, and its fields as `data`."""

    kind: ClassVar[str] = "event"
    name: ClassVar[str] = ""
    keys: ClassVar[dict[str, str]] = {}
    """The names on disk of fields that cannot have that name in Python."""
    newer: ClassVar[frozenset[str]] = frozenset()
    """Fields that events of its kind once lacked: written only where they say something, so that
    an old line stays as it is."""

    when: str

    def data(self) -> dict[str, Any]:
        """Return the fields of this kind of event by their names on disk."""
        values = asdict(self)
        return {
            self.keys.get(name, name): values[name]
            for name in event_fields(type(self))
            if values[name] or name not in self.newer
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSealed(Event):
    """What decides the verdicts was fixed before anything was measured."""

    name: ClassVar[str] = "plan sealed"

    sha256: str
    """As `Plan.seal` gives it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFinished(Event):
    """All records of a job are above this line: without it they are no result."""

    name: ClassVar[str] = "job finished"
    keys: ClassVar[dict[str, str]] = {"pass_name": "pass"}
    newer: ClassVar[frozenset[str]] = frozenset({"again"})

    pass_name: str
    seconds: float
    """Wall time of its worker, start and waiting included."""
    again: bool = False
    """Whether the machine was at fault, so that a resume does the job again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataPrepared(Event):
    """The rows of a task are in its file; the fields are those of adapter.dataset.DataCard."""

    name: ClassVar[str] = "data prepared"
    keys: ClassVar[dict[str, str]] = {"task_kind": "kind"}

    task_kind: str
    """"binary", "multiclass" or "regression"."""
    train_rows: int
    test_rows: int
    features: int
    outputs: int
    """Width of the network's head."""
    feature_names: tuple[str, ...] = ()
    class_names: tuple[str, ...] = ()
    target_mean: tuple[float, ...] = ()
    """Regression only: targets are (original - mean) / scale, both of the training part."""
    target_scale: tuple[float, ...] = ()
    notes: tuple[str, ...] = ()
    """What the preparation did, one plain sentence each."""
    digest: str
    """SHA-256 of the bytes every framework sees."""
    task: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputsKept(Event):
    """The raw outputs after a training's last epoch are in a file."""

    name: ClassVar[str] = "outputs kept"

    file: str
    """Its name in outputs/."""
    sha256: str
    """Of the outputs, not of the file."""

    def mismatch(self) -> str:
        """Return whether the file could lie elsewhere: a run folder may come from anyone."""
        plain = self.file == PurePosixPath(self.file).name == PureWindowsPath(self.file).name
        return "" if plain and "\0" not in self.file else "the file is not one of outputs/"


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledCodeKept(Event):
    """How many files of compiled code there were before and after a timed process."""

    name: ClassVar[str] = "compiled code kept"

    cache: str
    """The plan's choice: "cold" or "warm"."""
    files_before: int
    files_after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedProcess(Event):
    """What the machine was like during one timed process."""

    keys: ClassVar[dict[str, str]] = {"pass_name": "pass"}

    pass_name: str
    task: str
    """Empty if the process had several."""
    arm: str
    repeat: int
    readings: dict[str, float | None]
    """By the names in samenet.runs.environment; None for what cannot be read here."""
    broken: tuple[str, ...]
    """The rules that were broken, in words."""
    refused: bool
    """Whether its times are not counted because of them."""
    again: bool = False
    """Whether it was measured again in a quiet moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentRead(TimedProcess):
    """The machine during a process that may count."""

    name: ClassVar[str] = "environment"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSetAside(TimedProcess):
    """The machine during a disturbed process that was measured again, and its other records."""

    name: ClassVar[str] = "set aside"

    records: tuple[dict[str, Any], ...]
    """Their fields; they count nowhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessesLeft(Event):
    """A worker had started processes that went on after its end; they were ended."""

    name: ClassVar[str] = "processes left behind"

    arm: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitNotMeasured(Event):
    """Why the machine's limit is not known."""

    name: ClassVar[str] = "limit not measured"

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyTraining(Event):
    """One training of a study, and what was seen of its weights."""

    name: ClassVar[str] = "studied"

    scene: str
    choice: str
    """The activation or the loss."""
    seed: int
    epochs: tuple[int, ...]
    """After which epochs the weights were looked at; 0 is the untrained network."""
    looks: tuple[dict[str, Any], ...]
    """What was seen then, as samenet.worker.study_measures.measure_weights returns it."""
    seconds: tuple[float, ...]
    """Of each epoch."""
    checks: dict[str, float]
    """The relative errors of the framework's own outputs and losses."""

    def mismatch(self) -> str:
        """Return whether there is a look after each of the epochs."""
        epochs, looks = len(self.epochs), len(self.looks)
        return "" if epochs == looks else f"{epochs} epochs, {looks} looks"


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyOmission(Event):
    """A training of a study that gave no numbers."""

    name: ClassVar[str] = "left out of the study"

    scene: str
    choice: str
    seed: int
    reason: str
    wrong: bool
    """Whether the framework computed something else; otherwise it does not offer this choice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractItem(Event):
    """What one item of the contract found in an adapter."""

    name: ClassVar[str] = "contract item"

    part: str
    key: str
    found: str
    """Empty if the item is kept, else what is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTraced(Event):
    """All numbers of the first training step of one framework."""

    name: ClassVar[str] = "step"
    keys: ClassVar[dict[str, str]] = {"weighted_sum": "weighted sum", "new_weights": "new weights"}

    task: str
    arm: str
    inputs: tuple[list[float], ...]
    targets: tuple[Any, ...]
    weights: tuple[float, ...]
    weighted_sum: tuple[Any, ...]
    """What the network predicts before its link."""
    loss: float
    gradient: tuple[float, ...]
    new_weights: tuple[float, ...]
    output: tuple[Any, ...]
    """What it predicts after its link."""


EVENT_TYPES: dict[str, type[Event]] = {
    cls.name: cls
    for cls in (
        PlanSealed,
        JobFinished,
        DataPrepared,
        OutputsKept,
        CompiledCodeKept,
        EnvironmentRead,
        ProcessSetAside,
        ProcessesLeft,
        LimitNotMeasured,
        StudyTraining,
        StudyOmission,
        ContractItem,
        StepTraced,
    )
}

RECORD_TYPES: dict[str, type[Record]] = {
    cls.kind: cls
    for cls in (
        CertificateRecord,
        TimingRecord,
        QualityRecord,
        FootprintRecord,
        LimitRecord,
        FailureRecord,
        Event,
    )
}


def event_fields(cls: type[Event]) -> tuple[str, ...]:
    """Return the fields of a kind of event without those that every event has."""
    shared = {field.name for field in fields(Event)}
    return tuple(field.name for field in fields(cls) if field.name not in shared)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


DECODER = json.JSONDecoder(parse_constant=_refuse_constant)
ANOTHER_VERSION = "written by another version of samenet"


def encode(record: Record, previous: str = "") -> str:
    """Return the record as one line; the checksum covers every other character of it.

    `previous` is the checksum of the line before, if this one is to be a link of a chain.
    Raises ValueError for a number that is not finite: JSON has none.
    """
    body = {"schema": RECORD_SCHEMA, "kind": record.kind, **to_fields(record)}
    if previous:
        body["previous"] = previous
    text = json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return f'{text[:-1]},"sha256":"{checksum(text)}"}}'


def to_fields(record: Record) -> dict[str, Any]:
    """Return the fields of a record as its line holds them."""
    if isinstance(record, Event):
        head = {"job": record.job, "name": record.name, "when": record.when}
        return {**head, "data": record.data()}
    return asdict(record)


def checksum(text: str) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256: enough to notice any change."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def decode(line: str) -> Record:
    """Return the record of a line; raises RunFolderError if it is damaged, unknown or no record."""
    head, mark, tail = line.rstrip("\n").rpartition(',"sha256":"')
    body, claimed = (head + "}", tail.removesuffix('"}')) if mark else (line, "")
    try:
        values, end = DECODER.raw_decode(body)  # takes a third less time than json.loads
        cls = RECORD_TYPES[values.pop("kind")]
    except UNREADABLE:
        raise RunFolderError("not a record") from None
    if end != len(body) or checksum(body) != claimed:
        job = shorten(str(values.get("job")))
        raise RunFolderError(f"{cls.kind} record of job {job}: its content changed")
    values.pop("previous", None)
    if values.pop("schema", None) != RECORD_SCHEMA:
        raise RunFolderError(ANOTHER_VERSION)
    if cls is Event:
        cls, values = _event(values)
    return _validated(cls, _shared(values))


def _validated(cls: type[Record], values: dict[str, Any]) -> Record:
    """Return the record of these fields; raises RunFolderError if one is not as declared."""
    if not validation.has_fields(cls, values):
        raise RunFolderError(ANOTHER_VERSION)
    wrong = validation.find_wrong_field(cls, values)
    if wrong:
        found = quote_value(values[wrong])
        raise RunFolderError(f"{cls.__name__}: {wrong} cannot be {found}")
    record = cls(**values)
    if record.mismatch():
        raise RunFolderError(f"{cls.__name__}: {record.mismatch()}")
    return record


def _event(values: dict[str, Any]) -> tuple[type[Event], dict[str, Any]]:
    """Return the kind of an event and its fields; raises RunFolderError for an unknown kind."""
    try:
        cls = EVENT_TYPES[values.pop("name")]
        field_of_key = {cls.keys.get(field, field): field for field in event_fields(cls)}
        data = {field_of_key[key]: value for key, value in values.pop("data").items()}
    except (KeyError, TypeError, AttributeError):
        raise RunFolderError(ANOTHER_VERSION) from None
    return cls, {**values, **data}


def _shared(values: dict[str, Any]) -> dict[str, Any]:
    """Make lists tuples and equal texts one object: a run has thousands of records."""
    for name, value in values.items():
        if type(value) is str:
            values[name] = sys.intern(value)
        elif type(value) is list:
            values[name] = tuple(value)
    return values

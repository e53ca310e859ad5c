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
from typing import Any, ClassVar, Literal

from samenet.errors import RunFolderError

PREDICTION_GATE = "inference"
"""The gate of predictions: it decides about their times, not about those of training."""

DEVIATION = "deviation"
"""In place of a gate: how far a declared deviation leads, which is stated and judged by nothing."""


RECORD_SCHEMA = 1

INFINITE_ERROR = 1e308
"""Stands for an infinite or undefined error; JSON has neither."""

Track = Literal["same", "control", "sensitivity", "quickstart", "reference", "inference", "limits"]
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
    nowhere), own_fit (one epoch of the framework's own whole fit), fit (quick start and reference:
    the whole training); of inference: interpreter, import, adapter, wake, build, first_prediction,
    predict_usual, predict_fast."""
    steps: int
    """Training steps, or rows of a prediction, in one sample; 0 where neither applies."""
    seconds: tuple[float, ...]
    cpu_seconds: float | None = None
    """Processor time of all samples together, where it was read."""


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

    when: str

    def data(self) -> dict[str, Any]:
        """Return the fields of this kind of event by their names on disk."""
        values = asdict(self)
        return {self.keys.get(name, name): values[name] for name in event_fields(type(self))}


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


DECODER = json.JSONDecoder()
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
    """Return the record of a line; raises RunFolderError if it is damaged or unknown."""
    head, mark, tail = line.rstrip("\n").rpartition(',"sha256":"')
    body, claimed = (head + "}", tail.removesuffix('"}')) if mark else (line, "")
    try:
        values, end = DECODER.raw_decode(body)  # takes a third less time than json.loads
        cls = RECORD_TYPES[values.pop("kind")]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise RunFolderError("not a record") from None
    if end != len(body) or checksum(body) != claimed:
        raise RunFolderError(f"{cls.kind} record of job {values.get('job')}: its content changed")
    values.pop("previous", None)
    if values.pop("schema") != RECORD_SCHEMA:
        raise RunFolderError(ANOTHER_VERSION)
    if cls is Event:
        return _event(**values)
    return cls(**_shared(values))


def _event(*, job: str, name: str, when: str, data: dict[str, Any]) -> Event:
    """Return the record of an event; raises RunFolderError for an unknown kind."""
    cls = EVENT_TYPES.get(name)
    if cls is None:
        raise RunFolderError(ANOTHER_VERSION)
    field_of_key = {cls.keys.get(field, field): field for field in event_fields(cls)}
    try:
        values = {field_of_key[key]: value for key, value in data.items()}
        return cls(job=job, when=when, **_shared(values))
    except (KeyError, TypeError):
        raise RunFolderError(ANOTHER_VERSION) from None


def _shared(values: dict[str, Any]) -> dict[str, Any]:
    """Make lists tuples and equal texts one object: a run has thousands of records."""
    for name, value in values.items():
        if type(value) is str:
            values[name] = sys.intern(value)
        elif type(value) is list:
            values[name] = tuple(value)
    return values
